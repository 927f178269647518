//! Receives MCP telemetry over OTLP, keeps it in ClickHouse, and shows it on a page.

pub mod demo;
pub mod row;
pub mod telemetry;
