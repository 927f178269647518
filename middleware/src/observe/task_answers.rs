//! What becomes of calls that ask for a task or have become one, on either side.

use std::time::Instant;

use super::call::{Call, Carrier};
use super::classify::{self, Probe};
use super::dialogue::Dialogue;
use super::tasks::{Seen, TaskEnd, TaskName, own_answer};
use crate::outcome::{Fault, Outcome};
use crate::record::Direction;
use crate::wire::{Message, TaskStatus};

impl Dialogue {
    /// How the task `id` is known that whoever is asked in `asked` runs. A server's are told apart by their ids, wherever they
    /// are asked for; clients choose theirs each on its own.
    fn task_name(&mut self, asked: Direction, id: &str) -> TaskName {
        match asked {
            Direction::ToServer => TaskName::of_server(id),
            Direction::ToClient => TaskName::of_client(id, &self.connection.share()),
        }
    }

    /// A notification tells of a task.
    #[cold]
    pub(super) fn task_told(&mut self, asked: Direction, message: &Message, now: Instant) {
        let task = &message.params.task;
        if let (Some(id), Some(status)) = (&task.id, task.status) {
            let own = own_answer(message, message.method.as_deref() == Some("notifications/tasks"));
            let seen = classify::task_status(asked, status, own.as_ref());
            let name = self.task_name(asked, id);
            let (_, end) = self.observer.tasks.see(&name, seen, None, now);
            self.close_task(end, own.as_ref());
        }
    }

    /// Ends `call`, which asks for a task or becomes one, by its answer, or follows it further.
    #[cold]
    pub(super) fn task_answered(
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
        let asked = call.record.direction;
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
            && let Some(seen) = classify::task_seen(asked, method, answer, own, carrier.status)
        {
            let name = self.task_name(asked, task);
            let (is_told, end) = self.observer.tasks.see(&name, seen, ran, now);
            self.close_task(end, own);
            (outcome, fault) = match seen {
                // How the task ended stands in the record of the call that began it.
                _ if is_told => (Outcome::Ok, Fault::None),
                // It stands nowhere else.
                Seen::Status(TaskStatus::Failed) => classify::failed_task(asked),
                Seen::Ended(Outcome::Cancelled, _) | Seen::Status(_) | Seen::Cancelling => (outcome, fault),
                Seen::Ended(outcome, fault) => {
                    told_by = own.unwrap_or(answer);
                    (outcome, fault)
                }
            };
            if !is_told && matches!(seen, Seen::Ended(..) | Seen::Status(TaskStatus::Failed)) {
                self.observer.tasks.end(&name);
            }
        }
        if let Some(task) = told
            && outcome == Outcome::Deferred
        {
            call.leave_flight();
            let name = self.task_name(asked, task);
            let tasks = &self.observer.tasks;
            let end = tasks.follow(name, call, self.connection.share(), carrier.clone(), now);
            return self.close_task(end, None);
        }
        self.close(call, (outcome, fault), Some(told_by), carrier, now);
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
                (closed.outcome, closed.fault) = match closed.call.record.direction {
                    Direction::ToServer => classify::by_answer(method, Probe::No, input, own, None),
                    Direction::ToClient => classify::by_client_answer(method, own),
                };
                if closed.outcome == Outcome::Ok {
                    self.learn_target(&closed.call.record.target);
                }
            }
            self.out.push(self.observer.record(closed, own, &carrier, &connection));
        }
    }
}
