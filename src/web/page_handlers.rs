//! The handlers of the pages: paint the scope's document, and let [`pages`](super::pages) turn it into HTML.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{FromRef, Path, RawQuery, State};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::access::viewer::Agent;
use super::access::{Access, Identity, Viewer};
use super::api_error::ApiError;
use super::error_pages::plain_page;
use super::pages::{self, CurrentUser, PageState, TableQuery};
use super::state::{AppState, SiteSettings};
use super::wallboards::Wallboards;
use super::{events, sign_ins};
use crate::actions::{FeedbackActions, SignIn, Surveys};
use crate::domain::{AgentId, ResponseId, Role};
use crate::feeds::Intake;
use crate::gold::Key;
use crate::live::{Hub, RenderedState, Scope, ViewError};
use base::Clock;

type Page = Result<Response, ApiError>;

/// What every page needs.
#[derive(Debug, Clone)]
pub struct PageContext {
    hub: Hub,
    clock: Clock,
    site: Arc<SiteSettings>,
}

impl FromRef<AppState> for PageContext {
    fn from_ref(state: &AppState) -> Self {
        Self { hub: state.hub.clone(), clock: state.clock.clone(), site: Arc::clone(&state.site) }
    }
}

/// `/`: leads to the page of the viewer's role.
pub async fn home(viewer: Viewer) -> Redirect {
    if let Identity::Display(display) = viewer.identity() {
        return Redirect::to(&format!("/wallboard/{}", display.wallboard));
    }
    match (viewer.role(), viewer.agent()) {
        (Role::Agent, Some(agent)) => Redirect::to(&format!("/agents/{agent}")),
        (Role::TeamLead, _) => Redirect::to("/feedback"),
        _ => Redirect::to("/supervisor"),
    }
}

/// `/supervisor`: the floor.
pub async fn supervisor(State(context): State<PageContext>, viewer: Viewer, RawQuery(query): RawQuery) -> Page {
    show(pages::supervisor(&context.paint(&viewer, Scope::floor())?, &TableQuery::parse(query.as_deref())))
}

/// `/wallboard/{name}`: a display.
pub async fn wallboard(
    State(context): State<PageContext>,
    State(boards): State<Wallboards>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Page {
    let board = boards.seen(&name, viewer.permission()).ok_or_else(ApiError::not_found)?;
    show(pages::wallboard(&context.paint(&viewer, boards.scope(&board))?, &board))
}

/// `/agents/{id}`: one agent.
pub async fn agent(State(context): State<PageContext>, viewer: Viewer, Path(id): Path<i64>) -> Page {
    // An id that does not exist must not create a view.
    if !context.hub.knows(&Key::Agent(AgentId(id)), viewer.permission()) {
        return Err(ApiError::not_found());
    }
    let page = context.paint(&viewer, Scope::agent(AgentId(id)))?;
    show(pages::agent(&page, &id.to_string()).transpose().ok_or_else(ApiError::not_found)?)
}

/// `/feedback`: what customers said.
pub async fn feedback(State(context): State<PageContext>, viewer: Viewer, RawQuery(query): RawQuery) -> Page {
    match context.paint_page(&viewer, Scope::feedback(), query.as_deref())? {
        Ok(page) => show(pages::feedback(&page)),
        Err(last) => Ok(last.into_response()),
    }
}

/// `/feedback/{response}`: one thread.
pub async fn feedback_item(
    State(context): State<PageContext>,
    State(desk): State<Option<FeedbackActions>>,
    viewer: Viewer,
    Path(response): Path<String>,
) -> Page {
    // An id that does not exist must not create a view.
    let id = ResponseId::from(response.as_str());
    if !context.hub.knows(&Key::Response(id.clone()), viewer.permission()) {
        return Err(ApiError::not_found());
    }
    let page = context.paint(&viewer, Scope::response(&id))?;
    let needs_kind = |source: &str| desk.as_ref().is_some_and(|desk| desk.needs_kind(source));
    show(pages::feedback_item_of(&page, &response, needs_kind).transpose().ok_or_else(ApiError::not_found)?)
}

/// `/surveys`: what was asked of Agent Connect.
pub async fn surveys(
    State(context): State<PageContext>,
    State(desk): State<Option<Surveys>>,
    viewer: Viewer,
    RawQuery(query): RawQuery,
) -> Page {
    let page = match context.paint_page(&viewer, Scope::surveys(), query.as_deref())? {
        Ok(page) => page,
        Err(last) => return Ok(last.into_response()),
    };
    let skipped = match desk {
        Some(desk) => desk.skipped(viewer.permission()).await,
        None => Vec::new(),
    };
    show(pages::surveys(&page, &skipped))
}

/// Which page of a list an address names; whatever is none is the first.
fn page(query: Option<&str>) -> usize {
    let named = |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name == "page").then(|| value.parse().ok()).flatten();
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).find_map(named).unwrap_or(1)
}

/// `/status`: the connection to each of the four systems.
pub async fn status(
    State(context): State<PageContext>,
    State(access): State<Access>,
    State(intake): State<Intake>,
    viewer: Viewer,
) -> Page {
    let page = context.paint(&viewer, Scope::status())?;
    let (role, zone) = (viewer.role(), &context.site.time_zone);
    show(pages::status(&page, &events::unusable(access.store(), &intake, role, zone, page.now).await))
}

/// `/sign-ins`: the user's sign-ins, or those of all users.
pub async fn sign_ins(State(context): State<PageContext>, State(access): State<Access>, Agent(viewer): Agent) -> Page {
    let here = viewer.sign_in().map(SignIn::id);
    let listed = sign_ins::listed(&access, &viewer);
    let SiteSettings { time_zone, demo, .. } = &*context.site;
    show(pages::sign_ins(&listed, here, context.clock.now(), time_zone, &CurrentUser::of(&viewer, *demo)))
}

impl PageContext {
    /// The page of a list that an address names; where the list has fewer, the way to the last.
    fn paint_page(
        &self,
        viewer: &Viewer,
        list: Scope,
        query: Option<&str>,
    ) -> Result<Result<PageState, Redirect>, ApiError> {
        let address = list.kind();
        match self.hub.render(&viewer.view_key(list.page(page(query)))?, viewer.view_owner().as_ref()) {
            Ok(rendered) => Ok(Ok(self.page(viewer, rendered)?)),
            Err(ViewError::NoSuchPage { last, .. }) => Ok(Err(Redirect::to(&format!("/{address}?page={last}")))),
            Err(refused) => Err(ApiError::view_refused(refused)),
        }
    }

    fn paint(&self, viewer: &Viewer, scope: Scope) -> Result<PageState, ApiError> {
        self.page(
            viewer,
            self.hub.render(&viewer.view_key(scope)?, viewer.view_owner().as_ref()).map_err(ApiError::view_refused)?,
        )
    }

    fn page(&self, viewer: &Viewer, rendered: RenderedState) -> Result<PageState, ApiError> {
        Ok(PageState {
            epoch: rendered.epoch.to_string(),
            version: rendered.version,
            scope: rendered.scope,
            build: self.hub.build(),
            now: self.clock.now(),
            time_zone: self.site.time_zone.clone(),
            state: rendered.document,
            state_json: rendered.json.to_string(),
            demo: self.site.demo,
            user: CurrentUser::of(viewer, self.site.demo),
            queue_metrics: self.site.queue_metrics.clone(),
        })
    }
}

/// A problem as a page, for browsers.
#[must_use]
pub fn problem_page(problem: &ApiError) -> String {
    let (heading, next) = problem.page_text();
    pages::problem(heading, problem.user_detail().unwrap_or_default(), next).unwrap_or_else(|_| plain_page(problem))
}

fn show(rendered: Result<String, askama::Error>) -> Page {
    match rendered {
        Ok(html) => Ok(Html(html).into_response()),
        Err(error) => {
            tracing::error!(error = %error, "a page cannot be rendered");
            Err(ApiError::internal())
        }
    }
}
