//! Services that panic, answer elsewhere, or are taken back.

use super::*;
use crate::identity::UserId;
use crate::record::User;

#[tokio::test]
async fn a_panic_of_the_service_is_the_server_s_fault() {
    for at in ["call", "poll", "body"] {
        let (layer, mut receiver) = layer();
        let service = service_fn(move |request: Request<RequestBody<Script>>| {
            assert_ne!(at, "call", "a panic in call");
            async move {
                request.into_body().collect().await.unwrap();
                assert_ne!(at, "poll", "a panic in poll");
                let body = http_body_util::StreamBody::new(Panics);
                Ok::<_, Infallible>(
                    Response::builder()
                        .header("content-type", "text/event-stream")
                        .body(body)
                        .unwrap(),
                )
            }
        });
        let served = tokio::spawn(async move {
            let response = layer.layer(service).oneshot(post(MODERN)).await.unwrap();
            let _ = response.into_body().collect().await;
        });
        assert!(served.await.unwrap_err().is_panic());
        let records = records(&mut receiver);
        assert_eq!(records.len(), 1, "{at}");
        assert_eq!(records[0].outcome.as_str(), "http_error", "{at}");
        assert_eq!(records[0].fault.as_str(), "server", "{at}");
    }
}

struct Panics;

impl futures_core::Stream for Panics {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        panic!("a panic in the body")
    }
}

#[tokio::test]
async fn without_a_session_an_answer_may_come_elsewhere_only_if_the_server_says_so() {
    let numbered = Script::pieces(&["id: 1\nretry: 10\ndata:\n\n"]);
    for (status, headers, body, expected) in [
        (202, &[][..], Script::pieces(&["Accepted"]), ("deferred", "none")),
        (200, STREAM, numbered, ("abandoned", "server")),
    ] {
        let (layer, mut receiver) = layer();
        exchange(&layer, post(LEGACY), Answer { status, headers, body }).await;
        let record = &records(&mut receiver)[0];
        assert_eq!((record.outcome.as_str(), record.fault.as_str()), expected, "{status}");
    }
}

#[tokio::test]
async fn an_authenticated_user_counts_for_more_than_a_claimed_one() {
    let (queue, mut receiver) = Queue::new(10);
    let users = Users::default().from_header("x-user".parse().unwrap());
    let layer = ToolsightLayer::at_once(Arc::new(Observer::new(None, users, 10)), queue);
    let service = service_fn(|request: Request<RequestBody<Script>>| async move {
        request.into_body().collect().await.unwrap();
        let response = Response::builder().header("content-type", "application/json");
        Ok::<_, Infallible>(
            response
                .extension(UserId::new("verified"))
                .body(Script::pieces(&[OK]))
                .unwrap(),
        )
    });
    let mut request = post(LEGACY);
    request.headers_mut().insert("x-user", "forged".parse().unwrap());
    let response = layer.layer(service).oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap();
    assert_eq!(records(&mut receiver)[0].user, Some(User::Plain("verified".into())));
}

#[tokio::test]
async fn two_layers_of_one_observer_record_a_call_once() {
    let (layer, mut receiver) = layer();
    let service = service_fn(|request: Request<RequestBody<RequestBody<Script>>>| async move {
        request.into_body().collect().await.unwrap();
        let response = Response::builder().header("content-type", "application/json");
        Ok::<_, Infallible>(response.body(Script::pieces(&[OK])).unwrap())
    });
    let response = layer.layer(layer.layer(service)).oneshot(post(LEGACY)).await.unwrap();
    response.into_body().collect().await.unwrap();
    assert_eq!(records(&mut receiver).len(), 1);
}
