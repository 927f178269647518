//! What is read of HTTP headers.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{ARGUMENTS_LIMIT, NAME_LIMIT, cut};
use crate::record::{Peer, Text};
use crate::semconv;

const JSON: &str = "application/json";
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
pub(crate) static TRACESTATE: HeaderName = HeaderName::from_static(semconv::META_TRACESTATE);

/// The value of a header as text, cut to [`NAME_LIMIT`].
pub(crate) fn value_text(value: &HeaderValue) -> Option<&str> {
    let value = value.to_str().ok()?.trim();
    (!value.is_empty()).then(|| cut(value, NAME_LIMIT))
}

/// Whether a request with this header for its encoding is compressed. Servers that look at no encoding take whatever else stands
/// there, such as a charset, and read the body as it is (content codings: RFC 9110, section 8.4.1, and RFC 7932, RFC 8878).
fn is_compressed(encoding: &HeaderValue) -> bool {
    const CODINGS: [&str; 7] = ["gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd"];
    let is_coding = |coding: &[u8]| {
        let coding = coding.trim_ascii();
        CODINGS
            .iter()
            .any(|known| coding.eq_ignore_ascii_case(known.as_bytes()))
    };
    encoding.as_bytes().split(|byte| *byte == b',').any(is_coding)
}

/// Whether a response with this header for its encoding cannot be read.
fn is_encoded(encoding: Option<&HeaderValue>) -> bool {
    encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// How to read a body with these headers.
fn content(media_type: Option<&HeaderValue>, encoding: Option<&HeaderValue>) -> Content {
    let is = |text: &[u8], media_type: &str| {
        // Nearly all write it so; in any case it is the same.
        text == media_type.as_bytes() || text.eq_ignore_ascii_case(media_type.as_bytes())
    };
    let media_type = media_type.map_or(&b""[..], |value| value.as_bytes());
    let media_type = media_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    if is_encoded(encoding) {
        Content::Encoded
    } else if is(media_type, JSON) {
        Content::Json
    } else if is(media_type, EVENT_STREAM) {
        Content::EventStream
    } else {
        Content::Other
    }
}

/// What the headers of a response tell, found in one pass; of one that stands several times the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    pub(crate) content: Content,
    pub(crate) session_id: Option<&'a HeaderValue>,
    /// It says which credentials it wants.
    pub(crate) challenges: bool,
}

impl<'a> Told<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let (mut media_type, mut encoding, mut session_id, mut challenges) = (None, None, None, false);
        for (name, value) in headers {
            let place = match name.as_str() {
                "content-type" => &mut media_type,
                "content-encoding" => &mut encoding,
                semconv::HEADER_SESSION_ID => &mut session_id,
                "www-authenticate" => {
                    challenges = true;
                    continue;
                }
                _ => continue,
            };
            place.get_or_insert(value);
        }
        Self {
            content: content(media_type, encoding),
            session_id,
            challenges,
        }
    }
}

/// The headers of a request that are looked at, found in one pass; of one that stands several times the first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known<'a> {
    pub(crate) protocol_version: Option<&'a HeaderValue>,
    pub(crate) session_id: Option<&'a HeaderValue>,
    pub(crate) last_event_id: Option<&'a HeaderValue>,
    pub(crate) method: Option<&'a HeaderValue>,
    pub(crate) name: Option<&'a HeaderValue>,
    pub(crate) user_agent: Option<&'a HeaderValue>,
    pub(crate) trace_parent: Option<&'a HeaderValue>,
    content_encoding: Option<&'a HeaderValue>,
    /// There are some that mirror arguments, see [`parameters`].
    pub(crate) has_parameters: bool,
}

impl<'a> Known<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let mut known = Self::default();
        for (name, value) in headers {
            let place = match name.as_str() {
                semconv::HEADER_PROTOCOL_VERSION => &mut known.protocol_version,
                semconv::HEADER_SESSION_ID => &mut known.session_id,
                semconv::HEADER_LAST_EVENT_ID => &mut known.last_event_id,
                semconv::HEADER_METHOD => &mut known.method,
                semconv::HEADER_NAME => &mut known.name,
                "user-agent" => &mut known.user_agent,
                "content-encoding" => &mut known.content_encoding,
                semconv::META_TRACEPARENT => &mut known.trace_parent,
                other => {
                    known.has_parameters |= other.starts_with(semconv::HEADER_PARAM_PREFIX);
                    continue;
                }
            };
            place.get_or_insert(value);
        }
        known
    }

    /// Whether the body was compressed before it got here.
    pub(crate) fn is_encoded(&self) -> bool {
        self.content_encoding.is_some_and(is_compressed)
    }
}

/// The headers that mirror arguments, at most [`ARGUMENTS_LIMIT`]: their names behind the prefix, and their values.
#[cold]
pub(crate) fn parameters(headers: &HeaderMap) -> Box<[(Text, Text)]> {
    let named = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(semconv::HEADER_PARAM_PREFIX)?;
        // What is no text mirrors nothing: a value with such characters would be wrapped.
        let value = value.to_str().map_or("\u{fffd}", str::trim);
        Some((cut(name, NAME_LIMIT).into(), cut(value, NAME_LIMIT).into()))
    });
    named.take(ARGUMENTS_LIMIT).collect()
}

/// Whether a POST can be MCP by its head alone, even if its body turns out unreadable: it carries a header of MCP, or
/// accepts what a Streamable HTTP client must accept.
pub(crate) fn looks_like_mcp(known: &Known<'_>, headers: &HeaderMap) -> bool {
    [known.protocol_version, known.session_id, known.method]
        .iter()
        .any(Option::is_some)
        || (accepts(headers, JSON) && accepts(headers, EVENT_STREAM))
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
pub(crate) fn user_agent(value: &HeaderValue) -> Option<Peer> {
    let product = value_text(value)?.split_ascii_whitespace().next()?;
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
            assert_eq!(Told::of(&headers(pairs)).content, expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_request_is_compressed_by_its_codings_only() {
        for (encoding, expected) in [
            ("gzip", true),
            ("BR", true),
            ("identity, zstd", true),
            ("identity", false),
            ("utf-8", false),
            ("", false),
        ] {
            let headers = headers(&[("content-encoding", encoding)]);
            assert_eq!(Known::of(&headers).is_encoded(), expected, "{encoding}");
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
            let headers = headers(pairs);
            assert_eq!(looks_like_mcp(&Known::of(&headers), &headers), expected, "{pairs:?}");
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
        for (pairs, expected) in [
            (&[("user-agent", "curl/8.1 (linux)")][..], peer("curl", "8.1")),
            (&[("user-agent", "node")], peer("node", "")),
            (
                &[("user-agent", "first/1"), ("user-agent", "second/2")],
                peer("first", "1"),
            ),
            (&[], None),
        ] {
            let headers = headers(pairs);
            assert_eq!(
                Known::of(&headers).user_agent.and_then(user_agent),
                expected,
                "{pairs:?}"
            );
        }
    }
}
