//! What Kerberos' own tools write into files: numbers with the highest byte first, and bytes behind their count. Pure, and
//! never panics.

use std::fmt;

use sspi::Username;

/// Bytes that are yet to be read. Every method is `None` when there are too few of them.
#[derive(Debug, Clone, Copy)]
pub struct Octets<'a>(pub &'a [u8]);

impl<'a> Octets<'a> {
    /// The next so many.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of one byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// A number of two bytes.
    pub fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    /// A number of four bytes.
    pub fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// Bytes behind a count of two bytes, as in keytabs.
    pub fn counted16(&mut self) -> Option<&'a [u8]> {
        let count = self.u16()?;
        self.take(count.into())
    }

    /// Bytes behind a count of four bytes, as in credential caches.
    pub fn counted32(&mut self) -> Option<&'a [u8]> {
        let count = self.u32()?;
        self.take(count.try_into().ok()?)
    }
}

/// Whom a key or a ticket is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its name, with slashes between its parts.
    pub name: String,
    /// Its realm, which is a domain in capitals.
    pub realm: String,
}

impl Principal {
    /// From a realm and the parts of a name. `None` as soon as one of them is.
    pub fn read<'a>(realm: &[u8], parts: impl Iterator<Item = Option<&'a [u8]>>) -> Option<Self> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let parts: Vec<String> = parts.map(|part| part.map(text)).collect::<Option<_>>()?;
        Some(Self { name: parts.join("/"), realm: text(realm) })
    }

    /// Whether this is whom a person means by an account's name, and by its domain if that is given. Windows does not
    /// tell capitals from others.
    pub fn is(&self, name: &Username, domain: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.account_name())
            && (domain.is_empty() || self.realm.eq_ignore_ascii_case(domain))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.realm)
    }
}
