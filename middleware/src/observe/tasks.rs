//! Calls that became tasks: followed by the task's id until somebody learns how it ended.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::call::{Call, Carrier};
use super::classify;
use super::connection::{Connection, Reach};
use super::held::Held;
use super::limits::{CANCELLED_TASK_IDLE, Counters, ENDED_TASKS, TASK_IDLE, TASKS};
use super::open_calls::Closed;
use crate::outcome::{Fault, Outcome};
use crate::record::Text;
use crate::wire::{Id, Message, ResultPart, TaskStatus};

/// What a message tells of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It goes on.
    Status(TaskStatus),
    /// The server will cancel it, if it still can.
    Cancelling,
    /// It has ended, and so has the call.
    Ended(Outcome, Fault),
}

/// What the call that became a task would have been answered, if `told` has it: the result of a question for the task, or a
/// notification of it. Before 2026-07-28 it does not, so that only an error that stands there is one.
pub(super) fn own_answer(told: &Message, modern: bool) -> Option<Message> {
    let (task, content, server) = match &told.result {
        Some(result) => (&result.task_part, Some(&result.content), result.server.clone()),
        None => (&told.params.task, told.params.task_content.as_deref(), None),
    };
    let failed = task.status == Some(TaskStatus::Failed);
    if failed && (task.error.is_some() || modern && !task.has_result) {
        return Some(Message {
            error: Some(task.error.as_deref().cloned().unwrap_or_default()),
            ..Message::default()
        });
    }
    let result = ResultPart {
        is_error: task.is_error || failed,
        server,
        task_part: task.clone(),
        content: content.cloned().unwrap_or_default(),
        ..ResultPart::default()
    };
    task.has_result.then(|| Message {
        result: Some(result),
        ..Message::default()
    })
}

/// What tells a task from others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TaskName {
    id: Text,
    /// The connection of the client that runs it, by its place in memory; none where the server does.
    client: Option<usize>,
}

impl TaskName {
    pub(super) fn of_server(id: &str) -> Self {
        Self {
            id: id.into(),
            client: None,
        }
    }

    /// That of `connection`, which stays in its place as long as a task of it is followed.
    pub(super) fn of_client(id: &str, connection: &Arc<Connection>) -> Self {
        Self {
            id: id.into(),
            client: Some(Arc::as_ptr(connection).addr()),
        }
    }
}

/// The tasks that were heard of last, up to a limit.
#[derive(Debug)]
pub(super) struct Tasks(Mutex<Known>);

#[derive(Debug)]
struct Known {
    followed: LruCache<TaskName, Followed>,
    /// Hashes of the names of those whose end is in a record.
    ended: LruCache<u64, ()>,
    counters: Arc<Counters>,
}

/// A call that was followed, at its end.
#[derive(Debug)]
pub(super) struct TaskEnd {
    pub(super) closed: Closed,
    /// How its first answer came.
    pub(super) carrier: Carrier,
    pub(super) connection: Arc<Connection>,
}

#[derive(Debug)]
struct Followed {
    call: Box<Call>,
    connection: Arc<Connection>,
    /// How the first answer came, the one that told of the task.
    carrier: Carrier,
    answered: Instant,
    last_seen: Instant,
    status: TaskStatus,
    /// When the server acknowledged that the client takes the call back.
    cancelled: Option<Instant>,
}

impl Known {
    fn new(counters: Arc<Counters>) -> Self {
        let mut followed = LruCache::unbounded();
        followed.resize(const { NonZeroUsize::new(TASKS).expect("more than none") });
        let mut ended = LruCache::unbounded();
        ended.resize(const { NonZeroUsize::new(ENDED_TASKS).expect("more than none") });
        Self {
            followed,
            ended,
            counters,
        }
    }

    fn end(&mut self, name: &TaskName) {
        let name = hash(name);
        let made_room = self.ended.push(name, ()).is_some_and(|(old, ())| old != name);
        self.counters.ended_tasks.fetch_add(u64::from(made_room), Relaxed);
    }
}

fn hash(name: &TaskName) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl Tasks {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self(Mutex::new(Known::new(counters)))
    }

    /// Follows `call` as the task `name`. Returns a call that is no longer followed because of it.
    pub(super) fn follow(
        &self,
        name: TaskName,
        call: Box<Call>,
        connection: Arc<Connection>,
        carrier: Carrier,
        now: Instant,
    ) -> Option<TaskEnd> {
        let followed = Followed {
            call,
            connection,
            carrier,
            answered: now,
            last_seen: now,
            status: TaskStatus::Working,
            cancelled: None,
        };
        let mut known = self.0.lock().ok()?;
        known.ended.pop(&hash(&name));
        let (old_name, old) = known.followed.push(name, followed)?;
        known.counters.tasks.fetch_add(1, Relaxed);
        if old.is_over() {
            known.end(&old_name);
        }
        Some(old.give_up())
    }

    /// Whether how the task ends is told by another record than that of who asks: it is followed, or was until it ended.
    /// Where `seen` ends it, with the call that it was.
    ///
    /// `ran` is how long after its beginning it came to be as it is seen, where that is told.
    pub(super) fn see(
        &self,
        name: &TaskName,
        seen: Seen,
        ran: Option<Duration>,
        now: Instant,
    ) -> (bool, Option<TaskEnd>) {
        let Ok(mut known) = self.0.lock() else {
            return (false, None);
        };
        let Some(followed) = known.followed.get_mut(name) else {
            return (known.ended.get(&hash(name)).is_some(), None);
        };
        followed.call.record.waited += followed.waited_for(seen, ran, now);
        followed.last_seen = now;
        match seen {
            Seen::Status(status) => {
                followed.status = status;
                (true, None)
            }
            Seen::Cancelling => {
                followed.cancelled.get_or_insert(now);
                (true, None)
            }
            Seen::Ended(outcome, fault) => {
                let ended = known.followed.pop(name);
                known.end(name);
                (true, ended.map(|followed| followed.close((outcome, fault), now)))
            }
        }
    }

    /// A question has told how a task ended that is not followed.
    pub(super) fn end(&self, name: &TaskName) {
        if let Ok(mut known) = self.0.lock() {
            known.end(name);
        }
    }

    /// Counts a progress notification for the call that wants them under `token` and has become a task: the token stays
    /// good for as long as the task is under way (2025-11-25, tasks). Tells whether there is such a call.
    pub(super) fn progress(&self, token: &Id, connection: &Held) -> bool {
        let is = |followed: &mut Followed| connection.is(&followed.connection) && followed.call.count_progress(token);
        self.0
            .lock()
            .is_ok_and(|mut known| known.followed.iter_mut().any(|(_, followed)| is(followed)))
    }

    /// Gives up the tasks of which nothing has been heard for long, or all of them.
    pub(super) fn give_up(&self, all: bool, now: Instant) -> Vec<TaskEnd> {
        self.give_up_those(|_, followed| all || followed.is_idle(now))
    }

    /// Gives up the tasks that nobody can ask for any more, as `connection` has ended: those that its client runs, and of a pipe
    /// those of the server at its other end, too. Any other server may be asked from elsewhere.
    pub(super) fn end_with(&self, connection: &Connection) -> Vec<TaskEnd> {
        let is_pipe = connection.reach == Reach::Pipe;
        self.give_up_those(|name, followed| {
            std::ptr::eq(&*followed.connection, connection) && (is_pipe || name.client.is_some())
        })
    }

    fn give_up_those(&self, is: impl Fn(&TaskName, &Followed) -> bool) -> Vec<TaskEnd> {
        let Ok(mut known) = self.0.lock() else {
            return Vec::new();
        };
        // First what was heard of longest ago.
        let those = known.followed.iter().rev();
        let those: Vec<_> = those
            .filter(|(name, followed)| is(name, followed))
            .map(|(name, _)| name.clone())
            .collect();
        let mut ends = Vec::with_capacity(those.len());
        for name in those {
            let followed = known.followed.pop(&name);
            if followed.as_ref().is_some_and(Followed::is_over) {
                known.end(&name);
            }
            ends.extend(followed.map(Followed::give_up));
        }
        ends
    }
}

impl Followed {
    fn close(self, how: (Outcome, Fault), at: Instant) -> TaskEnd {
        TaskEnd {
            closed: Closed::new(self.call, how, at),
            carrier: self.carrier,
            connection: self.connection,
        }
    }

    /// For how much of the time since it was seen last it has waited for a person who is asked, or for somebody to come for its
    /// end, which is no work of the server's.
    fn waited_for(&self, seen: Seen, ran: Option<Duration>, now: Instant) -> Duration {
        let rests = |status| status != TaskStatus::Working && status != TaskStatus::Cancelled;
        let rested = match seen {
            _ if rests(self.status) => Some(self.last_seen),
            Seen::Cancelling => None,
            Seen::Status(status) if !rests(status) => None,
            // Its clock may be another one: only how much of it has passed counts, from the latest moment it can have begun.
            Seen::Status(_) | Seen::Ended(..) => ran.and_then(|ran| self.answered.checked_add(ran)),
        };
        rested.map_or(Duration::ZERO, |since| {
            now.saturating_duration_since(since.max(self.last_seen))
        })
    }

    /// Nothing has been heard of it for long.
    fn is_idle(&self, now: Instant) -> bool {
        let limit = if self.cancelled.is_some() {
            CANCELLED_TASK_IDLE
        } else {
            TASK_IDLE
        };
        now.saturating_duration_since(self.last_seen) >= limit
    }

    /// It is known how it ends.
    fn is_over(&self) -> bool {
        self.status == TaskStatus::Failed || self.cancelled.is_some()
    }

    /// The call as it was answered first: it was put off, and that is all that is known, unless that it has failed or was
    /// taken back.
    fn give_up(mut self) -> TaskEnd {
        let asked = self.call.record.direction;
        if self.status == TaskStatus::Failed {
            let told = self.last_seen;
            return self.close(classify::failed_task(asked), told);
        }
        if let Some(at) = self.cancelled {
            // What was asked and told after that is no part of the call.
            let lasted = at.saturating_duration_since(self.call.start);
            self.call.record.waited = self.call.record.waited.min(lasted);
            return self.close(classify::cancelled_task(asked), at);
        }
        self.call.record.waited = Duration::ZERO;
        let answered = self.answered;
        self.close((Outcome::Deferred, Fault::None), answered)
    }
}
