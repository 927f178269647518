//! The connection that an exchange turns out to belong to.

use std::time::Instant;

use super::Exchange;
use crate::observe::connection::{Connection, Reach};
use crate::observe::dialogue::Dialogue;
use crate::observe::head::End;
use crate::observe::sessions::endpoint_key;
use crate::outcome::{Fault, Outcome};

impl Exchange {
    /// Remembers the session that the response names or the request belongs to, once the server has accepted that.
    pub(super) fn join_session(&mut self, named: Option<&str>) {
        if self.is_modern {
            return;
        }
        let Dialogue {
            connection,
            head,
            observer,
            home,
            ..
        } = &mut self.dialogue;
        let (id, joined) = match (&head.session_id, named) {
            (Some(id), _) if connection.reach == Reach::Session => (&**id, connection.share()),
            (None, Some(id)) if connection.reach == Reach::Exchange => {
                (id, Connection::new(Reach::Session, head.start).into())
            }
            _ => return,
        };
        let (joined, made_room) = observer.sessions.insert(id, joined);
        if !connection.is(&joined) {
            connection.move_to(&joined, *home);
            *connection = joined.into();
        }
        let forgotten = made_room.map(|connection| observer.forget(&connection, head.start));
        self.dialogue.out.extend(forgotten.into_iter().flatten());
    }

    /// Ends the session and, by the `fault` of either side, what is open in it.
    pub(super) fn end_session(&mut self, fault: Fault, now: Instant) {
        let Dialogue { head, observer, .. } = &self.dialogue;
        let ended = head.session_id.as_deref().and_then(|id| observer.sessions.remove(id));
        if let Some(connection) = ended {
            let ended = observer.end_connection(&connection, (Outcome::Abandoned, fault), now);
            self.dialogue.out.extend(ended);
        }
    }

    /// The response is the event stream of the transport of 2024-11-05: what is sent to `address` is answered here.
    pub(super) fn open_endpoint(&mut self, address: &str, now: Instant) {
        let Some(key) = endpoint_key(address) else {
            return;
        };
        let Dialogue {
            connection,
            head,
            observer,
            ..
        } = &mut self.dialogue;
        let opened = Connection::new(Reach::EventStream, head.start).into();
        // Two streams of one address are one to the server as well.
        let (known, made_room) = observer.endpoints.insert(&key, opened);
        *connection = known.into();
        let forgotten = made_room.map(|connection| observer.forget(&connection, now));
        self.dialogue.out.extend(forgotten.into_iter().flatten());
        self.endpoint = Some(key);
    }

    pub(super) fn close_endpoint(&mut self, end: End, now: Instant) {
        let Some(key) = self.endpoint.take() else {
            return;
        };
        let fault = if end == End::Dropped {
            Fault::ClientGone
        } else {
            Fault::Server
        };
        let Dialogue {
            connection, observer, ..
        } = &self.dialogue;
        observer.endpoints.remove(&key);
        let ended = observer.end_connection(connection, (Outcome::Abandoned, fault), now);
        self.dialogue.out.extend(ended);
    }
}
