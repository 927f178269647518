//! What is read some time after it has passed.

use super::*;
use crate::backlog::Backlog;
use crate::http::CallSpan;
use crate::recorder::Recorder;

/// A layer whose recorder is read when it is told to.
fn layer() -> (ToolsightLayer, mpsc::Receiver<Queued>) {
    layer_with(2000)
}

fn layer_with(places: usize) -> (ToolsightLayer, mpsc::Receiver<Queued>) {
    let (queue, receiver) = Queue::new(places);
    let observer = Observer::new(None, Users::default(), 100);
    let recorder = Recorder::new(observer.into(), queue).into();
    (ToolsightLayer { recorder }, receiver)
}

impl ToolsightLayer {
    fn backlog(&self) -> &Backlog {
        &self.recorder.backlog
    }
}

/// A body that yields what it is sent.
struct Sent(mpsc::Receiver<Bytes>);

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|piece| Some(Ok(Frame::data(piece?))))
    }
}

fn answer(body: &str) -> Answer {
    Answer {
        status: 200,
        headers: JSON,
        body: Script::pieces(&[body]),
    }
}

#[tokio::test]
async fn a_handler_that_asks_is_told_the_span_that_the_body_names() {
    let (first, last) = MODERN.split_at(MODERN.find("parent").unwrap());
    let escaped = MODERN.replace("traceparent", r"\u0074raceparent");
    for (name, pieces, named) in [
        ("whole", &[MODERN][..], true),
        ("in pieces", &[first, last], true),
        ("with an escape", &[&escaped], true),
        ("a body that names none", &[LEGACY], false),
    ] {
        let (layer, _receiver) = layer();
        let is_read = |layer: &ToolsightLayer| layer.recorder.observer.in_flight.read().0 == 1;
        let service = service_fn(|request: Request<RequestBody<Script>>| {
            let layer = layer.clone();
            async move {
                let (head, body) = request.into_parts();
                body.collect().await.unwrap();
                let span = head.extensions.get::<CallSpan>().unwrap().0.span().clone();
                // Where there is nothing to be told, nobody reads what others have said.
                assert_eq!(is_read(&layer), named, "{name}");
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(span.trace_id().to_string()))))
            }
        });
        let request = post("").map(|_| Script::pieces(pieces));
        let response = layer.layer(service).oneshot(request).await.unwrap();
        let told = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(told == "5b8aa5a2d2c872e8321cf37308d69df2", named, "{name}");
    }
}

#[tokio::test]
async fn an_answer_for_which_there_is_no_room_is_told_by_its_status_and_flagged() {
    let (layer, mut receiver) = layer();
    let (long, short) = (format!("{}{OK}", " ".repeat(8 << 20)), " ".repeat(8 << 10));
    let busy = layer.backlog().busy();
    assert_eq!(exchange(&layer, post(LEGACY), answer(&long)).await.1, long);
    // There is room for what is not so long, until there is none.
    for _ in 0..1100 {
        assert_eq!(exchange(&layer, post(LEGACY), answer(&short)).await.1, short);
    }
    drop(busy);
    layer.backlog().catch_up();
    let (mut cut, mut read) = (0, 0);
    for record in records(&mut receiver) {
        match (record.outcome.as_str(), &*record.detail.flags.names()) {
            ("ok", "unread") => cut += 1,
            ("abandoned", "") => read += 1,
            other => panic!("{other:?}"),
        }
    }
    let none = layer.recorder.queue.counts().read().queue_full;
    assert_eq!((cut, read + none), (2, 1099), "{none} were not looked at");
    assert!(none > 0);
}

#[tokio::test]
async fn what_comes_behind_bytes_that_were_left_out_is_not_read() {
    let (layer, mut receiver) = layer();
    // With the middle left out it would be whole, and an error.
    let wrong = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"no"}}"#;
    let (first, last) = wrong.split_at(30);
    let middle = " ".repeat(8 << 20);
    let (sender, body) = mpsc::channel(1);
    let mut body = Some(body);
    let service = service_fn(|request: Request<RequestBody<Script>>| {
        let body = body.take().unwrap();
        async move {
            request.into_body().collect().await.unwrap();
            let response = Response::builder().header("content-type", "application/json");
            Ok::<_, Infallible>(response.body(Sent(body)).unwrap())
        }
    });
    let mut answer = layer.layer(service).oneshot(post(LEGACY)).await.unwrap().into_body();
    let mut busy = Some(layer.backlog().busy());
    for piece in [first, &middle, last] {
        if piece == last {
            drop(busy.take());
            layer.backlog().catch_up();
        }
        sender.send(Bytes::copy_from_slice(piece.as_bytes())).await.unwrap();
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), piece);
    }
    drop(sender);
    assert!(answer.frame().await.is_none());
    layer.backlog().catch_up();
    let records = records(&mut receiver);
    assert_eq!((records.len(), records[0].outcome.as_str()), (1, "ok"));
    assert!(records[0].detail.flags.unread);
}

/// A stream that stays open, and the client's side of it.
struct Open {
    sender: mpsc::Sender<Bytes>,
    body: crate::http::ResponseBody<Sent>,
}

impl Open {
    async fn begin(layer: &ToolsightLayer) -> Self {
        let (sender, body) = mpsc::channel(1);
        let mut body = Some(body);
        let service = service_fn(|_: Request<RequestBody<Script>>| {
            let response = Response::builder().header("content-type", "text/event-stream");
            std::future::ready(Ok::<_, Infallible>(response.body(Sent(body.take().unwrap())).unwrap()))
        });
        let request = Request::get("/sse").header("accept", "text/event-stream");
        let request = request.body(Script::pieces(&[])).unwrap();
        let body = layer.layer(service).oneshot(request).await.unwrap().into_body();
        Self { sender, body }
    }

    async fn pass(&mut self, text: String) {
        let bytes = Bytes::from(text);
        self.sender.send(bytes.clone()).await.unwrap();
        assert_eq!(self.body.frame().await.unwrap().unwrap().into_data().unwrap(), bytes);
    }
}

/// Sends request `id` to the address of the stream.
async fn ask(layer: &ToolsightLayer, id: usize) {
    let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"add"}}}}"#);
    let mut request = post(&body);
    *request.uri_mut() = "/message?1".parse().unwrap();
    let accepted = Answer {
        status: 202,
        headers: &[],
        body: Script::pieces(&[]),
    };
    exchange(layer, request, accepted).await;
}

fn event(id: usize, more: usize) -> String {
    let more = " ".repeat(more);
    format!("data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"content\":[]}}}}{more}\n\n")
}

#[tokio::test]
async fn of_an_event_stream_only_what_there_was_no_room_for_is_not_read() {
    for (name, is_full) in [("one long event", false), ("no room for anything", true)] {
        let (layer, mut receiver) = layer();
        let mut stream = Open::begin(&layer).await;
        stream.pass("event: endpoint\ndata: /message?1\n\n".into()).await;
        ask(&layer, 1).await;
        layer.backlog().catch_up();
        let busy = layer.backlog().busy();
        if is_full {
            ask(&layer, 2).await;
            while !layer.backlog().is_full() {
                exchange(&layer, post(LEGACY), answer(&" ".repeat(8 << 10))).await;
            }
            stream.pass(event(1, 16 << 10)).await;
            let steps = layer.backlog().written_steps();
            for _ in 0..9 {
                stream.pass(event(2, 16 << 10)).await;
            }
            assert_eq!(layer.backlog().written_steps(), steps, "what is left out takes no room");
        } else {
            stream.pass(event(1, 8 << 20)).await;
            ask(&layer, 2).await;
            stream.pass(event(2, 8 << 20)).await;
        }
        drop(busy);
        layer.backlog().catch_up();
        // In the midst of which event it goes on nobody knows.
        stream.pass(event(9, 0)).await;
        ask(&layer, 3).await;
        ask(&layer, 4).await;
        stream.pass(event(3, 0)).await;
        drop(stream.sender);
        assert!(stream.body.frame().await.is_none());
        layer.backlog().catch_up();
        let told = records(&mut receiver)
            .into_iter()
            .filter(|record| &*record.method == "tools/call");
        let told = told.filter(|record| record.transport.as_str() == "sse");
        let mut told: Vec<_> = told
            .map(|record| {
                let id = record.request_id.unwrap();
                format!(
                    "{id} {} {} {}",
                    record.outcome,
                    record.fault,
                    record.detail.flags.names()
                )
            })
            .collect();
        told.sort();
        let expected = [
            "1 deferred none unread",
            "2 deferred none unread",
            "3 ok none empty",
            "4 abandoned server ",
        ];
        assert_eq!(told, expected, "{name}");
    }
}

#[tokio::test]
async fn who_asks_for_counts_leaves_to_the_export_thread_what_finds_no_room() {
    let (layer, mut receiver) = layer_with(2);
    for _ in 0..5 {
        exchange(&layer, post(LEGACY), answer(OK)).await;
    }
    for (is_read, records_of_it) in [(false, 2), (false, 2), (true, 1)] {
        assert_eq!(layer.recorder.catch_up(), is_read);
        assert_eq!(records(&mut receiver).len(), records_of_it);
    }
    assert_eq!(layer.recorder.queue.counts().read().total(), 0);
}

/// The answer to the handshake is not read yet when the client goes on.
#[tokio::test]
async fn what_a_handshake_tells_is_known_to_the_calls_behind_it() {
    let (layer, mut receiver) = layer();
    let hands = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},
        "clientInfo":{"name":"desk","version":"4.2.0"}}}"#;
    let shaken = Answer {
        headers: &[("content-type", "application/json"), ("mcp-session-id", "s1")],
        ..answer(r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","serverInfo":{"name":"s"}}}"#)
    };
    exchange(&layer, post(hands), shaken).await;
    let mut call = post(LEGACY);
    call.headers_mut().insert("mcp-session-id", "s1".parse().unwrap());
    exchange(&layer, call, answer(OK)).await;
    layer.backlog().catch_up();
    let records = records(&mut receiver);
    let told = records.iter().map(|record| (&*record.method, &*record.client.name));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [("initialize", "desk"), ("tools/call", "desk")]
    );
}

#[tokio::test]
async fn whoever_keeps_the_extensions_of_a_request_does_not_keep_what_was_read() {
    let (layer, mut receiver) = layer();
    let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
    let service = service_fn(|request: Request<RequestBody<Script>>| {
        let kept = kept.clone();
        async move {
            let (head, body) = request.into_parts();
            kept.lock().unwrap().push(head.extensions.get::<CallSpan>().cloned());
            body.collect().await.unwrap();
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(OK.as_bytes()))))
        }
    });
    let response = layer.layer(service).oneshot(post(LEGACY)).await.unwrap();
    response.into_body().collect().await.unwrap();
    layer.backlog().catch_up();
    assert_eq!(records(&mut receiver).len(), 1);
    assert_eq!(layer.recorder.observer.in_flight.read().0, 0);
}
