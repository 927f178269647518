//! A client and a server that talk over a pipe: standard input and output, one message a line.

use std::sync::Arc;
use std::time::Instant;

use super::call::Carrier;
use super::classify::Probe;
use super::connection::{Connection, Reach};
use super::dialogue::Dialogue;
use super::head::RequestHead;
use super::{Observation, Observations, Observer};
use crate::outcome::{Fault, Outcome};
use crate::record::Direction;
use crate::wire::{Kind, Line, Lines, Message, Side};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Conversation {
    dialogue: Dialogue,
    client: Lines,
    server: Lines,
    /// Some records wait for the client's next request, see [`Connection::hold_back`].
    holds_back: bool,
    ended: bool,
}

impl Conversation {
    /// `head` tells when it begins and what surrounds it.
    pub(crate) fn begin(observer: Arc<Observer>, head: RequestHead) -> Self {
        let connection = Arc::new(Connection::new(Reach::Pipe, head.start));
        observer.pipes.open(&connection);
        let telling = observer.detail.telling();
        Self {
            dialogue: Dialogue::new(observer, connection.into(), head),
            client: Lines::new(Side::Request).telling(telling),
            server: Lines::new(Side::Answer).telling(telling),
            holds_back: false,
            ended: false,
        }
    }

    /// What has been observed since the last time.
    pub(crate) fn take(&mut self) -> Observations {
        std::mem::take(&mut self.dialogue.out)
    }

    /// Bytes that the client has sent.
    pub(crate) fn client_data(&mut self, bytes: &[u8], now: Instant) {
        let lines = self.client.push(bytes);
        self.client_lines(lines, now);
    }

    /// Bytes that the server has sent.
    pub(crate) fn server_data(&mut self, bytes: &[u8], now: Instant) {
        let lines = self.server.push(bytes);
        self.server_lines(lines, now);
    }

    /// The client has closed its side, which ends its last line, too. What the server still answers counts.
    pub(crate) fn client_end(&mut self, now: Instant) {
        let last = self.client.end_line();
        self.client_lines(last, now);
        self.dialogue.connection.client_is_gone();
        self.release(false);
    }

    /// Nothing more can come: what is open stays without an answer.
    pub(crate) fn end(&mut self, now: Instant) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let last = self.server.end_line();
        self.server_lines(last, now);
        let omitted = self.client.omitted();
        if omitted > 0 {
            self.dialogue.out.push(Observation::Omitted(omitted));
        }
        let Dialogue {
            connection, observer, ..
        } = &self.dialogue;
        let ended = observer.end_pipe(connection, now);
        self.dialogue.out.extend(ended);
    }

    fn client_lines(&mut self, lines: impl IntoIterator<Item = Line>, now: Instant) {
        for line in lines {
            for mut message in line.messages {
                self.client_message(&mut message, line.bytes, now);
            }
        }
    }

    fn server_lines(&mut self, lines: impl IntoIterator<Item = Line>, now: Instant) {
        for line in lines {
            for mut message in line.messages {
                self.server_message(&mut message, line.bytes, now);
            }
        }
    }

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
            let no_room = self.dialogue.connection.hold_back(record);
            self.dialogue.out.extend(no_room.map(Observation::Call));
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
