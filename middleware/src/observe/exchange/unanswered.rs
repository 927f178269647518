//! What becomes of calls to which the response has brought no answer.

use super::{Exchange, ResponseBody};
use crate::observe::call::Call;
use crate::observe::classify;
use crate::observe::connection::Reach;
use crate::observe::head::End;
use crate::observe::open_calls::Unanswered;
use crate::outcome::{Fault, Outcome};
use crate::record::{Direction, Target};
use crate::wire::Message;

/// Where a response that has ended can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resumed {
    /// In this process, which has seen the session begin.
    Here,
    /// In another one as well, as the session began there.
    Anywhere,
}

impl Exchange {
    pub(super) fn unanswered(&self, call: &Call, end: End, resumed: Option<Resumed>) -> Unanswered {
        let over = |(outcome, fault)| Unanswered::Over(outcome, fault);
        if call.record.direction == Direction::ToClient {
            return Unanswered::Over(Outcome::Deferred, Fault::None);
        }
        let code = self.dialogue.status.map(|status| status.code);
        match (call.is_request(), code) {
            // A notification is answered by the status alone.
            (false, Some(_)) if !call.record.method.is_empty() => over(
                self.dialogue
                    .status
                    .map_or((Outcome::Ok, Fault::None), classify::by_status),
            ),
            // There may be an answer, and only its status tells of it.
            (true, Some(200 | 201 | 203..300)) if self.unread_answer && end == End::Complete => {
                over((Outcome::Ok, Fault::None))
            }
            (is_request, code) => {
                let modern = call.is_modern();
                let resumed = resumed.filter(|_| !modern);
                let probe = self.dialogue.observer.may_probe(call);
                let (outcome, fault) = match classify::by_end(probe, end, self.dialogue.status, modern) {
                    (Outcome::Abandoned, Fault::Server) if resumed == Some(Resumed::Anywhere) => {
                        (Outcome::Deferred, Fault::None)
                    }
                    other => other,
                };
                let accepted = code.is_none_or(|code| code < 300) && end != End::ServiceError;
                let waits = match self.dialogue.connection.reach {
                    Reach::Session => resumed.is_some() || (!modern && code == Some(202)),
                    Reach::EventStream => true,
                    Reach::Exchange | Reach::Pipe => false,
                };
                if waits && accepted && is_request {
                    Unanswered::Waits(outcome, fault, self.dialogue.observer.slots.take())
                } else {
                    Unanswered::Over(outcome, fault)
                }
            }
        }
    }

    /// Where the response can go on once it has ended: an event with an id lets the client of a session ask for the rest.
    pub(super) fn resumed(&self) -> Option<Resumed> {
        let connection = &self.dialogue.connection;
        match &self.body {
            ResponseBody::EventStream(stream) if stream.is_resumable() && connection.reach == Reach::Session => {
                Some(if connection.handshake().is_some() {
                    Resumed::Here
                } else {
                    Resumed::Anywhere
                })
            }
            _ => None,
        }
    }

    /// A request of which only the head is known: its body is not JSON, or the server did not read it.
    pub(super) fn unread_call(&self) -> Box<Call> {
        let head = &self.dialogue.head;
        let mut message = Message {
            method: head.method.clone(),
            ..Message::default()
        };
        message.params.name = head.name.clone();
        let origin = (head, head.start);
        let mut call = Call::new(
            &mut message,
            Direction::ToServer,
            origin,
            self.prepared_span(),
            head.ambient.as_ref(),
        );
        self.dialogue
            .observer
            .detail
            .note_arguments(&mut call, &mut message.params, &self.dialogue.observer.tools);
        call.record.request_bytes = self.request_bytes;
        if call.tool().is_none() {
            call.record.target = Target::None;
        }
        call
    }
}
