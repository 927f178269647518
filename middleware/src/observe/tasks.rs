//! Calls that became tasks: followed by the task's id until somebody learns how it ended.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::call::{Call, Carrier};
use super::connection::Connection;
use super::held::Held;
use super::limits::{TASK_IDLE, TASKS};
use super::open_calls::Closed;
use crate::outcome::{Fault, Outcome};
use crate::record::Text;
use crate::wire::{Id, TaskStatus};

/// What a message tells of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It goes on.
    Status(TaskStatus),
    /// It has ended, and so has the call.
    Ended(Outcome, Fault),
}

/// The tasks that were heard of last, up to a limit.
#[derive(Debug)]
pub(super) struct Tasks(Mutex<LruCache<Text, Followed>>);

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
}

impl Default for Tasks {
    fn default() -> Self {
        let mut tasks = LruCache::unbounded();
        tasks.resize(const { NonZeroUsize::new(TASKS).expect("more than none") });
        Self(Mutex::new(tasks))
    }
}

impl Tasks {
    /// Follows `call` as the task `id`. Returns a call that is no longer followed because of it.
    pub(super) fn follow(
        &self,
        id: &str,
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
        };
        let mut tasks = self.0.lock().ok()?;
        let (_, old) = tasks.push(id.into(), followed)?;
        Some(old.give_up())
    }

    /// Whether the task is followed; where `seen` ends it, with the call that it was.
    pub(super) fn see(&self, id: &str, seen: Seen, now: Instant) -> (bool, Option<TaskEnd>) {
        let Ok(mut tasks) = self.0.lock() else {
            return (false, None);
        };
        let Some(followed) = tasks.get_mut(id) else {
            return (false, None);
        };
        // A person who is asked, or a result that nobody has come for, is no work of the server's.
        if matches!(followed.status, TaskStatus::InputRequired | TaskStatus::Completed) {
            followed.call.record.waited += now.saturating_duration_since(followed.last_seen);
        }
        followed.last_seen = now;
        match seen {
            Seen::Status(status) => {
                followed.status = status;
                (true, None)
            }
            Seen::Ended(outcome, fault) => {
                let ended = tasks.pop(id).map(|followed| followed.close(outcome, fault, now));
                (true, ended)
            }
        }
    }

    /// Counts a progress notification for the call that wants them under `token` and has become a task: the token stays
    /// good for as long as the task is under way (2025-11-25, tasks). Tells whether there is such a call.
    pub(super) fn progress(&self, token: &Id, connection: &Held) -> bool {
        let is = |followed: &mut Followed| connection.is(&followed.connection) && followed.call.count_progress(token);
        self.0
            .lock()
            .is_ok_and(|mut tasks| tasks.iter_mut().any(|(_, followed)| is(followed)))
    }

    /// Gives up the tasks of which nothing has been heard for long, or all of them.
    pub(super) fn give_up(&self, all: bool, now: Instant) -> Vec<TaskEnd> {
        let Ok(mut tasks) = self.0.lock() else {
            return Vec::new();
        };
        let mut idle = Vec::new();
        while let Some((_, oldest)) = tasks.peek_lru()
            && (all || now.saturating_duration_since(oldest.last_seen) >= TASK_IDLE)
        {
            idle.extend(tasks.pop_lru().map(|(_, followed)| followed.give_up()));
        }
        idle
    }
}

impl Followed {
    fn close(self, outcome: Outcome, fault: Fault, at: Instant) -> TaskEnd {
        TaskEnd {
            closed: Closed::new(self.call, (outcome, fault), at),
            carrier: self.carrier,
            connection: self.connection,
        }
    }

    /// The call as it was answered first: it was put off, and that is all that is known.
    fn give_up(mut self) -> TaskEnd {
        self.call.record.waited = Duration::ZERO;
        let answered = self.answered;
        self.close(Outcome::Deferred, Fault::None, answered)
    }
}
