//! What handlers may reach: a handful of handles. A handler asks for the ones that it needs, so that its signature says
//! what it touches.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use jiff::tz::TimeZone;

use super::access::Access;
use super::wallboards::Wallboards;
use super::origin::OriginRule;
use crate::actions::{FeedbackActions, SupervisorActions, Surveys};
use base::{Clock, Lifecycle, Metrics};
use crate::feeds::Intake;
use crate::live::Hub;

/// All handles, shared: a request is passed on from layer to layer, and each of them has its own.
#[derive(Debug, Clone)]
pub struct AppState(Arc<Handles>);

/// The handles themselves.
#[derive(Debug)]
pub struct Handles {
    /// How the site is entered.
    pub access: Access,
    /// What each scope sees.
    pub hub: Hub,
    /// The door for webhooks.
    pub intake: Intake,
    /// Where surveys are asked for. `None`: Agent Connect is not configured, or has no key.
    pub surveys: Option<Surveys>,
    /// Where supervisors act. `None`: Clarity is not configured.
    pub supervision: Option<SupervisorActions>,
    /// Where customers are answered. `None`: Goodays is not configured.
    pub feedback: Option<FeedbackActions>,
    /// The wallboards.
    pub wallboards: Wallboards,
    /// What has been counted.
    pub metrics: Metrics,
    /// What time it is.
    pub clock: Clock,
    /// Whether we are stopping.
    pub life: Lifecycle,
    /// What is the same for all requests.
    pub site: Arc<SiteSettings>,
}

/// What is the same for all requests.
#[derive(Debug)]
pub struct SiteSettings {
    /// The zone of the board's day.
    pub time_zone: TimeZone,
    /// What the origin of our own pages is.
    pub origin: OriginRule,
    /// Whether everything that is shown is invented.
    pub demo: bool,
    /// The queues' metrics that Clarity is asked for.
    pub queue_metrics: Vec<String>,
}

impl From<Handles> for AppState {
    fn from(handles: Handles) -> Self {
        Self(Arc::new(handles))
    }
}

impl Deref for AppState {
    type Target = Handles;

    fn deref(&self) -> &Handles {
        &self.0
    }
}

macro_rules! hand_out {
    ($($field:ident: $handle:ty),+ $(,)?) => {$(
        impl FromRef<AppState> for $handle {
            fn from_ref(state: &AppState) -> Self {
                state.$field.clone()
            }
        }
    )+};
}

hand_out! {
    hub: Hub,
    intake: Intake,
    surveys: Option<Surveys>,
    feedback: Option<FeedbackActions>,
    wallboards: Wallboards,
    metrics: Metrics,
    clock: Clock,
    life: Lifecycle,
    site: Arc<SiteSettings>,
}
