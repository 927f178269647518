//! What becomes of each message, whichever transport it came by.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use opentelemetry::trace::SpanContext;

use super::call::{Call, Carrier};
use super::classify::Probe;
use super::clock::Clock;
use super::connection::{Handshake, Reach};
use super::head::{RequestHead, Status};
use super::held::Held;
use super::lists::Caller;
use super::open_calls::Closed;
use super::tasks::{Seen, TaskEnd, own_answer};
use super::tools::{Input, Page};
use super::{Observations, Observer, classify};
use crate::outcome::{Fault, Outcome};
use crate::record::{Direction, Target};
use crate::wire::{Event, Id, Message, TaskStatus};

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
            out: Observations::new(),
        }
    }

    /// The call that a request or notification of the client makes.
    pub(super) fn client_call(&mut self, message: &mut Message, span: Option<SpanContext>, now: Instant) -> Box<Call> {
        match message.method.as_deref() {
            Some("notifications/cancelled") => self.cancelled(message, now),
            Some("initialize") if self.connection.reach == Reach::Pipe => self.end_probes(now),
            _ => {}
        }
        let origin = (&self.head, now);
        let mut call = Call::new(message, Direction::ToServer, origin, span, self.head.ambient.as_ref());
        self.observer
            .detail
            .note_arguments(&mut call, &mut message.params, &self.observer.tools);
        if call.is_request() {
            call.enter_flight(&self.observer);
        }
        call
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
            let (outcome, fault) = classify::by_client_answer(answer);
            let carrier = Carrier {
                bytes,
                ..Carrier::default()
            };
            self.close(call, (outcome, fault), Some(answer), &carrier, now);
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
            Some(method @ ("notifications/tasks" | "notifications/tasks/status")) => {
                let task = &message.params.task;
                if let (Some(id), Some(status)) = (&task.id, task.status) {
                    let own = own_answer(message, method == "notifications/tasks");
                    let seen = classify::task_status(status, own.as_ref());
                    let (_, end) = self.observer.tasks.see(id, seen, None, now);
                    self.close_task(end, own.as_ref());
                }
            }
            _ => {}
        }
        let parent = parent.or(self.head.ambient.as_ref());
        let mut call = Call::new(message, Direction::ToClient, (&self.head, now), None, parent);
        call.record.request_bytes = bytes;
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
    pub(super) fn make_room(&mut self, now: impl Clock) {
        if self.observer.slots.wanted().is_some() {
            let made_room = self.observer.make_room(now.now());
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
        let result = answer.result.as_ref();
        let told = result.is_some_and(|result| result.task_part.id.is_some());
        if told || call.task.is_some() {
            return self.task_answered(call, how, answer, carrier, now);
        }
        self.close(call, how, Some(answer), carrier, now);
    }

    /// The same of a call that asks for a task or has become one.
    #[cold]
    fn task_answered(
        &mut self,
        mut call: Box<Call>,
        (mut outcome, mut fault): (Outcome, Fault),
        answer: &Message,
        carrier: &Carrier,
        now: Instant,
    ) {
        let result = answer.result.as_ref();
        let told = result.and_then(|result| result.task_part.id.as_deref());
        let ran = result.and_then(|result| result.task_part.ran());
        let method = &*call.record.method;
        let of_task = own_answer(answer, call.is_modern());
        let own = if method == "tasks/result" {
            Some(answer)
        } else {
            of_task.as_ref()
        };
        let mut told_by = answer;
        if let Some(task) = call.task.as_deref().or(told)
            && classify::is_of_task(method)
            && let Some(seen) = classify::task_seen(method, answer, own, carrier.status)
        {
            let (is_told, end) = self.observer.tasks.see(task, seen, ran, now);
            self.close_task(end, own);
            (outcome, fault) = match seen {
                // How the task ended stands in the record of the call that began it.
                _ if is_told => (Outcome::Ok, Fault::None),
                // It stands nowhere else.
                Seen::Status(TaskStatus::Failed) => (Outcome::ToolError, Fault::Server),
                Seen::Ended(Outcome::Cancelled, _) | Seen::Status(_) | Seen::Cancelling => (outcome, fault),
                Seen::Ended(outcome, fault) => {
                    told_by = own.unwrap_or(answer);
                    (outcome, fault)
                }
            };
            if !is_told && matches!(seen, Seen::Ended(..) | Seen::Status(TaskStatus::Failed)) {
                self.observer.tasks.end(task);
            }
        }
        if let Some(task) = told
            && outcome == Outcome::Deferred
        {
            call.leave_flight();
            let tasks = &self.observer.tasks;
            let end = tasks.follow(task, call, self.connection.share(), carrier.clone(), now);
            if end.is_some() {
                self.observer.counters.tasks.fetch_add(1, Relaxed);
            }
            return self.close_task(end, None);
        }
        self.close(call, (outcome, fault), Some(told_by), carrier, now);
    }

    /// What the definitions seen say of the call; whether there is such a tool is asked only where it failed.
    fn input(&self, call: &Call, answer: &Message) -> Input {
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
        match &call.record.target {
            Target::Tool(name) if outcome == Outcome::Ok => self.observer.tools.learn(name),
            Target::Prompt(name) if outcome == Outcome::Ok => self.observer.tools.learn_prompt(name),
            Target::Resource(name) if outcome == Outcome::Ok => self.observer.tools.resources.learn_scheme(name),
            _ => {}
        }
        if &*call.record.method == "initialize" && self.connection.reach != Reach::Exchange {
            self.learn_handshake(call, answer, now);
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

    /// Ends a call that became a task; `own` is its answer, which is judged as if it had come at once.
    fn close_task(&mut self, end: Option<TaskEnd>, own: Option<&Message>) {
        if let Some(end) = end {
            let TaskEnd {
                mut closed,
                carrier,
                connection,
            } = end;
            if let Some(own) = own {
                let input = self.input(&closed.call, own);
                let method = &closed.call.record.method;
                (closed.outcome, closed.fault) = classify::by_answer(method, Probe::No, input, own, None);
            }
            self.out.push(self.observer.record(closed, own, &carrier, &connection));
        }
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
