//! Keytabs in MIT's format 0x0502, as `ktutil`, `kadmin`, `ktpass` and Samba write them. Pure, and never panics.

use sspi::{KeytabIdentity, Secret, Username};

use super::reader::{Principal, Reader};

const FORMAT: u16 = 0x0502;

/// AES with SHA-1, the only encryption types of sspi.
pub const ENCRYPTION_TYPES: [u16; 2] = [18, 17];

/// A key of a principal.
pub struct Entry<'a> {
    /// The principal.
    pub principal: Principal,
    /// The version of the key (kvno). A newer one has a higher number.
    pub version: u32,
    /// Its encryption type (RFC 3961).
    pub encryption_type: u16,
    /// The key.
    pub key: &'a [u8],
}

/// The keys in a keytab. `None`: it is not one.
pub fn entries(bytes: &[u8]) -> Option<Vec<Entry<'_>>> {
    let mut rest = Reader(bytes);
    if rest.u16()? != FORMAT {
        return None;
    }
    let mut entries = Vec::new();
    while !rest.0.is_empty() {
        let length = rest.u32()?.cast_signed();
        let record = rest.take(length.unsigned_abs().try_into().ok()?)?;
        // A negative length is the hole of a deleted entry.
        if length > 0 {
            entries.push(entry(Reader(record))?);
        }
    }
    Some(entries)
}

/// A key for sspi. `None`: sspi does not know its encryption type, or it has the wrong length.
pub fn identity(principal: &Principal, encryption_type: u16, key: Vec<u8>) -> Option<KeytabIdentity> {
    let key = Secret::new(key);
    let encryption_type = ENCRYPTION_TYPES.contains(&encryption_type).then_some(usize::from(encryption_type))?;
    let identity = KeytabIdentity {
        principal: Username::new_down_level_logon_name(&principal.name, &principal.realm).ok()?,
        key,
        key_enctype: encryption_type.try_into().ok()?,
    };
    (identity.key_enctype.cipher().key_size() == identity.key.as_ref().len()).then_some(identity)
}

fn entry(mut record: Reader<'_>) -> Option<Entry<'_>> {
    let parts = record.u16()?;
    let realm = record.string16()?;
    let principal = Principal::new(realm, (0..parts).map(|_| record.string16()))?;
    let (_name_type, _written) = (record.u32()?, record.u32()?);
    let short_version = record.u8()?;
    let encryption_type = record.u16()?;
    let key = record.string16()?;
    // The version in four bytes is optional and takes precedence (MIT).
    let version = record.u32().filter(|version| *version != 0).unwrap_or(short_version.into());
    Some(Entry { principal, version, encryption_type, key })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Written by MIT's `ktutil` for `svc@EXAMPLE`: version 2 with two keys, and version 300 with one.
    const KTUTIL: &[u8] = include_bytes!("../tests/fixtures/svc.keytab");

    #[test]
    fn keytab_of_ktutil_is_parsed() {
        let entries = entries(KTUTIL).expect("a keytab");
        let read: Vec<_> = entries
            .iter()
            .map(|entry| (entry.principal.to_string(), entry.version, entry.encryption_type, entry.key.len()))
            .collect();
        let svc = || "svc@EXAMPLE".to_owned();
        assert_eq!(read, [(svc(), 2, 18, 32), (svc(), 2, 17, 16), ("HTTP/localhost@EXAMPLE".to_owned(), 300, 18, 32)]);
    }

    #[test]
    fn holes_are_skipped() {
        let hole = [&FORMAT.to_be_bytes()[..], &(-3_i32).to_be_bytes(), &[0; 3], &KTUTIL[2..]].concat();
        assert_eq!(entries(&hole).map(|entries| entries.len()), Some(3));
        let widest = [&FORMAT.to_be_bytes()[..], &i32::MIN.to_be_bytes()].concat();
        assert!(entries(&widest).is_none());
    }

    #[test]
    fn truncated_keytab_is_invalid() {
        let ends: Vec<usize> = (0..=KTUTIL.len()).filter(|end| entries(&KTUTIL[..*end]).is_some()).collect();
        assert_eq!(ends.len(), 4, "after the format and after each entry: {ends:?}");
    }

    proptest! {
        #[test]
        fn any_keytab_does_not_panic(bytes: Vec<u8>, place in 0..KTUTIL.len(), byte: u8) {
            let _ = entries(&[&FORMAT.to_be_bytes()[..], &bytes].concat());
            let mut changed = KTUTIL.to_vec();
            changed[place] = byte;
            let _ = entries(&changed);
        }
    }
}
