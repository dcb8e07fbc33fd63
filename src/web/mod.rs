//! HTTP and HTML, and nothing else.
//!
//! - [`router`]: all routes. [`state`]: what handlers extract.
//! - [`serve`]: the accept loop, with [`tls`]. [`layers`]: what surrounds every route, with [`client_ip`], [`origin`]
//!   and [`error_pages`]. [`limits`]: rate limits. `audit_refusals`: refused requests in the audit.
//! - [`mod@access`] authenticates.
//! - [`page_handlers`], [`pages`] and [`assets`]: the pages. `login`, `displays`, `sign_ins`, [`audit`]: pages with an
//!   API.
//! - `state_api`, [`socket`], `feedback`, [`supervise`], [`surveys`], [`webhooks`], [`ops`]: the API, described by
//!   [`openapi`]. Its handlers return [`api_error::ApiError`].

pub mod access;
pub mod api_error;
pub mod assets;
pub mod audit;
pub mod audit_query;
mod audit_refusals;
pub mod client_ip;
mod confirm;
mod credentials;
mod displays;
pub mod error_pages;
mod events;
mod explain;
mod feedback;
pub mod layers;
pub mod limits;
mod login;
pub mod openapi;
pub mod ops;
pub mod origin;
pub mod page_handlers;
pub mod pages;
mod pinning;
mod request_body;
pub mod router;
pub mod serve;
mod sign_ins;
pub mod socket;
pub mod state;
mod state_api;
pub mod supervise;
pub mod surveys;
pub mod tls;
pub mod wallboards;
pub mod webhooks;

pub use router::router;
pub use state::{AppState, Handles, SiteSettings};
