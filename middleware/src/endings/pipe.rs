//! Plays over standard input and output.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

use super::cells::Ending;
use super::{Act, Read, http};
use crate::export::Queued;
use crate::stdio::pair_of;

/// What the client writes, as the server reads it.
#[derive(Clone, Default)]
struct Input(Arc<Mutex<(VecDeque<Vec<u8>>, bool)>>);

impl AsyncRead for Input {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock().unwrap();
        match state.0.pop_front() {
            Some(piece) => buffer.put_slice(&piece),
            None if state.1 => {}
            None => return Poll::Pending,
        }
        Poll::Ready(Ok(()))
    }
}

/// What the server writes, as the client reads it.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl AsyncWrite for Output {
    /// Takes a part only, as a pipe may.
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let part = &bytes[..bytes.len().div_ceil(2)];
        self.0.lock().unwrap().extend_from_slice(part);
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What the server has read, and what the client has.
type Passed = Vec<http::Passed>;

/// Whether the last line of each side has a line feed. Where it has none, the end of the stream ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastLine {
    Ended,
    Open,
}

pub(super) fn play(
    version: &str,
    ending: Ending,
    acts: &[Act],
    last_line: LastLine,
    read: Read,
) -> (Passed, Passed, mpsc::Receiver<Queued>) {
    let acts = http::with_handshake(version, ending, acts);
    let (input, output) = (Input::default(), Output::default());
    let bare = pass(&acts, last_line, &input, &output, input.clone(), output.clone());
    let (input, output) = (Input::default(), Output::default());
    let (recorder, observations) = read.recorder();
    let (read, write) = pair_of(recorder.clone(), input.clone(), output.clone());
    let layered = pass(&acts, last_line, &input, &output, read, write);
    http::finish(&recorder);
    (bare, layered, observations)
}

fn pass(
    acts: &[Act],
    last_line: LastLine,
    input: &Input,
    output: &Output,
    read: impl AsyncRead,
    write: impl AsyncWrite + Unpin,
) -> Passed {
    let is_client = |act: &Act| matches!(act, Act::Client(_));
    let is_server = |act: &Act| {
        matches!(
            act,
            Act::Server(_) | Act::Aside(_) | Act::Answer(_) | Act::AnswerWith(..)
        )
    };
    let open = last_line == LastLine::Open;
    let last_of_client = acts.iter().rposition(is_client).filter(|_| open);
    // A server that is spoken to again has ended its line.
    let last_of_server = acts.iter().rposition(is_server);
    let last_of_server = last_of_server.filter(|at| open && !acts[*at..].iter().any(is_client));
    let mut read = Box::pin(read);
    let mut write = Some(write);
    let mut seen = Vec::new();
    for (at, act) in acts.iter().enumerate() {
        let end = if [last_of_client, last_of_server].contains(&Some(at)) {
            ""
        } else {
            "\n"
        };
        match act {
            Act::Client(text) => {
                let line = format!("{text}{end}");
                let (first, second) = line.as_bytes().split_at(line.len() / 2);
                let mut input = input.0.lock().unwrap();
                input.0.extend([first.to_vec(), second.to_vec()]);
                input.1 |= end.is_empty();
            }
            Act::Server(text) | Act::Aside(text) | Act::Answer(text) | Act::AnswerWith(_, text) => {
                let line = format!("{text}{end}");
                write_all(write.as_mut().unwrap(), line.as_bytes());
            }
            Act::HangUp => {
                input.0.lock().unwrap().1 = true;
                read_all(read.as_mut(), &mut seen);
                write = None;
            }
            Act::Leave => write = None,
            Act::Refused(..)
            | Act::Challenged(..)
            | Act::Compressed
            | Act::Delete
            | Act::Break
            | Act::Fail
            | Act::Pause
            | Act::Resume(_) => panic!("{act:?} cannot happen to a pipe"),
        }
        read_all(read.as_mut(), &mut seen);
    }
    input.0.lock().unwrap().1 = true;
    read_all(read.as_mut(), &mut seen);
    drop(write);
    let written = output.0.lock().unwrap().clone();
    vec![http::Passed::of_pipe(seen, written)]
}

fn read_all(mut read: Pin<&mut impl AsyncRead>, into: &mut Vec<u8>) {
    let mut room = [0; 4096];
    loop {
        let mut buffer = ReadBuf::new(&mut room);
        match read
            .as_mut()
            .poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer)
        {
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => into.extend_from_slice(buffer.filled()),
            _ => return,
        }
    }
}

fn write_all(write: &mut (impl AsyncWrite + Unpin), mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match Pin::new(&mut *write).poll_write(&mut Context::from_waker(Waker::noop()), bytes) {
            Poll::Ready(Ok(count)) => bytes = &bytes[count..],
            other => panic!("{other:?}"),
        }
    }
}
