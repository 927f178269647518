//! What exchanges share, in every order in which their threads can meet: each call ends exactly once, and gives back the room
//! that it took.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use loom::thread;

use super::RequestHead;
use super::call::Call;
use super::connection::{Connection, Reach};
use super::in_flight::InFlight;
use super::limits::Slots;
use super::open_calls::Unanswered;
use super::sessions::Sessions;
use crate::outcome::{Fault, Outcome};
use crate::record::Direction;
use crate::wire::{Id, Message};

const HOME: u64 = 1;
const ELSEWHERE: u64 = 2;
const LEFT: (Outcome, Fault) = (Outcome::Deferred, Fault::None);
const OVER: (Outcome, Fault) = (Outcome::Abandoned, Fault::ClientGone);

fn id() -> Id {
    Id::Number("7".into())
}

/// A call, made by a thread of the system, as those of loom have a small stack.
fn call(now: Instant) -> Box<Call> {
    let make = move || {
        let head = RequestHead::of_pipe(now, SystemTime::UNIX_EPOCH, None);
        let mut message = Message {
            id: Some(id()),
            method: Some("tools/call".into()),
            ..Message::default()
        };
        Call::new(&mut message, Direction::ToServer, (&head, now), None, None)
    };
    std::thread::spawn(make).join().unwrap()
}

fn session(now: Instant) -> Arc<Connection> {
    let session = Connection::new(Reach::Session, now);
    session.keep(true);
    session.into()
}

/// The answer comes on a stream that is resumed while the one of the request ends.
#[test]
fn a_call_ends_by_its_answer_or_waits_for_it() {
    loom::model(|| {
        let now = Instant::now();
        let (connection, slots) = (session(now), Slots::with_room(1));
        connection.open(call(now), HOME);
        let answer = thread::spawn({
            let connection = connection.clone();
            move || connection.take(Direction::ToServer, &id(), ELSEWHERE).is_some()
        });
        let waits = |_: &mut Call| Unanswered::Waits(LEFT.0, LEFT.1, slots.take());
        let closed = connection.settle(HOME, now, waits).len();
        let answered = usize::from(answer.join().unwrap());
        let left = connection.finish(None, now).len();
        assert_eq!(closed + answered + left, 1);
        assert_eq!(slots.room(), 1);
    });
}

/// Two streams bring the same answer, and the session ends.
#[test]
fn a_call_is_taken_once() {
    loom::model(|| {
        let now = Instant::now();
        let (connection, slots) = (session(now), Slots::with_room(1));
        assert!(connection.wait(call(now), LEFT, slots.take(), now).is_none());
        let answers = [HOME, ELSEWHERE].map(|home| {
            let connection = connection.clone();
            thread::spawn(move || connection.take(Direction::ToServer, &id(), home).is_some())
        });
        let ended = connection.finish(Some(OVER), now).len();
        let answered = answers.map(|answer| usize::from(answer.join().unwrap()));
        assert_eq!(ended + answered.iter().sum::<usize>(), 1);
        assert_eq!(slots.room(), 1);
    });
}

#[test]
fn a_call_that_comes_as_its_connection_ends_does_not_wait_for_ever() {
    loom::model(|| {
        let now = Instant::now();
        let (connection, slots) = (session(now), Slots::with_room(1));
        let comes = thread::spawn({
            let (connection, slots) = (connection.clone(), slots.clone());
            move || usize::from(connection.wait(call(now), LEFT, slots.take(), now).is_some())
        });
        let ended = connection.finish(Some(OVER), now).len();
        assert_eq!(ended + comes.join().unwrap(), 1);
        assert_eq!(slots.room(), 1);
    });
}

#[test]
fn a_call_that_comes_as_its_session_makes_room_does_not_wait_for_ever() {
    loom::model(|| {
        let now = Instant::now();
        let (sessions, slots) = (Arc::new(Sessions::new(1)), Slots::with_room(1));
        let (connection, _) = sessions.insert("s", session(now));
        let newer = thread::spawn({
            let sessions = sessions.clone();
            move || {
                let (_, made_room) = sessions.insert("t", session(now));
                made_room.unwrap().trim(0, now).len()
            }
        });
        let closed = connection.wait(call(now), LEFT, slots.take(), now);
        assert_eq!(usize::from(closed.is_some()) + newer.join().unwrap(), 1);
        drop(closed);
        assert_eq!(slots.room(), 1);
    });
}

#[test]
fn room_is_given_to_as_many_as_there_is_room_for() {
    loom::model(|| {
        let slots = Slots::with_room(1);
        let other = thread::spawn({
            let slots = slots.clone();
            move || slots.take()
        });
        let own = slots.take();
        let other = other.join().unwrap();
        assert!(own.is_some() != other.is_some());
        drop((own, other));
        assert_eq!(slots.room(), 1);
    });
}

#[test]
fn exchanges_of_one_session_share_its_connection() {
    loom::model(|| {
        let now = Instant::now();
        let sessions = Arc::new(Sessions::new(1));
        let other = thread::spawn({
            let sessions = sessions.clone();
            move || sessions.insert("s", session(now)).0
        });
        let (own, made_room) = sessions.insert("s", session(now));
        assert!(Arc::ptr_eq(&own, &other.join().unwrap()) && made_room.is_none());
    });
}

#[test]
fn calls_are_in_flight_until_they_are_not() {
    loom::model(|| {
        let now = Instant::now();
        let in_flight = Arc::<InFlight>::default();
        let others = [(); 2].map(|()| {
            let in_flight = in_flight.clone();
            thread::spawn(move || drop(in_flight.enter(now)))
        });
        let (count, oldest) = in_flight.read();
        assert_eq!(count > 0, oldest.is_some());
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(in_flight.read(), (0, None));
    });
}
