//! What each scope sees: document, patch, view, viewer.

pub mod shape;
