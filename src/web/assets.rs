//! The stylesheet, the scripts and the icon, inside the binary.
//!
//! Their folder is named by a hash over all of them, so that browsers may keep each file for ever, and so that modules,
//! which import each other by relative name, never mix two builds.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

/// The routes of all assets.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/static/{set}/{file}", get(serve))
}

/// Where a file is to be fetched, such as `/static/0f3a…/live.js`.
#[must_use]
pub fn url(file: &str) -> String {
    format!("/static/{}/{file}", *SET)
}

/// The version of this set of files.
#[must_use]
pub fn set_hash() -> &'static str {
    &SET
}

macro_rules! files {
    ($($name:literal as $kind:literal),+ $(,)?) => {
        /// Name, content type and content.
        const FILES: &[(&str, &str, &[u8])] =
            &[$(($name, $kind, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/static/", $name)))),+];
    };
}

files! {
    "action.js" as "text/javascript; charset=utf-8",
    "ask.js" as "text/javascript; charset=utf-8",
    "status_bar.js" as "text/javascript; charset=utf-8",
    "bind.js" as "text/javascript; charset=utf-8",
    "en.js" as "text/javascript; charset=utf-8",
    "display.js" as "text/javascript; charset=utf-8",
    "draft.js" as "text/javascript; charset=utf-8",
    "format.js" as "text/javascript; charset=utf-8",
    "icon.svg" as "image/svg+xml",
    "list.js" as "text/javascript; charset=utf-8",
    "live.js" as "text/javascript; charset=utf-8",
    "login.js" as "text/javascript; charset=utf-8",
    "order.js" as "text/javascript; charset=utf-8",
    "signed_out.js" as "text/javascript; charset=utf-8",
    "page.js" as "text/javascript; charset=utf-8",
    "paint.js" as "text/javascript; charset=utf-8",
    "patch.js" as "text/javascript; charset=utf-8",
    "plain.js" as "text/javascript; charset=utf-8",
    "style.css" as "text/css; charset=utf-8",
    "table.js" as "text/javascript; charset=utf-8",
    "tick.js" as "text/javascript; charset=utf-8",
    "wallboard.js" as "text/javascript; charset=utf-8",
    "labels.js" as "text/javascript; charset=utf-8",
}

/// A file never changes under its url.
const KEPT: &str = "public, max-age=31536000, immutable";

/// The hash of the whole set.
static SET: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for (name, _, content) in FILES {
        hash.update(name.as_bytes());
        hash.update(content.len().to_be_bytes());
        hash.update(content);
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
});

/// Whether the client has the file already (RFC 9110, section 13.1.2): the set's hash is the validator of each.
fn is_known(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|field| field.to_str().ok());
    fields.flat_map(|field| field.split(',')).map(str::trim).any(|tag| {
        tag == "*"
            || tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"').and_then(|tag| tag.strip_suffix('"'))
                == Some(SET.as_str())
    })
}

async fn serve(Path((set, file)): Path<(String, String)>, headers: HeaderMap) -> Response {
    // Weak: the file may travel compressed.
    let tag = format!("W/\"{}\"", *SET);
    match FILES.iter().find(|(name, ..)| *name == file) {
        // Another set's url must not be answered with this set's file: it would be kept for ever.
        Some(_) if set == *SET && is_known(&headers) => {
            (StatusCode::NOT_MODIFIED, [(header::ETAG, &*tag), (header::CACHE_CONTROL, KEPT)]).into_response()
        }
        Some((_, kind, content)) if set == *SET => (
            [
                (header::CONTENT_TYPE, *kind),
                (header::ETAG, &*tag),
                (header::CACHE_CONTROL, KEPT),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ],
            *content,
        )
            .into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn fetch(url: &str) -> Response {
        router::<()>().oneshot(Request::get(url).body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn hashed_file_is_immutable() {
        let answer = fetch(&url("live.js")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    }

    #[tokio::test]
    async fn known_etag_gets_304() {
        let known = |tags: &[String]| {
            let mut request = Request::get(url("live.js")).body(Body::empty()).unwrap();
            for tag in tags {
                request.headers_mut().append(header::IF_NONE_MATCH, tag.parse().unwrap());
            }
            router::<()>().oneshot(request)
        };
        let set = &*SET;
        for (tags, status) in [
            (vec![format!("W/\"{set}\"")], 304),
            (vec![format!("\"{set}\"")], 304),
            (vec![format!("\"other\", W/\"{set}\"")], 304),
            (vec!["\"other\"".to_owned(), format!(" \"{set}\" ")], 304),
            (vec!["*".to_owned()], 304),
            (vec!["\"other\"".to_owned()], 200),
            (vec![set.clone()], 200),
            (vec![String::new()], 200),
        ] {
            let answer = known(&tags).await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{tags:?}");
            assert_eq!(answer.headers()[header::ETAG], format!("W/\"{set}\""));
        }
    }

    #[tokio::test]
    async fn another_set_or_file_is_not_found() {
        assert_eq!(fetch("/static/0000000000000000/live.js").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(fetch(&url("package.json")).await.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn imported_modules_are_listed() {
        for (name, _, content) in FILES.iter().filter(|(name, ..)| name.ends_with(".js")) {
            let text = std::str::from_utf8(content).unwrap();
            for import in
                text.lines().filter(|line| line.starts_with("import")).filter_map(|line| line.split('"').nth(1))
            {
                let wanted = import.strip_prefix("./").unwrap();
                assert!(FILES.iter().any(|(file, ..)| *file == wanted), "{name} imports {wanted}");
            }
        }
    }
}
