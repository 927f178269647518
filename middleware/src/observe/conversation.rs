//! A client and a server that talk over a pipe: standard input and output, one message a line.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::call::Carrier;
use super::classify::Probe;
use super::connection::{Connection, Reach};
use super::dialogue::Dialogue;
use super::head::RequestHead;
use super::sent::Sent;
use super::{Observation, Observations, Observer};
use crate::outcome::{Fault, Outcome};
use crate::record::Direction;
use crate::wire::{Kind, Message, Side};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Conversation {
    talk: Talk,
    client: Sent,
    server: Sent,
    ended: bool,
}

/// What has been said, message by message.
#[derive(Debug)]
struct Talk {
    dialogue: Dialogue,
    /// Some records wait for the client's next request, see [`Connection::hold_back`].
    holds_back: bool,
}

impl Conversation {
    /// `head` tells when it begins and what surrounds it.
    pub(crate) fn begin(observer: Arc<Observer>, head: RequestHead) -> Self {
        let connection = Arc::new(Connection::new(Reach::Pipe, head.start));
        observer.pipes.open(&connection);
        let telling = observer.detail.telling();
        let talk = Talk {
            dialogue: Dialogue::new(observer, connection.into(), head),
            holds_back: false,
        };
        Self {
            talk,
            client: Sent::new(Side::Request, telling),
            server: Sent::new(Side::Answer, telling),
            ended: false,
        }
    }

    /// What has been observed since the last time.
    pub(crate) fn take(&mut self) -> Observations {
        std::mem::take(&mut self.talk.dialogue.out)
    }

    /// Bytes that the client has sent.
    pub(crate) fn client_data(&mut self, bytes: &[u8], now: Instant) {
        let talk = &mut self.talk;
        self.client
            .read(bytes, &mut |message, bytes| talk.client_message(message, bytes, now));
    }

    /// Bytes that the server has sent.
    pub(crate) fn server_data(&mut self, bytes: &[u8], now: Instant) {
        let talk = &mut self.talk;
        self.server
            .read(bytes, &mut |message, bytes| talk.server_message(message, bytes, now));
    }

    /// The client has closed its side, which ends its last line, too. What the server still answers counts.
    pub(crate) fn client_end(&mut self, now: Instant) {
        let talk = &mut self.talk;
        self.client
            .end_line(&mut |message, bytes| talk.client_message(message, bytes, now));
        talk.dialogue.connection.client_is_gone();
        talk.release(false);
    }

    /// Nothing more can come: what is open stays without an answer.
    pub(crate) fn end(&mut self, now: Instant) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let talk = &mut self.talk;
        self.server
            .end_line(&mut |message, bytes| talk.server_message(message, bytes, now));
        let omitted = self.client.omitted() + self.server.omitted();
        if omitted > 0 {
            talk.dialogue.out.push(Observation::Omitted(omitted));
        }
        let Dialogue {
            connection, observer, ..
        } = &talk.dialogue;
        let ended = observer.end_pipe(connection, now);
        talk.dialogue.out.extend(ended);
    }
}

impl Talk {
    fn client_message(&mut self, message: &mut Message, bytes: u64, now: Instant) {
        match message.kind() {
            Kind::Request | Kind::Notification if message.jsonrpc => {
                if message.id.is_some() {
                    self.release(message.method.as_deref() == Some("initialize"));
                }
                let mut call = self.dialogue.client_call(message, None, now);
                call.record.request_bytes = bytes;
                if call.is_request() {
                    self.dialogue.wait(call, (Outcome::Abandoned, Fault::Server), now);
                } else {
                    // Nothing answers a notification here: it has arrived.
                    let how = (Outcome::Ok, Fault::None);
                    self.dialogue.close(call, how, None, &Carrier::default(), now);
                }
            }
            Kind::Result | Kind::Error => self.dialogue.client_answer(message, bytes, now),
            Kind::Request | Kind::Notification | Kind::Other => {}
        }
    }

    fn server_message(&mut self, message: &mut Message, bytes: u64, now: Instant) {
        match message.kind() {
            Kind::Result | Kind::Error => {
                let Some(id) = &message.id else {
                    // A result without an id answers nothing.
                    if message.error.is_some() {
                        self.unreadable(message, bytes, now);
                    }
                    return;
                };
                let taken = self
                    .dialogue
                    .connection
                    .take(Direction::ToServer, id, self.dialogue.home);
                if let Some((call, _)) = taken {
                    let carrier = Carrier {
                        bytes,
                        ..Carrier::default()
                    };
                    let may_probe = self.dialogue.observer.may_probe(&call) != Probe::No;
                    self.dialogue.answered(call, message, &carrier, now);
                    if may_probe && message.error.is_some() {
                        self.hold_back();
                    }
                }
            }
            Kind::Request | Kind::Notification if message.jsonrpc => {
                self.dialogue.server_message(message, bytes, None, now);
            }
            Kind::Request | Kind::Notification | Kind::Other => {}
        }
    }

    /// Keeps the record made last until the client's next request.
    fn hold_back(&mut self) {
        if let Some(Observation::Call(_)) = self.dialogue.out.last()
            && let Some(Observation::Call(record)) = self.dialogue.out.pop()
        {
            if let Some(no_room) = self.dialogue.connection.hold_back(record) {
                self.dialogue.observer.counters.probes.fetch_add(1, Relaxed);
                self.dialogue.out.push(Observation::Call(no_room));
            }
            self.holds_back = true;
        }
    }

    /// Lets go of the records held back; where the client has fallen back to the handshake, they were its probes.
    fn release(&mut self, handshake: bool) {
        if !std::mem::take(&mut self.holds_back) {
            return;
        }
        for mut record in self.dialogue.connection.release() {
            if handshake {
                (record.outcome, record.fault) = (Outcome::Probe, Fault::None);
            }
            self.dialogue.out.push(Observation::Call(record));
        }
    }

    /// The server has not understood a line, and so has not told which.
    fn unreadable(&mut self, answer: &Message, bytes: u64, now: Instant) {
        let call = self.dialogue.client_call(&mut Message::default(), None, now);
        let carrier = Carrier {
            bytes,
            ..Carrier::default()
        };
        self.dialogue.answered(call, answer, &carrier, now);
    }
}
