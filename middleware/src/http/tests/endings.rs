use super::*;

#[tokio::test]
async fn each_ending_makes_exactly_one_record() {
    let long = format!(
        r#"{{"result":{{"content":[{{"type":"text","text":"{}"}}],"isError":true}},"jsonrpc":"2.0","id":7}}"#,
        "x".repeat(10 << 20)
    );
    let event = format!("id: 1\ndata:\n\n: ping\n\nevent: message\ndata: {OK}\n\n");
    let (first, second) = event.split_at(40);
    let broken = || {
        Script::new([
            Poll::Ready(Ok(Bytes::from_static(b"data: {"))),
            Poll::Pending,
            Poll::Ready(Err("broken")),
        ])
    };
    let none = || Script::pieces(&[]);
    for (name, request, status, headers, body, outcome, fault) in [
        ("a JSON answer", MODERN, 200, JSON, Script::pieces(&[OK]), "ok", "none"),
        (
            "an answer in pieces",
            MODERN,
            200,
            JSON,
            Script::pieces(&[&OK[..9], "", &OK[9..]]),
            "ok",
            "none",
        ),
        (
            "an event stream",
            LEGACY,
            200,
            STREAM,
            Script::pieces(&[first, second]),
            "ok",
            "none",
        ),
        (
            "ten megabytes with the error last",
            MODERN,
            200,
            JSON,
            Script::pieces(&[&long]),
            "tool_error",
            "server",
        ),
        ("a refused token", LEGACY, 401, &[][..], none(), "unauthorized", "auth"),
        (
            "too many requests",
            LEGACY,
            429,
            &[][..],
            Script::pieces(&["slow down"]),
            "rate_limited",
            "caller",
        ),
        (
            "a page instead of JSON",
            LEGACY,
            502,
            &[][..],
            Script::pieces(&["<html>"]),
            "http_error",
            "server",
        ),
        ("an empty answer", LEGACY, 200, JSON, none(), "abandoned", "server"),
        (
            "an answer to something else",
            LEGACY,
            200,
            JSON,
            Script::pieces(&[r#"{"id":8,"result":{}}"#]),
            "abandoned",
            "server",
        ),
        ("a broken stream", LEGACY, 200, STREAM, broken(), "abandoned", "server"),
        (
            "a body that is not JSON",
            "hello",
            400,
            &[][..],
            none(),
            "http_error",
            "caller",
        ),
        (
            "an error for a body that is not JSON",
            "{",
            400,
            JSON,
            Script::pieces(&[r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#]),
            "invalid_arguments",
            "caller",
        ),
        (
            "a notification",
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            202,
            &[][..],
            none(),
            "ok",
            "none",
        ),
        (
            "a refused notification",
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            400,
            &[][..],
            none(),
            "http_error",
            "caller",
        ),
    ] {
        let (layer, mut receiver) = layer();
        let sent: Vec<u8> = body
            .0
            .iter()
            .filter_map(|step| match step {
                Poll::Ready(Ok(bytes)) => Some(bytes.to_vec()),
                _ => None,
            })
            .flatten()
            .collect();
        let (seen_status, seen) = exchange(&layer, post(request), Answer { status, headers, body }).await;
        assert_eq!(seen_status, status, "{name}");
        assert!(seen.is_empty() || seen == sent, "{name}: the body has changed");
        let records = records(&mut receiver);
        assert_eq!(records.len(), 1, "{name}: {records:?}");
        let record = &records[0];
        assert_eq!(
            (record.outcome.as_str(), record.fault.as_str()),
            (outcome, fault),
            "{name}"
        );
        assert_eq!(record.request_bytes, request.len() as u64, "{name}");
        assert_eq!(record.http_status, Some(status), "{name}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_is_cancelled_or_abandoned_by_era() {
    for (request, outcome) in [(MODERN, "cancelled"), (LEGACY, "abandoned")] {
        for before_head in [true, false] {
            let (layer, mut receiver) = layer();
            let service = service_fn(move |request: Request<RequestBody<Script>>| async move {
                request.into_body().collect().await.unwrap();
                if before_head {
                    std::future::pending::<()>().await;
                }
                let body = Script::new([Poll::Ready(Ok(Bytes::from_static(b"data: {")))]);
                Ok::<_, Infallible>(
                    Response::builder()
                        .header("content-type", "text/event-stream")
                        .body(body)
                        .unwrap(),
                )
            });
            let mut future = Box::pin(layer.layer(service).oneshot(post(request)));
            if let Poll::Ready(response) = futures_poll(&mut future) {
                let mut body = response.unwrap().into_body();
                body.frame().await.unwrap().unwrap();
            }
            drop(future);
            let records = records(&mut receiver);
            assert_eq!(records.len(), 1, "{outcome}, before the head: {before_head}");
            assert_eq!(
                (records[0].outcome.as_str(), records[0].fault.as_str()),
                (outcome, "client_gone")
            );
        }
    }
}

fn futures_poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(std::task::Waker::noop()))
}

#[tokio::test]
async fn a_service_error_passes_and_is_recorded() {
    let (layer, mut receiver) = layer();
    let service = service_fn(|request: Request<RequestBody<Script>>| async move {
        request.into_body().collect().await.unwrap();
        Err::<Response<Full<Bytes>>, _>("down")
    });
    assert_eq!(layer.layer(service).oneshot(post(LEGACY)).await.err(), Some("down"));
    assert_eq!(records(&mut receiver)[0].outcome.as_str(), "http_error");
}

#[tokio::test]
async fn requests_that_are_not_mcp_are_not_recorded() {
    let (layer, mut receiver) = layer();
    for request in [
        Request::get("/mcp")
            .header("accept", "text/event-stream")
            .body(Script::pieces(&[]))
            .unwrap(),
        Request::post("/token").body(Script::pieces(&["grant_type=x"])).unwrap(),
        Request::post("/api")
            .header("content-type", "application/json")
            .body(Script::pieces(&[r#"{"method":"x","id":1}"#]))
            .unwrap(),
        // The client's answer to a request of the server is no call of its own.
        post(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
    ] {
        exchange(
            &layer,
            request,
            Answer {
                status: 200,
                headers: JSON,
                body: Script::pieces(&["{}"]),
            },
        )
        .await;
    }
    assert_eq!(records(&mut receiver), []);
}
