//! The store against the real engine.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod access;
mod cluster;
mod engine;
mod faults;
mod insert;
mod keeper;
mod landed;
mod migrate;
mod operate;
#[path = "../support/panicking_log.rs"]
mod panicking_log;
mod remote;
mod rights;
mod rollups;
mod store_again;
mod support;
mod upgrade;
