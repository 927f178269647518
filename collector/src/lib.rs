//! Receives MCP telemetry over OTLP, keeps it in ClickHouse, and shows it on a page.

pub mod api;
pub mod health;
mod queries;
pub mod row;
pub mod store;
pub mod telemetry;
