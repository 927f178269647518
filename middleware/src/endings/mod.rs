//! Every ending of a call on every transport in every protocol version: what is recorded, and that nothing that passes is
//! changed.

mod cells;
mod context;
mod follow_ups;
mod http;
mod pipe;
mod stage;
mod streams;

use cells::{Cell, Ending, TRANSPORTS};
use pipe::LastLine;

use std::sync::Arc;

use tokio::sync::mpsc::Receiver;

use crate::export::{Queue, Queued};
use crate::identity::Users;
use crate::observe::{Observation, Observer};
use crate::record::Direction;
use crate::recorder::Recorder;

/// How client and server are connected, and how the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Stdio,
    /// HTTP+SSE.
    TwoEndpoints,
    /// Streamable HTTP, answered by a JSON body.
    Json,
    /// Streamable HTTP, answered by an event stream.
    Stream,
}

/// One thing that happens between client and server.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    /// The client sends a request, a notification or an answer.
    Client(String),
    /// The server sends a message by which the call at hand does not end.
    Server(String),
    /// The server sends a message where no call is at hand.
    Aside(String),
    /// The server sends the answer to the call at hand.
    Answer(String),
    /// The same with another HTTP status than 200.
    AnswerWith(u16, String),
    /// The client sends a request that is answered by an HTTP status alone.
    Refused(String, u16),
    /// The same, and the response tells which credentials it wants.
    Challenged(String, u16),
    /// The server sends an answer to the call at hand that something on the way has compressed.
    Compressed,
    /// The client ends the session.
    Delete,
    /// The client goes away.
    HangUp,
    /// The server goes away.
    Leave,
    /// The connection breaks.
    Break,
    /// The service fails before it answers.
    Fail,
    /// The stream of the answer tells an event id, and ends early.
    Pause,
    /// It is resumed twice, and brings this both times.
    Resume(String),
}

/// `method outcome fault`, with a `<` before what the server sends, the progress that was told and the flags of the result;
/// and behind it version, transport, status and client.
fn told(observations: &mut Receiver<Queued>) -> Vec<String> {
    let mut told = Vec::new();
    while let Ok(observation) = observations.try_recv() {
        let Observation::Call(record) = observation else {
            continue;
        };
        let mark = if record.direction == Direction::ToClient {
            "<"
        } else {
            ""
        };
        let progress = match record.progress {
            0 => String::new(),
            count => format!(", progress {count}"),
        };
        let flags = match &*record.detail.flags.names() {
            "" => String::new(),
            flags => format!(", {flags}"),
        };
        told.push(format!(
            "{mark}{} {} {}{progress}{flags}; {} {} {} {}",
            record.method,
            record.outcome,
            record.fault,
            record.protocol_version.as_deref().unwrap_or("-"),
            record.transport.as_str(),
            record
                .http_status
                .map_or_else(|| "-".to_owned(), |status| status.to_string()),
            record.client.name,
        ));
    }
    told.sort();
    told
}

/// When what passes is read.
#[derive(Clone, Copy, Debug)]
enum Read {
    /// While it passes.
    AtOnce,
    /// When all has passed.
    Later,
}

impl Read {
    fn recorder(self) -> (Arc<Recorder>, Receiver<Queued>) {
        let (queue, observations) = Queue::new(1000);
        let observer = Observer::new(None, Users::default(), 10);
        let recorder = Recorder::new(observer.into(), queue);
        if matches!(self, Self::AtOnce) {
            recorder.backlog.read_at_once();
        }
        (recorder.into(), observations)
    }
}

#[test]
fn each_ending_makes_one_record_and_changes_nothing() {
    endings(Read::AtOnce);
}

#[test]
fn the_same_is_recorded_where_all_is_read_later() {
    endings(Read::Later);
}

fn endings(read: Read) {
    let (mut played, mut impossible) = (0, 0);
    let mut wrong = Vec::new();
    for (transport, version) in TRANSPORTS {
        for &ending in Ending::ALL {
            let name = format!("{transport:?} {version} {ending:?}");
            let (acts, mut expected) = match cells::cell(transport, version, ending) {
                Cell::Plays(acts, expected) => (acts, expected),
                Cell::CannotOccur(why) => {
                    assert!(!why.is_empty(), "{name}");
                    impossible += 1;
                    continue;
                }
            };
            if version < "2026-07-28" {
                expected.push("initialize ok none".to_owned());
            }
            for record in &mut expected {
                *record = format!("{record}; {}", context::of(transport, version, ending, record));
            }
            expected.sort();
            let plays = match transport {
                Transport::Stdio => vec![
                    pipe::play(version, ending, &acts, LastLine::Ended, read),
                    pipe::play(version, ending, &acts, LastLine::Open, read),
                ],
                _ => vec![http::play(transport, version, ending, &acts, read)],
            };
            for (bare, layered, mut observations) in plays {
                assert_eq!(layered, bare, "{name}: what passes has changed");
                let told = told(&mut observations);
                if told != expected {
                    wrong.push(format!("{name}: {told:#?} instead of {expected:#?}"));
                }
                // Without a line feed the last request is read when the client has closed its side.
                for record in &mut expected {
                    *record = record.replace("abandoned server", "abandoned client_gone");
                }
            }
            played += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((played, impossible), (564, 388));
}
