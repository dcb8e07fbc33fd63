//! One page of a list (apis.md P23).

use serde_json::Value;
use url::Url;

/// Where the next page begins: the query of the address that the page before gave, and nothing else of it. Whatever
/// host it names, the question goes to the configured one (apis.md B135).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub(super) String);

/// Some responses, and where the next ones are.
#[derive(Default)]
pub struct Page {
    /// As they came.
    pub responses: Vec<Value>,
    /// `None`: there are no more.
    pub next: Option<Cursor>,
}

impl Page {
    /// `None`: it is neither a list nor a page of one, such as a refusal with status 200.
    pub(super) fn read(list: Value) -> Option<Self> {
        let next = list["next"].as_str().and_then(query).map(Cursor);
        let found = match list {
            Value::Object(mut fields) => fields.remove("results"),
            // A bare list has no pages.
            list => Some(list),
        };
        let Some(Value::Array(responses)) = found else { return None };
        Some(Self { responses, next })
    }
}

/// The query of an address, whole or relative.
fn query(address: &str) -> Option<String> {
    let base = Url::parse("https://nowhere.invalid/").ok()?;
    base.join(address).ok()?.query().filter(|query| !query.is_empty()).map(str::to_owned)
}

/// Without what customers write.
impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").field("responses", &self.responses.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn next_url_keeps_its_query_only() {
        for (next, expected) in [
            (json!("https://evil.example/steal?cursor=abc&page_size=2"), Some("cursor=abc&page_size=2")),
            (json!("/v2/responses/bulk?cursor=%2F%2Fevil"), Some("cursor=%2F%2Fevil")),
            (json!("?cursor=7#part"), Some("cursor=7")),
            (json!("https://api.goodays.co/v2/responses/bulk"), None),
            (json!("http://[broken"), None),
            (json!(null), None),
            (json!(7), None),
        ] {
            let page = Page::read(json!({"next": next, "results": [{"id": "a"}]})).expect("a page");
            assert_eq!(page.next, expected.map(|query| Cursor(query.to_owned())), "{next}");
            assert_eq!(page.responses.len(), 1);
        }
    }

    #[test]
    fn bare_list_is_one_page() {
        assert_eq!(Page::read(json!([{"id": "a"}, {"id": "b"}])).map(|page| page.responses.len()), Some(2));
        assert_eq!(Page::read(json!({"results": []})).map(|page| page.responses.len()), Some(0));
        for odd in [json!("text"), json!(null), json!({}), json!({"detail": "busy"}), json!({"results": {"a": 1}})] {
            assert!(Page::read(odd.clone()).is_none(), "{odd}");
        }
    }
}
