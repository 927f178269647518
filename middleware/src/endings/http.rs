//! Plays over the transports of HTTP: each act in turn, without a clock and without a runtime.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::mpsc;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use super::cells::{Ending, MODERN};
use super::follow_ups::handshake;
use super::stage::{Client, Server, Stage};
use super::{Act, Read, Transport};
use crate::export::Queued;
use crate::http::ToolsightLayer;
use crate::recorder::Recorder;

/// What passed in one exchange: what the server got, what the client got, and how that ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    got: Vec<u8>,
    status: Option<u16>,
    headers: Vec<(String, Vec<u8>)>,
    sent: Vec<u8>,
    end: Option<Result<(), &'static str>>,
}

impl Passed {
    pub(super) fn of_pipe(got: Vec<u8>, sent: Vec<u8>) -> Self {
        Self {
            got,
            sent,
            ..Self::default()
        }
    }
}

/// A response body that yields what it is sent.
struct Sent(mpsc::Receiver<Result<Bytes, &'static str>>);

impl Body for Sent {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

pub(super) fn play(
    transport: Transport,
    version: &str,
    ending: Ending,
    acts: &[Act],
    read: Read,
) -> (Vec<Passed>, Vec<Passed>, mpsc::Receiver<Queued>) {
    let acts = with_handshake(version, ending, acts);
    let server = Arc::<Server>::default();
    // A server need not have sessions before 2026-07-28.
    let how = (transport, version, ending != Ending::UnresumedWithoutSession);
    let bare = pass(&acts, how, server.clone(), &service(server));
    let (recorder, observations) = read.recorder();
    let layer = ToolsightLayer {
        recorder: recorder.clone(),
    };
    let server = Arc::<Server>::default();
    let layered = pass(&acts, how, server.clone(), &layer.layer(service(server)));
    finish(&recorder);
    (bare, layered, observations)
}

/// Reads what is not read yet, and ends what is waited for.
pub(super) fn finish(recorder: &Recorder) {
    recorder.backlog.catch_up();
    let waited_for = recorder.observer.finish(Instant::now());
    waited_for
        .into_iter()
        .for_each(|observation| recorder.queue.push(observation));
}

/// The acts after the handshake that the version begins with, where they do not have it themselves.
pub(super) fn with_handshake(version: &str, ending: Ending, acts: &[Act]) -> Vec<Act> {
    if version == MODERN || matches!(ending, Ending::Probe | Ending::ProbeByCall | Ending::ProbeUnanswered) {
        return acts.to_vec();
    }
    [&handshake(version)[..], acts].concat()
}

fn service<B>(server: Arc<Server>) -> impl Service<Request<B>, Response = Response<Sent>, Error = &'static str> + Clone
where
    B: Body<Data = Bytes, Error = Infallible>,
{
    service_fn(move |request: Request<B>| {
        let server = server.clone();
        async move {
            let prepared = server.next.lock().unwrap().pop_front();
            let (head, body) = prepared.ok_or("nothing prepared")?;
            let got = request.into_body().collect().await.map_err(|_| "body")?.to_bytes();
            server.got.lock().unwrap().push(got.to_vec());
            let (status, headers) = head.await.map_err(|_| "no head")??;
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Sent(body)).map_err(|_| "head")
        }
    })
}

fn pass<S, R>(
    acts: &[Act],
    (transport, version, session): (Transport, &str, bool),
    server: Arc<Server>,
    service: &S,
) -> Vec<Passed>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>, Error = &'static str> + Clone + 'static,
    R: Body<Data = Bytes, Error = &'static str> + 'static,
{
    let mut send = |request, passed: Arc<Mutex<Passed>>| -> Client {
        let service = service.clone();
        Box::pin(async move {
            let response = match service.oneshot(request).await {
                Ok(response) => response,
                Err(error) => return passed.lock().unwrap().end = Some(Err(error)),
            };
            let headers = response.headers().iter();
            let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
            {
                let mut passed = passed.lock().unwrap();
                passed.status = Some(response.status().as_u16());
                passed.headers = headers.collect();
            }
            let mut body = Box::pin(response.into_body());
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => passed
                        .lock()
                        .unwrap()
                        .sent
                        .extend(frame.into_data().unwrap_or_default()),
                    Err(error) => return passed.lock().unwrap().end = Some(Err(error)),
                }
            }
            passed.lock().unwrap().end = Some(Ok(()));
        })
    };
    let mut stage = Stage {
        server,
        send: &mut send,
        served: Vec::new(),
        clients: Vec::new(),
        passed: Vec::new(),
        session,
    };
    stage.run(acts, transport, version);
    let Stage {
        server,
        passed,
        clients,
        ..
    } = stage;
    drop(clients);
    let mut got = server.got.lock().unwrap().drain(..).collect::<VecDeque<_>>();
    let take = |passed: Arc<Mutex<Passed>>| std::mem::take(&mut *passed.lock().unwrap());
    let with_got = |mut passed: Passed| {
        passed.got = got.pop_front().unwrap_or_default();
        passed
    };
    passed.into_iter().map(take).map(with_got).collect()
}
