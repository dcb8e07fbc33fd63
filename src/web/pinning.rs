//! `POST /api/v1/feedback/{response}/pin`: links a response to a session manually.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::TeamLead;
use super::api_error::ApiError;
use super::feedback::{configured, visible};
use super::openapi::{BodyProblems, TargetProblems, ViewerProblems};
use super::pages::segment;
use super::request_body::RequestBody;
use crate::actions::FeedbackActions;
use crate::domain::SessionId;
use crate::live::Hub;

/// A manual link.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FeedbackPin {
    /// The session. Without one, the match rules decide again.
    session: Option<SessionId>,
    /// The name of a caller who is not signed in, for colleagues and for the audit.
    who: Option<String>,
}

/// The session that a response is linked to by hand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedbackPinned)]
pub struct Pinned {
    /// The session. Absent: the rules decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
}

/// A form's fields. `session` may come twice: from the text field, and from the button, which is last and counts.
type Fields = Vec<(String, String)>;

/// Links a response to a session by hand, if no rule can or the rule is wrong.
///
/// Without a session, the rules decide again. Repeating the present link changes nothing. An unknown session is
/// requested from Clarity. The effect is in the response's `attribution`.
#[utoipa::path(post, path = "/api/v1/feedback/{response}/pin", extensions(("x-least-role" = json!("team-lead"))),
    params(("response" = String, Path, description = "A key of `feedback`.")),
    request_body(content((Option<FeedbackPin> = "application/json"),
        (Option<FeedbackPin> = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "The link is stored.", body = Pinned),
    (status = 303, description = "The same for a form of a page without script: leads back to the page."),
    BodyProblems, TargetProblems, ViewerProblems))]
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
        (false, session) => Json(Pinned { session }).into_response(),
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
}
