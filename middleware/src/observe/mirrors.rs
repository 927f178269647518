//! Headers that mirror the body, since 2026-07-28 (Streamable HTTP, server validation).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::classify;
use super::head::RequestHead;
use super::tools::Tools;
use crate::record::Mismatch;
use crate::wire::{InputSchema, Message, NAME_LIMIT, cut};

/// Bytes of arguments that are kept while they pass where headers mirror them; longer ones are not compared.
pub(super) const ARGUMENTS_KEPT: usize = 16 << 10;

/// Whether headers have to mirror what `message` says: a request that is of this era by either of them, and no handshake. Which
/// headers notifications have is not defined.
fn has_to_mirror(message: &Message, head: &RequestHead) -> bool {
    let told = message.params.meta.protocol_version.as_deref();
    let is_modern = classify::is_modern(told) || classify::is_modern(head.protocol_version.as_deref());
    is_modern && head.post && message.id.is_some() && message.method.as_deref() != Some("initialize")
}

/// The headers that do not say what the body says, of the version, the method and the name or address that is asked for;
/// those that are missing are among them.
pub(super) fn mismatch(message: &Message, head: &RequestHead) -> Mismatch {
    if !has_to_mirror(message, head) {
        return Mismatch::default();
    }
    let params = &message.params;
    let mirrored = match message.method.as_deref() {
        Some("tools/call" | "prompts/get") => params.name.as_deref(),
        Some("resources/read") => params.uri.as_deref().map(|uri| cut(uri, NAME_LIMIT)),
        Some("tasks/get" | "tasks/update" | "tasks/cancel") => params.task.id.as_deref(),
        _ => None,
    };
    Mismatch {
        version: params.meta.protocol_version != head.protocol_version,
        method: message.method != head.method,
        name: mirrored.is_some_and(|name| !head.name.as_deref().is_some_and(|header| mirrors(header, name))),
        param: false,
    }
}

/// Whether a header of an argument does not say what that says. One that the tool's schema does not name mirrors nothing.
pub(super) fn contradict(head: &RequestHead, message: &Message, tools: &Tools) -> bool {
    let params = &message.params;
    let (Some(headers), Some(tool)) = (&head.parameters, &params.name) else {
        return false;
    };
    if message.method.as_deref() != Some("tools/call") || !has_to_mirror(message, head) {
        return false;
    }
    let is_named = |schema: &InputSchema| {
        let mut said = headers.iter();
        said.any(|(header, _)| schema.headers.iter().any(|(name, _)| name == header))
    };
    if !tools.input_is(tool, is_named) {
        return false;
    }
    let arguments: Option<Map<String, Value>> = match params.captured.as_deref() {
        Some(kept) => serde_json::from_slice(kept).ok(),
        None => (!params.has_arguments).then(Map::new),
    };
    let Some(arguments) = arguments else {
        return false;
    };
    let is_wrong = |schema: &InputSchema, header: &str, said: &str| {
        let mut named = schema.headers.iter().filter(|(name, _)| name == header);
        named.any(|(_, property)| !mirrors_value(said, arguments.get(&**property)))
    };
    tools.input_is(tool, |schema| {
        headers.iter().any(|(header, said)| is_wrong(schema, header, said))
    })
}

/// Whether the header mirrors this argument. Numbers are compared as such, and of what is not there, or is null, there is no
/// header (2026-07-28, Streamable HTTP, custom headers from tool parameters).
fn mirrors_value(header: &str, value: Option<&Value>) -> bool {
    match value {
        Some(Value::String(text)) => mirrors(header, cut(text, NAME_LIMIT)),
        Some(Value::Bool(is)) => mirrors(header, if *is { "true" } else { "false" }),
        Some(Value::Number(number)) => unwrapped(header).is_none_or(|said| said.parse::<f64>().ok() == number.as_f64()),
        None | Some(Value::Null) => false,
        // Nothing says how it would have to be written.
        Some(Value::Array(_) | Value::Object(_)) => true,
    }
}

/// Both sides may have been cut.
fn mirrors(header: &str, value: &str) -> bool {
    unwrapped(header).is_none_or(|said| said == value)
}

/// What a header says: values that cannot stand in one are wrapped as `=?base64?…?=`. `None` where it was cut within the wrapping,
/// so that what is left tells nothing for sure.
fn unwrapped(header: &str) -> Option<Cow<'_, str>> {
    let Some(wrapped) = header.strip_prefix("=?base64?") else {
        return Some(header.into());
    };
    let Some(wrapped) = wrapped.strip_suffix("?=") else {
        return (header.len() <= NAME_LIMIT - 4).then(|| header.into());
    };
    let text = STANDARD
        .decode(wrapped)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    Some(text.map_or(header.into(), |text| cut(&text, NAME_LIMIT).to_owned().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_values_are_compared_by_what_they_say() {
        for (header, value, same) in [
            ("add", "add", true),
            ("Add", "add", false),
            ("=?base64?Y2Fmw6k=?=", "café", true),
            ("=?base64?Y2Fmw6k=?=", "cafe", false),
            ("=?base64?!?=", "!", false),
            ("=?base64?Y2Fm", "caf", false),
            ("=?base64?Y2Fm", "=?base64?Y2Fm", true),
        ] {
            assert_eq!(mirrors(header, value), same, "{header} {value}");
        }
    }
    #[test]
    fn arguments_are_compared_as_what_they_are() {
        for (header, value, same) in [
            ("west", r#""west""#, true),
            ("West", r#""west""#, false),
            ("=?base64?Y2Fmw6k=?=", r#""café""#, true),
            ("", r#""""#, true),
            ("42", "42", true),
            ("42.0", "42", true),
            ("=?base64?NDI=?=", "42", true),
            ("43", "42", false),
            ("true", "true", true),
            ("True", "true", false),
            ("null", "null", false),
            ("[1]", "[1]", true),
        ] {
            let value = serde_json::from_str(value).unwrap();
            assert_eq!(mirrors_value(header, Some(&value)), same, "{header} {value}");
        }
        assert!(!mirrors_value("west", None));
    }
}
