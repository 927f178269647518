//! The exchange that the benches run.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tower::{Service, service_fn};

pub(crate) const REQUEST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"post_entry","arguments":{"account":"4711","amount":12,"text":"coffee and cake"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"desk-agent","version":"4.2.0"},"io.modelcontextprotocol/clientCapabilities":{},"traceparent":"00-5b8aa5a2d2c872e8321cf37308d69df2-051581bf3cb55c13-01"}}}"#;

/// What a result is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text {
    /// An escaped line end every 80 bytes.
    Prose,
    /// JSON within JSON, with an escape every 5 bytes.
    Nested,
    /// An image.
    Base64,
    /// `structuredContent` instead of text.
    Structured,
}

/// An answer of some `bytes`, as JSON or as one event of a stream.
pub(crate) fn answer(text: Text, bytes: usize, stream: bool) -> Bytes {
    let piece = match text {
        Text::Prose => "lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor\\n",
        Text::Nested => r#"{\"name\":\"value\",\"n\":12},"#,
        Text::Base64 => "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo",
        Text::Structured => {
            r#"{"name":"value","n":12,"tags":["a","b"],"inner":{"status":"active","at":"2026-01-01T00:00:00Z"}},"#
        }
    };
    let pieces = piece.repeat(bytes.div_ceil(piece.len()));
    let content = match text {
        Text::Prose | Text::Nested => format!(r#""content":[{{"type":"text","text":"{pieces}"}}]"#),
        Text::Base64 => {
            format!(r#""content":[{{"type":"image","mimeType":"image/png","data":"{pieces}"}}]"#)
        }
        Text::Structured => format!(r#""content":[],"structuredContent":{{"rows":[{pieces}{{}}]}}"#),
    };
    let json = format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"resultType":"complete",{content},"isError":false}}}}"#);
    Bytes::from(if stream {
        format!("event: message\ndata: {json}\n\n")
    } else {
        json
    })
}

pub(crate) fn inner(
    body: Bytes,
    stream: bool,
) -> impl Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible> + Clone {
    service_fn(move |request| serve(request, body.clone(), stream))
}

pub(crate) async fn serve<B: http_body::Body>(
    request: Request<B>,
    body: Bytes,
    stream: bool,
) -> Result<Response<Full<Bytes>>, Infallible>
where
    B::Error: std::fmt::Debug,
{
    std::hint::black_box(request.into_body().collect().await.expect("a whole body"));
    let content = if stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    Ok(Response::builder()
        .header("content-type", content)
        .body(Full::new(body))
        .expect("a response"))
}

pub(crate) fn request() -> Request<Full<Bytes>> {
    Request::post("/mcp")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        // Every server leaves something there, such as the peer's address.
        .extension(SocketAddr::from(([127, 0, 0, 1], 1)))
        .body(Full::new(Bytes::from_static(REQUEST.as_bytes())))
        .expect("a request")
}
