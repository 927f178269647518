//! Metrics and logs: checked, counted, and not stored, but for what layers tell of themselves.

use serde::de::IgnoredAny;

use super::layer::{self, Found};
use super::{Encoding, decode, json_unstored};

/// What is in an `ExportMetricsServiceRequest`.
///
/// # Errors
/// As [`check`].
pub(super) fn metrics(body: &[u8], encoding: Encoding) -> Result<Found, String> {
    check(body, encoding, "ExportMetricsServiceRequest")?;
    match encoding {
        Encoding::Protobuf => Ok(layer::find(body)),
        Encoding::Json => {
            let (request, broken) = json_unstored::metrics(body);
            let mut found = layer::find(&request);
            found.ignored += broken;
            Ok(found)
        }
    }
}

/// How many records are in an `ExportLogsServiceRequest`.
///
/// # Errors
/// As [`check`].
pub(super) fn logs(body: &[u8], encoding: Encoding) -> Result<u64, String> {
    check(body, encoding, "ExportLogsServiceRequest")?;
    match encoding {
        Encoding::Protobuf => Ok(records(body)),
        Encoding::Json => Ok(json_unstored::logs(body)),
    }
}

/// A sender shall hear that what it sends is no such request at all.
///
/// # Errors
/// When the outermost framing is broken, or the text is not JSON.
fn check(body: &[u8], encoding: Encoding, message: &'static str) -> Result<(), String> {
    match encoding {
        Encoding::Protobuf => decode::check(body, message).map_err(|broken| broken.to_string()),
        Encoding::Json => serde_json::from_slice::<IgnoredAny>(body)
            .map(drop)
            .map_err(|error| format!("invalid JSON: {error}")),
    }
}

/// `ResourceLogs`, `ScopeLogs` and `LogRecord`, each message that broke off as one record.
fn records(request: &[u8]) -> u64 {
    let mut count = 0;
    for group in decode::messages(request, "ExportLogsServiceRequest", 1) {
        for scope in group
            .iter()
            .flat_map(|group| decode::messages(group, "ResourceLogs", 2))
        {
            let records = scope.iter().flat_map(|scope| decode::messages(scope, "ScopeLogs", 2));
            count += records.count() as u64 + u64::from(scope.is_err());
        }
        count += u64::from(group.is_err());
    }
    count
}
