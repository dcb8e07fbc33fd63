//! `POST /api/v1/feedback/{response}/pin`: a person says which session a response is about.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use super::access::TeamLead;
use super::feedback::{Asked, open, problem, seen};
use super::pages::segment;
use super::problem::Problem;
use crate::actions::FeedbackActions;
use crate::domain::SessionId;
use crate::live::Hub;

/// Which session, and who says so.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wish {
    /// The session. Without one, the rules decide again.
    session: Option<SessionId>,
    who: Option<String>,
}

/// A form's fields, of which one may come twice: what was typed, and the button that was pressed. The button is last.
type Fields = Vec<(String, String)>;

/// 200: it is written down, now or before; what it changes is in the document from now on.
pub async fn pin(
    State(desk): State<Option<FeedbackActions>>,
    State(hub): State<Hub>,
    TeamLead(viewer): TeamLead,
    Path(response): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Response> {
    let asked: Asked<Wish, Fields> = Asked::read(&headers, request).await?;
    let pinned = async {
        let (is_form, wish) = match asked {
            Asked::Program(wish) => (false, wish),
            Asked::Form(fields) => (true, read(&fields)?),
        };
        let id = seen(&hub, &viewer, &response)?;
        let who = viewer.sign_in().map(|sign_in| sign_in.name().to_owned()).or(wish.who);
        let desk = open(desk)?;
        desk.pin(&id, wish.session, who, viewer.actor(), viewer.permission()).await.map_err(problem)?;
        Ok(match (is_form, wish.session) {
            (true, _) => Redirect::to(&format!("/feedback/{}#facts-title", segment(&response))).into_response(),
            (false, Some(session)) => Json(serde_json::json!({ "session": session })).into_response(),
            (false, None) => Json(serde_json::json!({})).into_response(),
        })
    };
    pinned.await.map_err(Problem::into_response)
}

fn read(fields: &Fields) -> Result<Wish, Problem> {
    let last = |name: &str| {
        let value = fields.iter().rev().find(|(field, _)| field == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    };
    let session = last("session")
        .map(|text| text.parse().map_err(|_| Problem::not_valid("The session is not a number.")))
        .transpose()?;
    Ok(Wish { session, who: last("who").map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Result<Wish, Problem> {
        read(&fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn the_button_that_was_pressed_counts_and_not_what_was_typed() {
        let typed = [("session", "7"), ("who", " Ann ")];
        let wish = form(&typed).expect("a wish");
        assert_eq!((wish.session, wish.who.as_deref()), (Some(SessionId(7)), Some("Ann")));
        let wish = form(&[typed[0], typed[1], ("session", "82673")]).expect("a wish");
        assert_eq!(wish.session, Some(SessionId(82_673)));
        assert_eq!(form(&[typed[0], ("session", "")]).expect("a wish").session, None, "the rules are to decide");
        assert!(form(&[("session", "the first")]).is_err());
    }

    #[test]
    fn what_is_described_is_what_is_taken() {
        let document = crate::web::openapi::document();
        let described = &document["components"]["schemas"]["FeedbackPin"]["properties"];
        let taken = serde_json::to_value(Wish::default()).expect("JSON");
        let names = |value: &serde_json::Value| value.as_object().map(|it| it.keys().cloned().collect::<Vec<_>>());
        assert!(names(described).is_some());
        assert_eq!(names(described), names(&taken));
    }
}
