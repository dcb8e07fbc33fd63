//! What each scope sees.
//!
//! - [`scope`]: what a viewer looks at: which entities, and which of their fields.
//! - [`project`]: what somebody may see of an entity; [`sight`]: a scope as far as somebody may see it.
//! - [`shape`]: the document, as types.
//! - [`document`]: an entity as its member of the document.
//! - [`patch`]: the difference of two documents (RFC 7396).
//! - [`list`]: lists that grow without bound, of which a document carries a page.
//! - [`counts`]: what a view counts of what its viewer may see.
//! - [`view`]: one document per distinct sight, with its recent past and its encoded frames.
//! - [`viewer`]: one cursor per socket.
//! - [`holders`]: how many different scopes somebody has open.
//! - [`hub`]: follows the gold copy and wakes the views that a change concerns.

mod counts;
pub mod document;
pub mod holders;
pub mod hub;
pub mod list;
pub mod patch;
pub mod project;
pub mod scope;
pub mod shape;
pub mod sight;
mod total;
pub mod view;
pub mod viewer;

pub use holders::Holder;
pub use hub::{Hub, Refused};
pub use scope::Scope;
pub use sight::Sight;
pub use view::{Painted, Position};
pub use viewer::{Frame, Viewer};
