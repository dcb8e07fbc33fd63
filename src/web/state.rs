//! The router's state: shared handles. A handler extracts those that it needs, so that its signature names them.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use jiff::tz::TimeZone;

use super::access::Access;
use super::origin::OriginRule;
use super::wallboards::Wallboards;
use crate::actions::{Displays, FeedbackActions, SupervisorActions, Surveys};
use crate::feeds::Intake;
use crate::live::Hub;
use base::{Clock, Lifecycle, Metrics};

/// All handles, shared. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState(Arc<Handles>);

/// The handles themselves.
#[derive(Debug)]
pub struct Handles {
    /// Authentication.
    pub access: Access,
    /// Live views.
    pub hub: Hub,
    /// Takes webhooks.
    pub intake: Intake,
    /// Survey requests. `None`: Agent Connect is not configured, or has no key.
    pub surveys: Option<Surveys>,
    /// Supervisors' actions. `None`: Clarity is not configured.
    pub supervision: Option<SupervisorActions>,
    /// Answers to customers. `None`: Goodays is not configured.
    pub feedback: Option<FeedbackActions>,
    /// The wallboards.
    pub wallboards: Wallboards,
    /// The metrics.
    pub metrics: Metrics,
    /// The time.
    pub clock: Clock,
    /// Shutdown.
    pub life: Lifecycle,
    /// Settings of the site.
    pub site: Arc<SiteSettings>,
}

/// Settings of the site that handlers read.
#[derive(Debug)]
pub struct SiteSettings {
    /// The zone of the business day.
    pub time_zone: TimeZone,
    /// Which `Origin` our own pages have.
    pub origin: OriginRule,
    /// Whether this is the demo, with invented data.
    pub demo: bool,
    /// The queue metrics that Clarity is asked for.
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

macro_rules! impl_from_ref {
    ($($field:ident: $handle:ty),+ $(,)?) => {$(
        impl FromRef<AppState> for $handle {
            fn from_ref(state: &AppState) -> Self {
                state.$field.clone()
            }
        }
    )+};
}

impl_from_ref! {
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

impl FromRef<AppState> for Access {
    fn from_ref(state: &AppState) -> Self {
        state.access.clone()
    }
}

impl FromRef<AppState> for Displays {
    fn from_ref(state: &AppState) -> Self {
        state.access.displays().clone()
    }
}
