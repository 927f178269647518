//! The API against the real database.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[path = "../support/engine.rs"]
mod engine;

#[path = "../support/tokens.rs"]
mod tokens;

mod app;
mod batches;
mod call;
mod collector;
mod details;
mod empty;
mod files;
mod filters;
mod gate;
mod hosts;
mod long_ranges;
mod names;
mod openapi;
mod pages;
mod paging;
mod parameters;
mod seed;
mod signing_in;
mod store_away;
mod summaries;
mod tenants;
mod tool_health;
