//! Receives MCP telemetry over OTLP, keeps it in ClickHouse, and shows it on a page.

pub mod args;
pub mod collector;
pub mod config;
pub mod demo;
pub mod pipeline;
pub mod receive;
pub mod row;
pub mod serve;
pub mod shutdown;
pub mod store;
pub mod telemetry;
