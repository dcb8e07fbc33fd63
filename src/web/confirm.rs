//! `POST /confirm`: asks before a form that reaches a customer is sent, for pages without JavaScript. It changes
//! nothing.

use axum::extract::{Form, State};
use axum::response::{Html, IntoResponse, Response};

use super::access::TeamLead;
use super::api_error::ApiError;
use super::pages::{self, CurrentUser};
use super::state::AppState;

/// A form's fields in their order. `to` is the form's own target, `ask` the question; with `ask_fill` the question has
/// placeholders in braces for other fields.
type Fields = Vec<(String, String)>;

/// Renders the question with a form that holds the same fields.
pub async fn ask(
    State(state): State<AppState>,
    TeamLead(viewer): TeamLead,
    Form(fields): Form<Fields>,
) -> Result<Response, ApiError> {
    let (own, fields): (Fields, Fields) =
        fields.into_iter().partition(|(name, _)| matches!(&**name, "to" | "ask" | "ask_fill"));
    let own = |name: &str| own.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let (to, question) = own("to").zip(own("ask")).ok_or_else(ApiError::not_found)?;
    let back = back(to).ok_or_else(ApiError::not_found)?;
    let question = if own("ask_fill").is_some() { fill(question, &fields) } else { question.to_owned() };
    let html = pages::confirm(&question, to, &back, &fields, &CurrentUser::of(&viewer, state.site.demo));
    html.map(|html| Html(html).into_response()).map_err(|error| {
        tracing::error!(error = %error, "confirmation page could not be rendered");
        ApiError::internal()
    })
}

/// The page that a form with this target is on. `None`: no form of ours with this target asks first.
fn back(to: &str) -> Option<String> {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/%-_.".contains(&byte));
    let rest = to.strip_prefix("/api/v1/").filter(|rest| is_plain(rest))?;
    let mut parts = rest.split('/');
    match (parts.next()?, parts.next()) {
        ("surveys", _) => Some("/surveys".to_owned()),
        ("feedback", Some(response)) if !response.is_empty() => Some(format!("/feedback/{response}")),
        _ => None,
    }
}

/// Replaces the placeholders of a question. Braces in the values are left alone.
fn fill(question: &str, fields: &Fields) -> String {
    let mut text = String::new();
    let mut parts = question.split('{');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let named = part.split_once('}').and_then(|(name, rest)| {
            let (_, value) = fields.iter().find(|(known, _)| known == name)?;
            Some((value.trim(), rest))
        });
        match named {
            Some((value, rest)) => text.extend([value, rest]),
            None => text.extend(["{", part]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_is_a_page_of_ours_only() {
        for (to, page) in [
            ("/api/v1/surveys", Some("/surveys")),
            ("/api/v1/surveys/a%2Fb/recover", Some("/surveys")),
            ("/api/v1/feedback/r%201/reply", Some("/feedback/r%201")),
            ("/api/v1/feedback/", None),
            ("/api/v1/feedback/r?x=1/reply", None),
            ("/api/v1/feedback/r\"><b/reply", None),
            ("/api/v1/agents/1/status", None),
            ("/logout", None),
            ("//evil.example/api/v1/surveys", None),
            ("/api/v1/surveys?x=https://evil.example", None),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(back(to).as_deref(), page, "{to}");
        }
    }

    #[test]
    fn placeholders_are_filled_once() {
        let fields = [("who", " {email} "), ("email", "a@b")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(fill("Ask {who} ({email}), {absent} {?", &fields.to_vec()), "Ask {email} (a@b), {absent} {?");
    }
}
