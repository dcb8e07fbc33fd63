//! Reads the binary files of Kerberos' tools: big-endian numbers, and byte strings after their length. Pure, and never
//! panics.

use std::fmt;

use sspi::Username;

/// The bytes that are not read yet. Every method returns `None` when there are too few.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// A byte string with a length of two bytes, as in keytabs.
    pub fn string16(&mut self) -> Option<&'a [u8]> {
        let count = self.u16()?;
        self.take(count.into())
    }

    /// A byte string with a length of four bytes, as in credential caches.
    pub fn string32(&mut self) -> Option<&'a [u8]> {
        let count = self.u32()?;
        self.take(count.try_into().ok()?)
    }
}

/// The name of an account or a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its components, joined by slashes.
    pub name: String,
    /// Its realm: a domain in capitals.
    pub realm: String,
}

impl Principal {
    /// From a realm and components. `None`: one of them is.
    pub fn new<'a>(realm: &[u8], parts: impl Iterator<Item = Option<&'a [u8]>>) -> Option<Self> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let parts: Vec<String> = parts.map(|part| part.map(text)).collect::<Option<_>>()?;
        Some(Self { name: parts.join("/"), realm: text(realm) })
    }

    /// Whether this is the account of that name, and of that domain unless it is empty. Case does not matter, as in
    /// Windows.
    pub fn matches(&self, name: &Username, domain: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.account_name())
            && (domain.is_empty() || self.realm.eq_ignore_ascii_case(domain))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.realm)
    }
}
