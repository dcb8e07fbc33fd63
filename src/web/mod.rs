//! HTTP and HTML live here and only here.
//!
//! - [`router`]: every route on one page.
//! - [`access`]: who is let in, and as what.
//! - [`layers`]: what holds for all of them, in order; [`origin`], [`client_ip`], [`problem`], [`present`] and `explain`
//!   belong to it.
//! - [`page_handlers`]: the handlers of the pages; [`pages`] turns a painted document into HTML, [`assets`] serves the rest.
//! - [`api`], [`audit`], [`feedback`], [`supervise`], [`webhooks`], [`socket`], [`ops`], [`openapi`]: the routes for programs.
//! - [`limits`]: how often somebody may ask.
//! - [`serve`]: the accept loop in front of all this, encrypted by [`tls`] where no proxy does that.

pub mod access;
pub mod api;
pub mod assets;
pub mod audit;
pub mod client_ip;
mod confirm;
mod credentials;
mod events;
mod explain;
pub mod feedback;
pub mod layers;
pub mod limits;
pub mod openapi;
pub mod ops;
pub mod origin;
pub mod page_handlers;
pub mod pages;
mod pinning;
pub mod present;
pub mod problem;
pub mod refusals;
pub mod router;
pub mod serve;
pub mod socket;
pub mod state;
pub mod supervise;
pub mod surveys;
pub mod tls;
pub mod wallboards;
pub mod webhooks;

pub use router::router;
pub use state::{AppState, Handles, SiteSettings};
