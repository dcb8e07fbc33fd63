//! Callboard: one live floor, joined from four systems that do not know each other.
//!
//! The rooms, from the ground up. Imports go down and never up; `tests/architecture.rs` holds the walls.

pub mod base;
pub mod config;
pub mod domain;

pub mod store;
pub mod vendor;

pub mod gold;

pub mod feeds;
pub mod live;

pub mod actions;
pub mod web;

pub mod commands;

pub mod sandbox;
