//! The handlers of the pages: paint the scope's document, and let [`pages`](super::pages) turn it into HTML.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{FromRef, Path, RawQuery, State};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::access::viewer::Agent;
use super::access::{Access, Viewer, Who, sign_ins};
use super::boards::Boards;
use super::events;
use super::pages::{self, Reader, Sheet, View};
use super::present::plain_page;
use super::problem::Problem;
use super::state::{AppState, House};
use crate::actions::{FeedbackDesk, SignIn, Surveys};
use crate::base::Clock;
use crate::domain::{AgentId, ResponseId, Role};
use crate::feeds::Intake;
use crate::gold::Key;
use crate::live::{Hub, Painted, Refused, Scope};

type Page = Result<Response, Problem>;

/// What every page needs.
#[derive(Debug, Clone)]
pub struct Painter {
    hub: Hub,
    clock: Clock,
    house: Arc<House>,
}

impl FromRef<AppState> for Painter {
    fn from_ref(state: &AppState) -> Self {
        Self { hub: state.hub.clone(), clock: state.clock.clone(), house: Arc::clone(&state.house) }
    }
}

/// `/`: leads to the page of the viewer's role.
pub async fn home(viewer: Viewer) -> Redirect {
    if let Who::Display(screen) = viewer.who() {
        return Redirect::to(&format!("/wallboard/{}", screen.board));
    }
    match (viewer.role(), viewer.agent()) {
        (Role::Agent, Some(agent)) => Redirect::to(&format!("/agents/{agent}")),
        (Role::TeamLead, _) => Redirect::to("/feedback"),
        _ => Redirect::to("/supervisor"),
    }
}

/// `/supervisor`: the floor.
pub async fn supervisor(State(painter): State<Painter>, viewer: Viewer, RawQuery(query): RawQuery) -> Page {
    show(pages::supervisor(&painter.paint(&viewer, Scope::floor())?, &View::parse(query.as_deref())))
}

/// `/wallboard/{name}`: a display.
pub async fn wallboard(
    State(painter): State<Painter>,
    State(boards): State<Boards>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Page {
    let board = boards.seen(&name, viewer.permission()).ok_or_else(Problem::not_found)?;
    show(pages::wallboard(&painter.paint(&viewer, boards.scope(&board))?, &board))
}

/// `/agents/{id}`: one agent.
pub async fn agent(State(painter): State<Painter>, viewer: Viewer, Path(id): Path<i64>) -> Page {
    // Whoever asks for nobody in particular makes no view of nobody.
    if !painter.hub.knows(&Key::Agent(AgentId(id)), viewer.permission()) {
        return Err(Problem::not_found());
    }
    let sheet = painter.paint(&viewer, Scope::agent(AgentId(id)))?;
    show(pages::agent(&sheet, &id.to_string()).transpose().ok_or_else(Problem::not_found)?)
}

/// `/feedback`: what customers said.
pub async fn feedback(State(painter): State<Painter>, viewer: Viewer, RawQuery(query): RawQuery) -> Page {
    match painter.paint_page(&viewer, Scope::feedback(), query.as_deref())? {
        Ok(sheet) => show(pages::feedback(&sheet)),
        Err(last) => Ok(last.into_response()),
    }
}

/// `/feedback/{response}`: one thread.
pub async fn feedback_item(
    State(painter): State<Painter>,
    State(desk): State<Option<FeedbackDesk>>,
    viewer: Viewer,
    Path(response): Path<String>,
) -> Page {
    // Whoever asks for nothing in particular makes no view of nothing.
    let id = ResponseId::from(response.as_str());
    if !painter.hub.knows(&Key::Response(id.clone()), viewer.permission()) {
        return Err(Problem::not_found());
    }
    let sheet = painter.paint(&viewer, Scope::response(&id))?;
    let needs_kind = |source: &str| desk.as_ref().is_some_and(|desk| desk.needs_kind(source));
    show(pages::feedback_item_of(&sheet, &response, needs_kind).transpose().ok_or_else(Problem::not_found)?)
}

/// `/surveys`: what was asked of Agent Connect.
pub async fn surveys(
    State(painter): State<Painter>,
    State(desk): State<Option<Surveys>>,
    viewer: Viewer,
    RawQuery(query): RawQuery,
) -> Page {
    let sheet = match painter.paint_page(&viewer, Scope::surveys(), query.as_deref())? {
        Ok(sheet) => sheet,
        Err(last) => return Ok(last.into_response()),
    };
    let unasked = match desk {
        Some(desk) => desk.unasked(viewer.permission()).await,
        None => Vec::new(),
    };
    show(pages::surveys(&sheet, &unasked))
}

/// Which page of a list an address names; whatever is none is the first.
fn page(query: Option<&str>) -> usize {
    let named = |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name == "page").then(|| value.parse().ok()).flatten();
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).find_map(named).unwrap_or(1)
}

/// `/status`: how well each of the four systems can be heard.
pub async fn status(
    State(painter): State<Painter>,
    State(access): State<Access>,
    State(intake): State<Intake>,
    viewer: Viewer,
) -> Page {
    let sheet = painter.paint(&viewer, Scope::status())?;
    let (role, zone) = (viewer.role(), &painter.house.time_zone);
    show(pages::status(&sheet, &events::unusable(access.store(), &intake, role, zone, sheet.now).await))
}

/// `/sign-ins`: where somebody is signed in, or who all is.
pub async fn sign_ins(State(painter): State<Painter>, State(access): State<Access>, Agent(viewer): Agent) -> Page {
    let here = viewer.sign_in().map(SignIn::id);
    let listed = sign_ins::listed(&access, &viewer);
    let House { time_zone, demo, .. } = &*painter.house;
    show(pages::sign_ins(&listed, here, painter.clock.now(), time_zone, &Reader::of(&viewer, *demo)))
}

impl Painter {
    /// The page of a list that an address names; where the list has fewer, the way to the last.
    fn paint_page(
        &self,
        viewer: &Viewer,
        list: Scope,
        query: Option<&str>,
    ) -> Result<Result<Sheet, Redirect>, Problem> {
        let address = list.kind();
        match self.hub.paint(&viewer.sight(list.page(page(query)))?, viewer.holder().as_ref()) {
            Ok(painted) => Ok(Ok(self.sheet(viewer, painted)?)),
            Err(Refused::NoPage { last, .. }) => Ok(Err(Redirect::to(&format!("/{address}?page={last}")))),
            Err(refused) => Err(Problem::not_watched(refused)),
        }
    }

    fn paint(&self, viewer: &Viewer, scope: Scope) -> Result<Sheet, Problem> {
        self.sheet(
            viewer,
            self.hub.paint(&viewer.sight(scope)?, viewer.holder().as_ref()).map_err(Problem::not_watched)?,
        )
    }

    fn sheet(&self, viewer: &Viewer, painted: Painted) -> Result<Sheet, Problem> {
        // Read back from the very document that the page carries: what is painted is what will be patched.
        let state = serde_json::from_str(&painted.state).map_err(|error| {
            tracing::error!(error = %error, "a document cannot be read back");
            Problem::broken()
        })?;
        Ok(Sheet {
            epoch: painted.epoch.to_string(),
            version: painted.version,
            scope: painted.scope,
            build: self.hub.build(),
            now: self.clock.now(),
            time_zone: self.house.time_zone.clone(),
            state,
            state_json: painted.state.to_string(),
            demo: self.house.demo,
            reader: Reader::of(viewer, self.house.demo),
            queue_metrics: self.house.queue_metrics.clone(),
        })
    }
}

/// A problem as a page, for browsers.
#[must_use]
pub fn paint_problem(problem: &Problem) -> String {
    let (heading, next) = problem.for_people();
    pages::problem(heading, problem.more().unwrap_or_default(), next).unwrap_or_else(|_| plain_page(problem))
}

fn show(rendered: Result<String, askama::Error>) -> Page {
    match rendered {
        Ok(html) => Ok(Html(html).into_response()),
        Err(error) => {
            tracing::error!(error = %error, "a page cannot be rendered");
            Err(Problem::broken())
        }
    }
}
