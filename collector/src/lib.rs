//! Receives MCP telemetry over OTLP, keeps it in ClickHouse, and shows it on a page.
//!
//! A record's way is one folder a stage: [`receive`] reads OTLP into [`row::Row`]s, [`pipeline`] queues and batches
//! them, [`store`] writes them to ClickHouse, [`health`] decides which tool is flaky, and [`api`] answers questions and
//! serves the page.

pub mod api;
pub mod args;
pub mod collector;
pub mod config;
pub mod demo;
pub mod health;
mod listener;
pub mod operate;
pub mod pipeline;
mod queries;
pub mod receive;
pub mod row;
pub mod serve;
pub mod shutdown;
pub mod store;
pub mod telemetry;
