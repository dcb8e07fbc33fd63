//! What each scope sees.
//!
//! - [`scope`]: what a viewer looks at: which entities, and which of their fields.
//! - [`project`]: what somebody may see of an entity; [`view_key`]: a scope as far as somebody may see it.
//! - [`shape`]: the document, as types.
//! - [`document`]: an entity as its member of the document.
//! - [`patch`]: the difference of two documents (RFC 7396).
//! - [`list`]: lists that grow without bound, of which a document carries a page.
//! - [`counts`]: what a view counts of what its viewer may see.
//! - [`view`]: one document per distinct view_key, with its recent past and its encoded frames.
//! - [`viewer`]: one cursor per socket.
//! - [`view_limit`]: how many different scopes somebody has open.
//! - [`hub`]: follows the gold copy and wakes the views that a change concerns.

mod counts;
pub mod document;
pub mod hub;
pub mod list;
pub mod patch;
pub mod project;
pub mod scope;
pub mod shape;
mod total;
pub mod view;
pub mod view_key;
pub mod view_limit;
pub mod viewer;

pub use hub::{Hub, ViewError};
pub use scope::Scope;
pub use view::{Position, RenderedState};
pub use view_key::ViewKey;
pub use view_limit::ViewOwner;
pub use viewer::{Frame, Viewer};
