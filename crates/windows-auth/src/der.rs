//! As much DER as it takes to find one field in a certificate or in a Kerberos message, and to write a Kerberos
//! message. Pure, and never panics.

/// The tag of a `SEQUENCE`.
pub const SEQUENCE: u8 = 0x30;

/// The tag of an `OBJECT IDENTIFIER`.
pub const OBJECT_IDENTIFIER: u8 = 0x06;

/// The first value: its tag, its content, and the bytes after it. `None`: it is not complete.
pub fn first(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&length, mut rest) = rest.split_first()?;
    let mut length = usize::from(length);
    if length >= 0x80 {
        let digits = length & 0x7f;
        if digits == 0 || digits > 4 {
            return None;
        }
        let (written, after) = rest.split_at_checked(digits)?;
        length = written.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

/// The values in a sequence's content, as tag and content. Ends at the first invalid one.
pub fn each(mut content: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, value, rest) = first(content)?;
        content = rest;
        Some((tag, value))
    })
}

/// The content of the first value, if it has this tag.
pub fn content(tag: u8, bytes: &[u8]) -> Option<&[u8]> {
    first(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, _)| content)
}

/// A value with this tag and this content.
pub fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let digits = content.len().to_be_bytes();
    let digits = &digits[digits.iter().take_while(|digit| **digit == 0).count()..];
    let mut value = vec![tag];
    // A length has at most eight bytes.
    match content.len() {
        short @ 0..0x80 => value.push(short as u8),
        _ => value.extend(std::iter::once(0x80 | digits.len() as u8).chain(digits.iter().copied())),
    }
    value.extend(content);
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_and_long_lengths_are_read() {
        assert_eq!(first(&[0x04, 1, 7, 9]), Some((0x04, &[7][..], &[9][..])));
        let mut long = vec![0x04, 0x81, 200];
        long.extend([3; 201]);
        assert_eq!(first(&long), Some((0x04, &[3; 200][..], &[3][..])));
        for broken in [&[0x04][..], &[0x04, 2, 1], &[0x04, 0x80, 1], &[0x04, 0x85, 0, 0, 0, 0, 1, 1]] {
            assert_eq!(first(broken), None, "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn written_value_is_read_back(length in 0..70_000_usize) {
            let content = vec![7; length];
            let written = value(SEQUENCE, &content);
            prop_assert_eq!(super::content(SEQUENCE, &written), Some(&content[..]));
        }

        #[test]
        fn any_bytes_do_not_panic(bytes: Vec<u8>) {
            prop_assert!(each(&bytes).map(|(_, content)| content.len()).sum::<usize>() <= bytes.len());
        }
    }
}
