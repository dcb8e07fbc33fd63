//! What each scope sees.
//!
//! - [`scope`]: which entities a viewer sees, and which of their fields.
//! - [`shape`]: the document, as types.
//! - [`document`]: an entity as its member of the document.
//! - [`patch`]: the difference of two documents (RFC 7396).
//! - [`view`]: one document per distinct scope, with its recent past and its encoded frames.
//! - [`viewer`]: one cursor per socket.
//! - [`hub`]: follows the gold copy and wakes the views that a change concerns.

pub mod document;
pub mod hub;
pub mod patch;
pub mod scope;
pub mod shape;
mod total;
pub mod view;
pub mod viewer;

pub use hub::{Full, Hub};
pub use scope::Scope;
pub use view::{Painted, Position};
pub use viewer::{Frame, Viewer};
