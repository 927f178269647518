//! What becomes of each message, whichever transport it came by.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use opentelemetry::trace::SpanContext;

use super::call::{Call, Carrier, Listener};
use super::classify::Probe;
use super::connection::{Handshake, Reach};
use super::head::{RequestHead, Status};
use super::held::Held;
use super::lists::Caller;
use super::open_calls::Closed;
use super::tools::{Input, Page};
use super::{Observations, Observer, classify, mirrors};
use crate::outcome::{Fault, Outcome};
use crate::record::{Direction, Target};
use crate::wire::{Event, Id, Message, Telling};

/// The messages of one exchange or pipe, in the connection that they belong to.
#[derive(Debug)]
pub(super) struct Dialogue {
    pub(super) observer: Arc<Observer>,
    pub(super) connection: Held,
    pub(super) head: RequestHead,
    /// Tells the calls that this exchange carries from those of others.
    pub(super) home: u64,
    /// Of the response that is this exchange's.
    pub(super) status: Option<Status>,
    /// Who listens here to what the server tells, as the request for it says (`subscriptions/listen`).
    listener: Option<Box<Listener>>,
    pub(super) out: Observations,
}

impl Dialogue {
    #[inline(always)]
    pub(super) fn new(observer: Arc<Observer>, connection: Held, head: RequestHead) -> Self {
        Self {
            home: observer.next_home.fetch_add(1, Relaxed),
            observer,
            connection,
            head,
            status: None,
            listener: None,
            out: Observations::new(),
        }
    }

    /// The call that a request or notification of the client makes.
    pub(super) fn client_call(&mut self, message: &mut Message, span: Option<SpanContext>, now: Instant) -> Box<Call> {
        match message.method.as_deref() {
            Some("notifications/cancelled") => self.cancelled(message, now),
            Some("notifications/tasks/status") => self.task_told(Direction::ToClient, message, now),
            Some("initialize") if self.connection.reach == Reach::Pipe => self.end_probes(now),
            _ => {}
        }
        let is_mirrored_wrongly = self.head.parameters.is_some() && self.is_mirrored_wrongly(message);
        let origin = (&self.head, now);
        let mut call = Call::new(message, Direction::ToServer, origin, span, self.head.ambient.as_ref());
        call.record.mismatch.param = is_mirrored_wrongly;
        self.observer
            .detail
            .note_arguments(&mut call, &mut message.params, &self.observer.tools);
        if call.is_request() {
            call.enter_flight(&self.observer);
        }
        call
    }

    /// What is to be told of the client's messages.
    pub(super) fn telling(&self) -> Telling {
        let telling = self.observer.detail.telling();
        match &self.head.parameters {
            None => telling,
            Some(_) => Telling {
                arguments: telling.arguments.max(mirrors::ARGUMENTS_KEPT),
                ..telling
            },
        }
    }

    /// Whether headers do not say what the arguments say. More of these was kept for it than may be captured.
    #[cold]
    fn is_mirrored_wrongly(&self, message: &mut Message) -> bool {
        let is_wrong = mirrors::contradict(&self.head, message, &self.observer.tools);
        let kept = self.observer.detail.telling().arguments;
        let captured = message.params.captured.take().filter(|_| kept > 0);
        message.params.captured = captured.map(|captured| captured[..captured.len().min(kept)].into());
        is_wrong
    }

    #[cold]
    fn cancelled(&mut self, message: &Message, now: Instant) {
        if let Some(request) = &message.params.request_id {
            let how = (Outcome::Cancelled, Fault::ClientGone);
            self.cancel(Direction::ToServer, request, how, now);
        }
    }

    /// A client that has asked for the new era in vain does not wait for the answer any longer.
    #[cold]
    fn end_probes(&mut self, now: Instant) {
        let observer = self.observer.clone();
        let may_probe = |call: &Call| observer.may_probe(call) != Probe::No;
        while let Some(probe) = self.connection.take_first(self.home, may_probe) {
            self.close(probe, (Outcome::Probe, Fault::None), None, &Carrier::default(), now);
        }
    }

    /// The client's answer to something that the server has asked.
    pub(super) fn client_answer(&mut self, answer: &Message, bytes: u64, now: Instant) {
        let Some(id) = &answer.id else {
            return;
        };
        if let Some((call, _)) = self.connection.take(Direction::ToClient, id, self.home) {
            let how = classify::by_client_answer(&call.record.method, answer);
            let carrier = Carrier {
                bytes,
                ..Carrier::default()
            };
            self.ended_or_task(call, how, answer, &carrier, now);
        }
    }

    fn cancel(&mut self, direction: Direction, id: &Id, how: (Outcome, Fault), now: Instant) {
        let taken = self.connection.take(direction, id, self.home);
        self.close_taken(taken.map(|(call, _)| call), how, &Carrier::default(), now);
    }

    fn close_taken(&mut self, call: Option<Box<Call>>, how: (Outcome, Fault), carrier: &Carrier, now: Instant) {
        if let Some(call) = call {
            self.close(call, how, None, carrier, now);
        }
    }

    /// Something that the server sends which is no answer. `parent` is the call on whose stream it comes.
    pub(super) fn server_message(
        &mut self,
        message: &mut Message,
        bytes: u64,
        parent: Option<&SpanContext>,
        now: Instant,
    ) {
        match message.method.as_deref() {
            // They belong to the call that they are sent for, which is recorded.
            Some("notifications/progress") => return self.progress(message),
            Some("notifications/message") => return,
            // The stream that a listen request opens stays open for hours: it is timed to its acknowledgement.
            Some("notifications/subscriptions/acknowledged") => {
                let listen = |call: &Call| &*call.record.method == "subscriptions/listen";
                let told = message.params.request_id.as_ref();
                let is_told = |call: &Call| listen(call) && told.is_some_and(|id| call.is(Direction::ToServer, id));
                let call = self.connection.take_first(self.home, is_told);
                let call = call.or_else(|| self.connection.take_first(self.home, listen));
                self.listener = call.as_deref().map(Call::listener).or(self.listener.take());
                let carrier = Carrier {
                    status: self.status,
                    bytes,
                    ..Carrier::default()
                };
                return self.close_taken(call, (Outcome::Ok, Fault::None), &carrier, now);
            }
            Some("notifications/tools/list_changed") => self.observer.tools.change(),
            Some("notifications/cancelled") => {
                if let Some(request) = &message.params.request_id {
                    self.cancel(Direction::ToClient, request, (Outcome::Cancelled, Fault::None), now);
                }
            }
            Some("notifications/tasks" | "notifications/tasks/status") => {
                self.task_told(Direction::ToServer, message, now);
            }
            _ => {}
        }
        let parent = parent.or(self.head.ambient.as_ref());
        let mut call = Call::new(message, Direction::ToClient, (&self.head, now), None, parent);
        call.record.request_bytes = bytes;
        if let Some(listener) = &self.listener {
            call.listened_to_by(listener);
        }
        if !call.is_request() {
            return self.close(call, (Outcome::Ok, Fault::None), None, &Carrier::default(), now);
        }
        if self.connection.reach == Reach::Exchange {
            // The answer comes on another exchange, and nothing tells on which.
            let made_room = self.connection.open_question(call, self.home, now);
            return self.close_all(made_room);
        }
        self.wait(call, (Outcome::Abandoned, Fault::ClientGone), now);
    }

    /// Counts a progress notification for the call that it is sent for, which may have become a task.
    fn progress(&self, message: &Message) {
        let Some(token) = &message.params.progress_token else {
            return;
        };
        let _nobody_wants_it =
            self.connection.progress(token, self.home) || self.observer.tasks.progress(token, &self.connection);
    }

    /// Keeps a call for an answer that comes elsewhere.
    pub(super) fn wait(&mut self, call: Box<Call>, fallback: (Outcome, Fault), now: Instant) {
        self.make_room(now);
        let slot = self.observer.slots.take();
        let closed = self.connection.wait(call, fallback, slot, now);
        self.close_all(closed);
    }

    /// To be called before a call may come to wait.
    pub(super) fn make_room(&mut self, now: Instant) {
        if self.observer.slots.wanted().is_some() {
            let made_room = self.observer.make_room(now);
            self.out.extend(made_room);
        }
    }

    /// Whether the event has come before, on the stream that this one resumes.
    pub(super) fn is_repeated(&self, event: &mut Event<'_>) -> bool {
        let asks = event.messages().any(|message| message.method.is_some());
        let Some(id) = event.id.filter(|_| asks) else {
            return false;
        };
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let forget = || _ = self.observer.counters.events.fetch_add(1, Relaxed);
        self.connection.is_repeated(hasher.finish(), forget) && self.head.resumes
    }

    /// Ends `call` by the server's answer, or follows it further.
    pub(super) fn answered(&mut self, call: Box<Call>, answer: &Message, carrier: &Carrier, now: Instant) {
        let probe = self.observer.may_probe(&call);
        let input = self.input(&call, answer);
        let how = classify::by_answer(&call.record.method, probe, input, answer, carrier.status);
        self.learn(&call, answer, how.0, now);
        self.ended_or_task(call, how, answer, carrier, now);
    }

    fn ended_or_task(
        &mut self,
        call: Box<Call>,
        how: (Outcome, Fault),
        answer: &Message,
        carrier: &Carrier,
        now: Instant,
    ) {
        let result = answer.result.as_ref();
        let told = result.is_some_and(|result| result.task_part.id.is_some());
        if told || call.task.is_some() {
            return self.task_answered(call, how, answer, carrier, now);
        }
        self.close(call, how, Some(answer), carrier, now);
    }

    /// What the definitions seen say of the call; whether there is such a tool is asked only where it failed.
    pub(super) fn input(&self, call: &Call, answer: &Message) -> Input {
        let failed = answer.result.as_ref().is_none_or(|result| result.is_error);
        match call.tool() {
            Some(tool) if failed && self.observer.tools.lacks(tool, Caller::of(call)) => Input::UnknownTool,
            _ => call.input,
        }
    }

    fn learn(&self, call: &Call, answer: &Message, outcome: Outcome, now: Instant) {
        let Some(result) = answer.result.as_ref() else {
            return;
        };
        if let Some(server) = &result.server {
            self.observer.learn_server(server);
        }
        if call.is_modern() && !self.observer.speaks_modern.load(Relaxed) {
            self.observer.speaks_modern.store(true, Relaxed);
        }
        if let Some(tools) = &result.tools
            && &*call.record.method == "tools/list"
        {
            self.observer.tools.learn_page(Page {
                caller: Caller::of(call),
                tools,
                cursor: call.cursor,
                next: result.next_cursor,
            });
        }
        if !result.templates.is_empty() && &*call.record.method == "resources/templates/list" {
            self.observer.tools.resources.learn_page(&result.templates);
        }
        if outcome == Outcome::Ok {
            self.learn_target(&call.record.target);
        }
        if &*call.record.method == "initialize" && self.connection.reach != Reach::Exchange {
            self.learn_handshake(call, answer, now);
        }
    }

    /// What succeeded is known to be there.
    pub(super) fn learn_target(&self, target: &Target) {
        let tools = &self.observer.tools;
        match target {
            Target::Tool(name) => tools.learn(name),
            Target::Prompt(name) => tools.learn_prompt(name),
            Target::Resource(name) => tools.resources.learn_scheme(name),
            Target::None => {}
        }
    }

    #[cold]
    fn learn_handshake(&self, call: &Call, answer: &Message, now: Instant) {
        let Some(result) = &answer.result else {
            return;
        };
        let handshake = Handshake {
            client: call.named_client().cloned().unwrap_or_default(),
            protocol_version: result.protocol_version.clone(),
            server: result.server.clone(),
        };
        self.connection.shake_hands(handshake, now);
    }

    pub(super) fn close_all(&mut self, closed: impl IntoIterator<Item = Closed>) {
        for closed in closed {
            self.close_one(closed, &Carrier::default());
        }
    }

    pub(super) fn close_one(&mut self, closed: Closed, carrier: &Carrier) {
        let record = self.observer.record(closed, None, carrier, &self.connection);
        self.out.push(record);
    }

    pub(super) fn close(
        &mut self,
        call: Box<Call>,
        how: (Outcome, Fault),
        answer: Option<&Message>,
        carrier: &Carrier,
        at: Instant,
    ) {
        let closed = Closed::new(call, how, at);
        let record = self.observer.record(closed, answer, carrier, &self.connection);
        self.out.push(record);
    }
}
