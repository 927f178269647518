//! Bodies that pass and cannot be read.

use bytes::Buf;

use super::*;
use crate::wire::Side;

const GZIP: &[(&str, &str)] = &[("content-type", "application/json"), ("content-encoding", "gzip")];
const HTML: &[(&str, &str)] = &[("content-type", "text/html")];

/// How each call ended, with its flags, and the bodies that could not be read.
fn told(receiver: &mut mpsc::Receiver<Queued>) -> (Vec<String>, Vec<Side>) {
    let (mut calls, mut unread) = (Vec::new(), Vec::new());
    while let Ok(observation) = receiver.try_recv() {
        match observation {
            Observation::Call(record) => calls.push(format!(
                "{} {} {} {}",
                record.outcome,
                record.fault,
                record.response_bytes,
                record.detail.flags.names()
            )),
            Observation::Unread(body, _) => unread.push(body),
            Observation::Session(_) | Observation::Omitted(_) => {}
        }
    }
    (calls, unread)
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_told_by_its_status_and_flagged() {
    for (name, status, headers, pieces, expected, unread) in [
        ("compressed", 200, GZIP, &["x", "y"][..], "ok none 2 unread", true),
        (
            "compressed and refused",
            404,
            GZIP,
            &["x"],
            "http_error caller 1 unread",
            true,
        ),
        (
            "compressed, to come elsewhere",
            202,
            GZIP,
            &["x"],
            "deferred none 1 unread",
            true,
        ),
        ("compressed and empty", 200, GZIP, &[], "abandoned server 0 ", false),
        ("a page", 200, HTML, &["x"], "abandoned server 1 ", false),
    ] {
        let (layer, mut receiver) = layer();
        let body = Script::pieces(pieces);
        exchange(&layer, post(LEGACY), Answer { status, headers, body }).await;
        let bodies = if unread { vec![Side::Answer] } else { Vec::new() };
        assert_eq!(told(&mut receiver), (vec![expected.to_owned()], bodies), "{name}");
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_counted_and_told_by_its_headers() {
    for (name, encoding, body, expected, unread) in [
        ("compressed", "gzip", "x", "tools/list 1", vec![Side::Request]),
        // As JSON it could be read, and says something else.
        (
            "said to be compressed",
            "br",
            LEGACY,
            "tools/list 70",
            vec![Side::Request],
        ),
        ("a charset in the wrong place", "utf-8", LEGACY, "tools/call 70", vec![]),
        ("as it is", "Identity", LEGACY, "tools/call 70", vec![]),
    ] {
        let (layer, mut receiver) = layer();
        let mut request = post(body);
        for (name, value) in [("content-encoding", encoding), ("mcp-method", "tools/list")] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let answer = Answer {
            status: 200,
            headers: JSON,
            body: Script::pieces(&[OK]),
        };
        exchange(&layer, request, answer).await;
        let (mut calls, mut bodies) = (Vec::new(), Vec::new());
        while let Ok(observation) = receiver.try_recv() {
            match observation {
                Observation::Call(record) => {
                    assert_eq!(record.outcome.as_str(), "ok", "{name}");
                    calls.push(format!("{} {}", record.method, record.request_bytes));
                }
                Observation::Unread(body, _) => bodies.push(body),
                Observation::Session(_) | Observation::Omitted(_) => {}
            }
        }
        assert_eq!((calls, bodies), (vec![expected.to_owned()], unread), "{name}");
    }
}

#[tokio::test]
async fn what_is_not_mcp_may_be_compressed() {
    let (layer, mut receiver) = layer();
    let request = Request::post("/token").header("content-encoding", "gzip");
    let request = request.body(Script::pieces(&["grant_type=x"])).unwrap();
    let body = Script::pieces(&["x"]);
    let answer = Answer {
        status: 200,
        headers: GZIP,
        body,
    };
    exchange(&layer, request, answer).await;
    assert_eq!(told(&mut receiver), (Vec::new(), Vec::new()));
}

/// A buffer that shows one byte at a time.
struct Slow(Bytes);

impl Buf for Slow {
    fn remaining(&self) -> usize {
        self.0.remaining()
    }

    fn chunk(&self) -> &[u8] {
        &self.0[..1.min(self.0.len())]
    }

    fn advance(&mut self, count: usize) {
        self.0.advance(count);
    }
}

/// A body whose frames are shown whole, or one byte of them.
struct Frames(VecDeque<(&'static str, bool)>);

impl Body for Frames {
    type Data = bytes::buf::Chain<Bytes, Slow>;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        let frame = self.0.pop_front().map(|(text, is_shown)| {
            let bytes = Bytes::from_static(text.as_bytes());
            let shown = if is_shown { bytes.clone() } else { Bytes::new() };
            let hidden = if is_shown { Bytes::new() } else { bytes };
            Ok(Frame::data(shown.chain(Slow(hidden))))
        });
        Poll::Ready(frame)
    }
}

#[tokio::test]
async fn what_comes_behind_a_gap_is_not_read() {
    // Read on, it would be a call of another method.
    let request = [
        (r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":1"#, true),
        (r#","b":{"c":1"#, false),
        (r#"},"id":8,"method":"other"}}"#, true),
    ];
    let answer = [
        (r#"{"jsonrpc":"2.0","#, true),
        (r#""id":7,"#, false),
        (r#""result":{}}"#, true),
    ];
    let whole = |frames: [(&'static str, bool); 3]| frames.map(|(text, _)| (text, true));
    for (name, request, answer, expected, unread) in [
        ("nothing", whole(request), whole(answer), "tools/call ok none", vec![]),
        (
            "in the request",
            request,
            whole(answer),
            "tools/list ok none",
            vec![Side::Request],
        ),
        (
            "in the answer",
            whole(request),
            answer,
            "tools/call ok none",
            vec![Side::Answer],
        ),
    ] {
        let (layer, mut receiver) = layer();
        let service = service_fn(move |request: Request<RequestBody<Frames>>| async move {
            request.into_body().collect().await.unwrap();
            let response = Response::builder().header("content-type", "application/json");
            Ok::<_, Infallible>(response.body(Frames(answer.into())).unwrap())
        });
        let length: usize = request.iter().map(|(text, _)| text.len()).sum();
        let request = Request::post("/mcp")
            .header("mcp-method", "tools/list")
            .body(Frames(request.into()))
            .unwrap();
        let response = layer.layer(service).oneshot(request).await.unwrap();
        response.into_body().collect().await.unwrap();
        let (mut calls, mut bodies) = (Vec::new(), Vec::new());
        while let Ok(observation) = receiver.try_recv() {
            match observation {
                Observation::Call(record) => {
                    assert_eq!(record.request_bytes, length as u64, "{name}");
                    calls.push(format!("{} {} {}", record.method, record.outcome, record.fault));
                }
                Observation::Unread(body, _) => bodies.push(body),
                Observation::Session(_) | Observation::Omitted(_) => {}
            }
        }
        assert_eq!((calls, bodies), (vec![expected.to_owned()], unread), "{name}");
    }
}
