//! What each scope sees.
//!
//! - [`scope`]: what a viewer looks at: which entities, and how much of them.
//! - [`project`]: what a viewer may see of an entity; [`view_key`]: a scope as far as its viewer is permitted.
//! - [`document`]: the document, as types, with the patches from one to another.
//! - [`list`]: lists that grow without bound, of which a document holds a page.
//! - `counts`: what a view counts of what its viewer may see.
//! - [`view`]: one document for each view key, with its recent versions and its encoded frames.
//! - [`viewer`]: one cursor per socket.
//! - [`view_limit`]: how many different scopes a person has open.
//! - [`hub`]: follows the gold copy and routes each change to the views that it concerns.

mod counts;
pub mod document;
pub mod hub;
pub mod list;
pub mod project;
pub mod scope;
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
