//! Channel binding: ties an authentication to the server's TLS certificate, so that a man in the middle cannot relay
//! it. The type is `tls-server-end-point` (RFC 5929, section 4). Pure.

use sha2::{Digest, Sha256, Sha384, Sha512};

use super::der;

/// The length of `SEC_CHANNEL_BINDINGS`: eight numbers of four bytes, of which all but the last two are zero.
const HEADER: u32 = 32;

/// The binding to a server's certificate, as `SEC_CHANNEL_BINDINGS`. `None`: RFC 5929 defines none for this
/// certificate, because its signature uses no hash, or one that is unknown here.
pub fn to_certificate(certificate: &[u8]) -> Option<Vec<u8>> {
    let hash = match signature_hash(certificate)? {
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    };
    let mut data = b"tls-server-end-point:".to_vec();
    data.extend(hash);
    let length = u32::try_from(data.len()).ok()?;
    let mut binding: Vec<u8> = [0, 0, 0, 0, 0, 0, length, HEADER].into_iter().flat_map(u32::to_le_bytes).collect();
    binding.extend(data);
    Some(binding)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// The hash of the certificate's signature algorithm. RFC 5929 replaces MD5 and SHA-1 by SHA-256.
fn signature_hash(certificate: &[u8]) -> Option<Hash> {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
    const SHA_2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

    let (_, algorithm) = der::each(der::content(der::SEQUENCE, certificate)?).nth(1)?;
    let (tag, name, parameters) = der::first(algorithm)?;
    if tag != der::OBJECT_IDENTIFIER {
        return None;
    }
    match (name.strip_prefix(RSA), name.strip_prefix(ECDSA)) {
        (Some([4 | 5 | 11]), _) | (_, Some([1] | [3, 2])) => Some(Hash::Sha256),
        (Some([12]), _) | (_, Some([3, 3])) => Some(Hash::Sha384),
        (Some([13]), _) | (_, Some([3, 4])) => Some(Hash::Sha512),
        // RSASSA-PSS names its hash in the parameters. The default is SHA-1.
        (Some([10]), _) => {
            let at = parameters.windows(SHA_2.len()).position(|window| window == SHA_2);
            match at.and_then(|at| parameters.get(at + SHA_2.len())) {
                None | Some(1) => Some(Hash::Sha256),
                Some(2) => Some(Hash::Sha384),
                Some(3) => Some(Hash::Sha512),
                Some(_) => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As much of a certificate as this module reads: a placeholder, then the signature algorithm.
    fn certificate(algorithm: &[u8]) -> Vec<u8> {
        let mut content = vec![der::SEQUENCE, 0, der::SEQUENCE, u8::try_from(algorithm.len()).expect("short")];
        content.extend(algorithm);
        let mut whole = vec![der::SEQUENCE, u8::try_from(content.len()).expect("short")];
        whole.extend(content);
        whole
    }

    #[test]
    fn hash_is_that_of_the_signature_but_at_least_sha256() {
        let rsa = |last| certificate(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last, 5, 0]);
        assert_eq!(signature_hash(&rsa(5)), Some(Hash::Sha256), "SHA-1 counts as SHA-256");
        assert_eq!(signature_hash(&rsa(11)), Some(Hash::Sha256));
        assert_eq!(signature_hash(&rsa(12)), Some(Hash::Sha384));
        assert_eq!(signature_hash(&rsa(13)), Some(Hash::Sha512));
        let ecdsa = certificate(&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]);
        assert_eq!(signature_hash(&ecdsa), Some(Hash::Sha384));
        let ed25519 = certificate(&[6, 3, 0x2b, 0x65, 0x70]);
        assert_eq!(to_certificate(&ed25519), None, "Ed25519 has no separate hash");
    }

    #[test]
    fn binding_has_the_layout_of_sec_channel_bindings() {
        let certificate = certificate(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]);
        let binding = to_certificate(&certificate).expect("a binding");
        assert_eq!(binding.len(), 32 + 21 + 32);
        assert_eq!(&binding[24..32], &[53, 0, 0, 0, 32, 0, 0, 0]);
        assert_eq!(&binding[32..53], b"tls-server-end-point:");
        assert_eq!(&binding[53..], &Sha256::digest(&certificate)[..]);
    }

    proptest! {
        #[test]
        fn any_certificate_does_not_panic(bytes: Vec<u8>) {
            let _ = to_certificate(&bytes);
        }
    }
}
