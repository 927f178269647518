//! What is read of HTTP headers.

use http::header::AsHeaderName;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName};

use super::{NAME_LIMIT, cut};
use crate::record::Peer;
use crate::semconv;

/// Media type of server-sent events.
const EVENT_STREAM: &str = "text/event-stream";

/// How the body of a response is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Json,
    EventStream,
    /// Compressed before it got here.
    Encoded,
    Other,
}

// Parsed once: looking up a name that is text parses it every time.
pub(crate) static PROTOCOL_VERSION: HeaderName = HeaderName::from_static(semconv::HEADER_PROTOCOL_VERSION);
pub(crate) static SESSION_ID: HeaderName = HeaderName::from_static(semconv::HEADER_SESSION_ID);
pub(crate) static LAST_EVENT_ID: HeaderName = HeaderName::from_static(semconv::HEADER_LAST_EVENT_ID);
pub(crate) static METHOD: HeaderName = HeaderName::from_static(semconv::HEADER_METHOD);
pub(crate) static NAME: HeaderName = HeaderName::from_static(semconv::HEADER_NAME);
pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static(semconv::META_TRACEPARENT);
pub(crate) static TRACESTATE: HeaderName = HeaderName::from_static(semconv::META_TRACESTATE);

/// The header `name` as text, cut to [`NAME_LIMIT`].
pub(crate) fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then(|| cut(value, NAME_LIMIT))
}

/// How to read a body with these headers.
pub(crate) fn content(headers: &HeaderMap) -> Content {
    let encoded = headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity");
    let media_type = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let media_type = media_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    if encoded {
        Content::Encoded
    } else if media_type.eq_ignore_ascii_case(b"application/json") {
        Content::Json
    } else if media_type.eq_ignore_ascii_case(EVENT_STREAM.as_bytes()) {
        Content::EventStream
    } else {
        Content::Other
    }
}

/// Whether a POST can be MCP by its head alone, even if its body turns out unreadable: it carries a header of MCP, or
/// accepts what a Streamable HTTP client must accept.
pub(crate) fn looks_like_mcp(headers: &HeaderMap) -> bool {
    [&PROTOCOL_VERSION, &SESSION_ID, &METHOD]
        .iter()
        .any(|name| headers.contains_key(*name))
        || (accepts(headers, "application/json") && accepts(headers, EVENT_STREAM))
}

/// Whether a GET can open an event stream of MCP by its head.
pub(crate) fn opens_stream(headers: &HeaderMap) -> bool {
    accepts(headers, EVENT_STREAM)
}

fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(ACCEPT).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains(media_type))
}

/// Name and version of the first product in `User-Agent`.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<Peer> {
    let product = text(headers, USER_AGENT)?.split_ascii_whitespace().next()?;
    let (name, version) = product.split_once('/').unwrap_or((product, ""));
    Some(Peer {
        name: name.into(),
        version: version.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn media_types_are_recognised_with_parameters_and_in_any_case() {
        for (pairs, expected) in [
            (
                &[("content-type", "application/json; charset=utf-8")][..],
                Content::Json,
            ),
            (&[("content-type", "Text/Event-Stream")], Content::EventStream),
            (&[("content-type", "text/html")], Content::Other),
            (
                &[("content-type", "application/json"), ("content-encoding", "gzip")],
                Content::Encoded,
            ),
            (&[], Content::Other),
        ] {
            assert_eq!(content(&headers(pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn mcp_is_recognised_by_its_head() {
        for (pairs, expected) in [
            (&[("accept", "application/json, text/event-stream")][..], true),
            (&[("mcp-protocol-version", "2025-06-18")], true),
            (&[("mcp-session-id", "s")], true),
            (&[("accept", "*/*"), ("content-type", "application/json")], false),
        ] {
            assert_eq!(looks_like_mcp(&headers(pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn the_first_product_is_the_client() {
        let peer = |name: &str, version: &str| {
            Some(Peer {
                name: name.into(),
                version: version.into(),
            })
        };
        assert_eq!(
            user_agent(&headers(&[("user-agent", "curl/8.1 (linux)")])),
            peer("curl", "8.1")
        );
        assert_eq!(user_agent(&headers(&[("user-agent", "node")])), peer("node", ""));
        assert_eq!(user_agent(&headers(&[])), None);
    }
}
