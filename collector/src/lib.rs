//! Receives MCP telemetry over OTLP, keeps it in ClickHouse, and shows it on a page.
//!
//! A record's way is one folder a stage: [`receive`] takes OTLP, [`spool`] keeps it on disk, [`pipeline`] makes batches of
//! [`row::Row`]s, [`store`] writes them to ClickHouse, [`health`] decides which tool is flaky, and [`api`] answers
//! questions and serves the page. Who may do what is decided in [`auth`].

pub mod api;
pub mod args;
pub mod auth;
pub mod collector;
mod compare;
pub mod config;
pub mod demo;
pub mod descriptors;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod health;
pub mod layers;
mod listener;
pub mod memory;
pub mod operate;
#[cfg(test)]
#[path = "../tests/support/panicking_log.rs"]
mod panicking_log;
pub mod pipeline;
pub mod priority;
mod queries;
pub mod receive;
mod reload;
pub mod row;
pub mod serve;
pub mod shutdown;
pub mod spool;
pub mod store;
pub mod telemetry;
pub mod tls;
