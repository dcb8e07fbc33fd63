//! HTTP and HTML live here and only here.

pub mod layers;
pub mod openapi;
pub mod ops;
pub mod origin;
pub mod present;
pub mod problem;
pub mod serve;
pub mod assets;
pub mod pages;
