//! HTTP and HTML live here and only here.

pub mod present;
pub mod problem;
