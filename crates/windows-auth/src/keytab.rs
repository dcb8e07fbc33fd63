//! Keytabs, in MIT's format 0x0502, which `ktutil`, `kadmin`, `ktpass` and Samba write. Pure, and never panics.

use super::octets::{Octets, Principal};

const FORMAT: u16 = 0x0502;

/// A principal's key.
pub struct Entry<'a> {
    /// Whose it is.
    pub principal: Principal,
    /// Which of its keys; a new one has a higher number.
    pub version: u32,
    /// Its encryption type (RFC 3961).
    pub kind: u16,
    /// The key itself.
    pub key: &'a [u8],
}

/// What a keytab holds. `None` when it is none.
pub fn entries(bytes: &[u8]) -> Option<Vec<Entry<'_>>> {
    let mut rest = Octets(bytes);
    if rest.u16()? != FORMAT {
        return None;
    }
    let mut entries = Vec::new();
    while !rest.0.is_empty() {
        let length = rest.u32()?.cast_signed();
        let record = rest.take(length.unsigned_abs().try_into().ok()?)?;
        // A negative length is a hole that an entry has left.
        if length > 0 {
            entries.push(entry(Octets(record))?);
        }
    }
    Some(entries)
}

fn entry(mut record: Octets<'_>) -> Option<Entry<'_>> {
    let parts = record.u16()?;
    let realm = record.counted16()?;
    let principal = Principal::read(realm, (0..parts).map(|_| record.counted16()))?;
    let (_name_type, _written) = (record.u32()?, record.u32()?);
    let short_version = record.u8()?;
    let kind = record.u16()?;
    let key = record.counted16()?;
    // Whoever knows the longer field writes it too.
    let version = record.u32().filter(|version| *version != 0).unwrap_or(short_version.into());
    Some(Entry { principal, version, kind, key })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What MIT's `ktutil` wrote for `svc@EXAMPLE`: version 2 with two keys, and version 300 with one.
    const KTUTIL: &[u8] = include_bytes!("../tests/fixtures/svc.keytab");

    #[test]
    fn a_keytab_of_ktutil_is_read() {
        let entries = entries(KTUTIL).expect("a keytab");
        let read: Vec<_> = entries
            .iter()
            .map(|entry| (entry.principal.to_string(), entry.version, entry.kind, entry.key.len()))
            .collect();
        let svc = || "svc@EXAMPLE".to_owned();
        assert_eq!(read, [(svc(), 2, 18, 32), (svc(), 2, 17, 16), ("HTTP/localhost@EXAMPLE".to_owned(), 300, 18, 32)]);
    }

    #[test]
    fn holes_are_passed_over() {
        let hole = [&FORMAT.to_be_bytes()[..], &(-3_i32).to_be_bytes(), &[0; 3], &KTUTIL[2..]].concat();
        assert_eq!(entries(&hole).map(|entries| entries.len()), Some(3));
        let widest = [&FORMAT.to_be_bytes()[..], &i32::MIN.to_be_bytes()].concat();
        assert!(entries(&widest).is_none());
    }

    #[test]
    fn what_is_cut_off_is_no_keytab() {
        let ends: Vec<usize> = (0..=KTUTIL.len()).filter(|end| entries(&KTUTIL[..*end]).is_some()).collect();
        assert_eq!(ends.len(), 4, "after the format and after each entry: {ends:?}");
    }

    proptest! {
        #[test]
        fn hostile_keytabs_are_read_without_a_panic(bytes: Vec<u8>, place in 0..KTUTIL.len(), byte: u8) {
            let _ = entries(&[&FORMAT.to_be_bytes()[..], &bytes].concat());
            let mut changed = KTUTIL.to_vec();
            changed[place] = byte;
            let _ = entries(&changed);
        }
    }
}
