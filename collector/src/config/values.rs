//! What the text of a setting may be, and what it means.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Durability, LogFormat, Priority};
use crate::store::{Location, LocationError};

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("expected an address and a port such as 127.0.0.1:4317, not \"{text}\""))
}

pub(super) fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| text.into())
}

pub(super) fn shown(path: Option<&PathBuf>) -> String {
    path.map_or(String::new(), |path| path.display().to_string())
}

/// The message does not repeat the address, since there may be a password in it.
pub(super) fn location(text: &str) -> Result<Option<Location>, String> {
    if text == "embedded" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error: LocationError| error.to_string())
}

pub(super) fn number(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("expected a whole number from {least} to {most}, not \"{text}\""))
}

pub(super) fn days(text: &str) -> Result<Option<u16>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    number(text, 1, 36_500).map(|days| Some(days as u16))
}

pub(super) fn days_text(days: Option<u16>) -> String {
    days.map_or_else(String::new, |days| days.to_string())
}

pub(super) const fn milliseconds(time: usize) -> Duration {
    Duration::from_millis(time as u64)
}

pub(super) const fn seconds(time: usize) -> Duration {
    Duration::from_secs(time as u64)
}

pub(super) fn name(text: &str) -> Result<String, String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(known) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "expected 1 to 64 letters, digits, dots, dashes or underscores, not \"{text}\""
    ))
}

pub(super) fn durability(text: &str) -> Result<Durability, String> {
    match text {
        "fsync" => Ok(Durability::Fsync),
        "os" => Ok(Durability::Os),
        _ => Err(format!("expected \"fsync\" or \"os\", not \"{text}\"")),
    }
}

pub(super) fn priority(text: &str) -> Result<Priority, String> {
    match text {
        "shared" => Ok(Priority::Shared),
        "real-time" => Ok(Priority::RealTime),
        _ => Err(format!("expected \"shared\" or \"real-time\", not \"{text}\"")),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("expected \"text\" or \"json\", not \"{text}\"")),
    }
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    let parsed = tracing_subscriber::EnvFilter::try_new(text);
    parsed
        .map(|_| text.to_owned())
        .map_err(|error| format!("expected a log filter such as info, not \"{text}\": {error}"))
}
