use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::*;
use crate::export::{Environment, Queue, Queued};
use crate::http::ToolsightLayer;
use crate::identity::Users;
use crate::observe::{Observation, Observer};

/// A pair without an export thread.
pub(crate) fn pair_of<R, W>(recorder: Arc<Recorder>, read: R, write: W) -> (ObservedRead<R>, ObservedWrite<W>) {
    let head = RequestHead::of_pipe(Instant::now(), SystemTime::now(), None);
    pair(Some(Talk::begin(head, recorder)), Weak::new(), read, write)
}

/// What reads at once, and what it observes.
fn recorder() -> (Arc<Recorder>, mpsc::Receiver<Queued>) {
    let (queue, receiver) = Queue::new(1000);
    let observer = Observer::new(None, Users::default(), 10);
    (ToolsightLayer::at_once(observer.into(), queue).recorder, receiver)
}

fn outcomes(receiver: &mut mpsc::Receiver<Queued>) -> Vec<String> {
    let mut outcomes = Vec::new();
    while let Ok(observation) = receiver.try_recv() {
        if let Observation::Call(record) = observation {
            let bytes = (record.request_bytes, record.response_bytes);
            outcomes.push(format!("{} {} {bytes:?}", record.method, record.outcome));
        }
    }
    outcomes
}

const PING: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";
const PONG: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n";

/// A pipe that takes and gives one byte at a time.
#[tokio::test]
async fn bytes_pass_unchanged_in_whatever_pieces() {
    let input = format!("{PING}\r\nnot JSON\n{}", "x".repeat(100));
    let (far, near) = tokio::io::duplex(1);
    let (mut answers, replies) = tokio::io::duplex(3);
    let (recorder, mut receiver) = recorder();
    let (mut read, mut write) = pair_of(recorder, near, replies);
    let sent = input.clone();
    let client = tokio::spawn(async move {
        let (_, mut far) = tokio::io::split(far);
        far.write_all(sent.as_bytes()).await.unwrap();
        far.shutdown().await.unwrap();
        let mut answer = String::new();
        answers.read_to_string(&mut answer).await.unwrap();
        answer
    });
    let mut seen = String::new();
    read.read_to_string(&mut seen).await.unwrap();
    let pieces = [IoSlice::new(&PONG.as_bytes()[..5]), IoSlice::new(&PONG.as_bytes()[5..])];
    let written = write.write_vectored(&pieces).await.unwrap();
    write.write_all(&PONG.as_bytes()[written..]).await.unwrap();
    write.shutdown().await.unwrap();
    drop(write);
    assert_eq!(seen, input);
    assert_eq!(client.await.unwrap(), PONG);
    let sizes = (PING.len() as u64 - 1, PONG.len() as u64 - 1);
    assert_eq!(outcomes(&mut receiver), [format!("ping ok {sizes:?}")]);
}

#[tokio::test]
async fn errors_pass_and_end_what_is_open() {
    struct Broken;
    impl AsyncRead for Broken {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::Error::other("torn")))
        }
    }
    let (recorder, mut receiver) = recorder();
    let (mut read, write) = pair_of(recorder, PING.as_bytes().chain(Broken), Vec::<u8>::new());
    let error = read.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "torn");
    assert_eq!(outcomes(&mut receiver), [""; 0], "the server may still answer");
    drop(write);
    assert_eq!(outcomes(&mut receiver), ["ping abandoned (40, 0)"]);
}

#[tokio::test]
async fn a_pipe_is_looked_at_unless_all_is_off() {
    for (disabled, in_flight) in [("true", 0), ("false", 1)] {
        let mut builder = Toolsight::builder();
        builder.otlp.environment =
            Environment::of(&[("OTEL_SDK_DISABLED", disabled), ("OTEL_METRICS_EXPORTER", "none")]);
        let toolsight = builder.build().unwrap();
        let (mut read, mut write) = toolsight.pipe(PING.as_bytes(), Vec::new());
        let mut seen = String::new();
        read.read_to_string(&mut seen).await.unwrap();
        assert_eq!(seen, PING);
        let recorder = &toolsight.layer.recorder;
        recorder.backlog.catch_up();
        assert_eq!(recorder.observer.in_flight.read().0, in_flight, "{disabled}");
        write.write_all(PONG.as_bytes()).await.unwrap();
        write.shutdown().await.unwrap();
        assert_eq!(write.inner, PONG.as_bytes());
        recorder.backlog.catch_up();
        assert_eq!(recorder.observer.in_flight.read().0, 0);
    }
}
