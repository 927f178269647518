//! What is kept of the heads of a request and its response.

use std::time::{Instant, SystemTime};

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Version};
use opentelemetry::trace::SpanContext;

use crate::observe::{Observer, RequestHead, ResponseHead, Status, endpoint_key};
use crate::trace_context::{TraceParent, whole_entries};
use crate::wire::headers;

#[inline(always)]
pub(super) fn request<B>(
    request: &Request<B>,
    known: &headers::Known<'_>,
    observer: &Observer,
    ambient: Option<SpanContext>,
    start: Instant,
) -> RequestHead {
    let fields = request.headers();
    let text = |value: Option<&HeaderValue>| value.and_then(headers::value_text).map(Into::into);
    let (user, tenant) = observer.identity.find(fields, request.extensions());
    let session_id = text(known.session_id);
    let post = request.method() == Method::POST;
    let answered_elsewhere = post && session_id.is_none() && observer.may_have_endpoints();
    if request.method() == Method::GET && session_id.is_none() {
        observer.endpoint_is_asked();
    }
    let address = || request.uri().path_and_query().map_or("", PathAndQuery::as_str);
    RequestHead {
        start,
        start_wall: SystemTime::now(),
        post,
        delete: request.method() == Method::DELETE,
        resumes: known.last_event_id.is_some(),
        mcp: headers::looks_like_mcp(known, fields),
        is_encoded: known.is_encoded(),
        http_version: match request.version() {
            Version::HTTP_10 => Some("1.0"),
            Version::HTTP_11 => Some("1.1"),
            Version::HTTP_2 => Some("2"),
            Version::HTTP_3 => Some("3"),
            _ => None,
        },
        protocol_version: text(known.protocol_version),
        endpoint: answered_elsewhere.then(|| endpoint_key(address())).flatten(),
        session_id,
        method: text(known.method),
        name: text(known.name),
        parameters: known.has_parameters.then(|| headers::parameters(fields)),
        user_agent: known.user_agent.and_then(headers::user_agent),
        user,
        tenant,
        client_address: request.extensions().get().copied().map(Box::new),
        ambient,
    }
}

pub(super) fn response<R>(response: &Response<R>, observer: &Observer) -> ResponseHead {
    let told = headers::Told::of(response.headers());
    let extensions = response.extensions();
    let found = || observer.identity.find(&HeaderMap::new(), extensions);
    let (user, tenant) = (!extensions.is_empty()).then(found).unwrap_or_default();
    ResponseHead {
        status: Status {
            code: response.status().as_u16(),
            challenges: told.challenges,
        },
        session_id: told.session_id.and_then(headers::value_text).map(Into::into),
        content: told.content,
        user,
        tenant,
    }
}

/// The caller's span as the HTTP headers tell it.
pub(super) fn trace_parent(known: &headers::Known<'_>, fields: &HeaderMap) -> Option<SpanContext> {
    let parent = TraceParent::read(headers::value_text(known.trace_parent?)?)?;
    let states = fields
        .get_all(&headers::TRACESTATE)
        .iter()
        .filter_map(|state| state.to_str().ok());
    let state = states.collect::<Vec<_>>().join(",");
    let state = whole_entries(&state);
    Some(parent.context(Some(state).filter(|state| !state.is_empty())))
}
