//! Headers that mirror the body, since 2026-07-28.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::head::RequestHead;
use crate::wire::{Message, NAME_LIMIT, cut};

/// The headers that do not say what the body says, of the version, the method and the name or address that is asked for;
/// those that are missing are among them.
pub(super) fn mismatch(message: &Message, head: &RequestHead) -> Option<&'static str> {
    let params = &message.params;
    let version = params.meta.protocol_version != head.protocol_version;
    let method = message.method != head.method;
    let mirrored = match message.method.as_deref() {
        Some("tools/call" | "prompts/get") => params.name.as_deref(),
        Some("resources/read") => params.uri.as_deref().map(|uri| cut(uri, NAME_LIMIT)),
        Some("tasks/get" | "tasks/update" | "tasks/cancel") => params.task.id.as_deref(),
        _ => None,
    };
    let name = mirrored.is_some_and(|name| !head.name.as_deref().is_some_and(|header| mirrors(header, name)));
    match (method, name, version) {
        (false, false, false) => None,
        (true, false, false) => Some("method"),
        (false, true, false) => Some("name"),
        (false, false, true) => Some("version"),
        (true, true, false) => Some("method,name"),
        (true, false, true) => Some("method,version"),
        (false, true, true) => Some("name,version"),
        (true, true, true) => Some("method,name,version"),
    }
}

/// Values that cannot stand in a header are wrapped as `=?base64?…?=`. Both sides may have been cut.
fn mirrors(header: &str, value: &str) -> bool {
    let Some(wrapped) = header.strip_prefix("=?base64?") else {
        return header == value;
    };
    let Some(wrapped) = wrapped.strip_suffix("?=") else {
        // Cut within the wrapping: what is left of it tells nothing for sure.
        return header.len() > NAME_LIMIT - 4;
    };
    let text = STANDARD
        .decode(wrapped)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    text.is_some_and(|text| cut(&text, NAME_LIMIT) == value)
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
        ] {
            assert_eq!(mirrors(header, value), same, "{header} {value}");
        }
    }
}
