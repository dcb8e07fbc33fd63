//! URL safety: which URLs from outside may become links on pages. None of them is fetched here.

use url::Url;

/// Schemes that run code or carry content.
const UNSAFE_SCHEMES: [&str; 5] = ["javascript", "data", "vbscript", "blob", "file"];

/// Whether a URL has an unsafe scheme such as `javascript:`, however it is spelled, also behind another scheme such as
/// `view-source:`.
#[must_use]
pub fn is_unsafe(link: &str) -> bool {
    // Browsers ignore these characters (URL standard, 4.4).
    let link = link.trim_start_matches(|letter| letter <= ' ').replace(['\t', '\n', '\r'], "").to_ascii_lowercase();
    let mut schemes = link.split(':').map(|part| part.trim_start_matches(['/', ' ']));
    // The part behind the last colon is no scheme.
    schemes.next_back();
    schemes
        .take_while(|part| is_scheme(part) && !matches!(*part, "http" | "https"))
        .any(|scheme| UNSAFE_SCHEMES.contains(&scheme))
}

fn is_scheme(part: &str) -> bool {
    part.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// The URL to link to: an http or https URL as it is, one without a scheme as https. `None`: it must not be a link.
#[must_use]
pub fn web_url(link: &str) -> Option<String> {
    let link = link.trim();
    if let Ok(url) = Url::parse(link)
        && matches!(url.scheme(), "http" | "https")
    {
        return Some(link.to_owned());
    }
    let bare = link.strip_prefix("//").unwrap_or(link);
    let host = bare.split(['/', '?', '#']).next()?;
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_name =
        name.split('.').all(|part| !part.is_empty()) && name.contains('.') && !name.contains(['@', '\\', ' ']);
    let is_port = !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit());
    let whole = format!("https://{bare}");
    (is_name && is_port && Url::parse(&whole).is_ok()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_urls_become_links() {
        for (link, expected) in [
            ("https://crm.example.com/case?id=1#x", Some("https://crm.example.com/case?id=1#x")),
            ("HTTP://crm.example.com", Some("HTTP://crm.example.com")),
            ("www.example.com/case=1", Some("https://www.example.com/case=1")),
            (" crm.example.com ", Some("https://crm.example.com")),
            ("crm.example.com:8443/case/1?a:b", Some("https://crm.example.com:8443/case/1?a:b")),
            ("//files.example.com/a.pdf", Some("https://files.example.com/a.pdf")),
            ("crm.example.com?case=javascript:1", Some("https://crm.example.com?case=javascript:1")),
            ("javascript:alert(1)", None),
            ("JaVa\tScript:alert(1)", None),
            ("javascript://www.example.com/%0aalert(1)", None),
            ("data:text/html,x", None),
            ("mailto:ada@example.com", None),
            ("ftp://files.example.com/a", None),
            ("www.good.example@evil.example/", None),
            ("www.example.com:javascript", None),
            ("www.example.com:", None),
            ("CASE-1", None),
            ("/media/a.png", None),
            ("a picture.png of mine", None),
            ("..", None),
            ("", None),
        ] {
            assert_eq!(web_url(link).as_deref(), expected, "{link}");
        }
    }

    #[test]
    fn unsafe_schemes_are_found_however_they_are_spelled() {
        for link in [
            "javascript:alert(1)",
            " JAVASCRIPT:1",
            "java\nscript:1",
            "\u{1}data:text/html,x",
            "vbscript:x",
            "blob:x",
            "file:///etc/passwd",
            "view-source:javascript:alert(1)",
            "View-Source: JavaScript:alert(1)",
            "feed:view-source://data:text/html,x",
            "view-source://javascript:alert(1)",
        ] {
            assert!(is_unsafe(link), "{link}");
        }
        for link in [
            "https://example.com/javascript:1",
            "www.example.com/case=1",
            "CASE:1",
            "data",
            "",
            "example.com:80/data:",
            "mailto:ada@example.com",
            "view-source:https://example.com/javascript:1",
        ] {
            assert!(!is_unsafe(link), "{link}");
        }
    }
}
