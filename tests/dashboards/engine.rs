//! The only place that knows how to reach the engine.

use serde_json::Value;

/// The rows of a query, as objects by column name, or the engine's message.
pub(super) fn query(sql: &str) -> Result<Vec<Value>, String> {
    crate::support::store::query(sql)
}

/// Names and types of the columns that a query answers with, in their order.
pub(super) fn columns(sql: &str) -> Result<Vec<(String, String)>, String> {
    let described = query(&format!("DESCRIBE (\n{sql}\n)"))?;
    Ok(described
        .iter()
        .map(|column| (text(&column["name"]), text(&column["type"])))
        .collect())
}

/// A JSON string as it is, anything else as JSON.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A number, also when the engine wrote it in quotes, as it may do with 64 bits.
pub(super) fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}
