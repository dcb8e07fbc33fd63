//! `POST /api/v1/feedback/{response}/pin`: links a response to a session manually.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use super::access::TeamLead;
use super::api_error::ApiError;
use super::feedback::{configured, visible};
use super::pages::segment;
use super::request_body::RequestBody;
use crate::actions::FeedbackActions;
use crate::domain::SessionId;
use crate::live::Hub;

/// A manual link.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedbackPin {
    /// The session. Without one, the match rules decide again.
    session: Option<SessionId>,
    /// The name of a caller who is not signed in, for colleagues and for the audit.
    who: Option<String>,
}

/// A form's fields. `session` may come twice: from the text field, and from the button, which is last and counts.
type Fields = Vec<(String, String)>;

/// 200: the link is stored, now or before. Its effect is in the document from now on.
pub async fn pin(
    State(actions): State<Option<FeedbackActions>>,
    State(hub): State<Hub>,
    TeamLead(viewer): TeamLead,
    Path(response): Path<String>,
    body: RequestBody<FeedbackPin, Fields>,
) -> Result<Response, ApiError> {
    let (is_form, pin) = match body {
        RequestBody::Json(pin) => (false, pin),
        RequestBody::Form(fields) => (true, read(&fields)?),
    };
    let id = visible(&hub, &viewer, &response)?;
    let who = viewer.sign_in().map(|sign_in| sign_in.name().to_owned()).or(pin.who);
    configured(actions)?.pin(&id, pin.session, who, viewer.actor(), viewer.permission()).await?;
    Ok(match (is_form, pin.session) {
        (true, _) => Redirect::to(&format!("/feedback/{}#facts-title", segment(&response))).into_response(),
        (false, Some(session)) => Json(serde_json::json!({ "session": session })).into_response(),
        (false, None) => Json(serde_json::json!({})).into_response(),
    })
}

fn read(fields: &Fields) -> Result<FeedbackPin, ApiError> {
    let last = |name: &str| {
        let value = fields.iter().rev().find(|(field, _)| field == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    };
    let session = last("session")
        .map(|text| text.parse().map_err(|_| ApiError::unprocessable("The session is not a number.")))
        .transpose()?;
    Ok(FeedbackPin { session, who: last("who").map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Result<FeedbackPin, ApiError> {
        read(&fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn pressed_button_wins_over_the_text_field() {
        let typed = [("session", "7"), ("who", " Ann ")];
        let pin = form(&typed).expect("a pin");
        assert_eq!((pin.session, pin.who.as_deref()), (Some(SessionId(7)), Some("Ann")));
        let pin = form(&[typed[0], typed[1], ("session", "82673")]).expect("a pin");
        assert_eq!(pin.session, Some(SessionId(82_673)));
        assert_eq!(form(&[typed[0], ("session", "")]).expect("a pin").session, None, "the rules are to decide");
        assert!(form(&[("session", "the first")]).is_err());
    }

    #[test]
    fn described_fields_are_the_accepted_ones() {
        let document = crate::web::openapi::document();
        let described = &document["components"]["schemas"]["FeedbackPin"]["properties"];
        let taken = serde_json::to_value(FeedbackPin::default()).expect("JSON");
        let names = |value: &serde_json::Value| value.as_object().map(|it| it.keys().cloned().collect::<Vec<_>>());
        assert!(names(described).is_some());
        assert_eq!(names(described), names(&taken));
    }
}
