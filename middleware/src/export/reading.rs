//! When the export thread reads what has passed.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::pressure::Pressure;
use crate::recorder::Recorder;

/// How long what has passed waits to be read, where there is not much of it.
const READ_AFTER: Duration = Duration::from_millis(50);

/// See the [module](self).
pub(super) struct Reading {
    /// Whoever records keeps it.
    recorder: Weak<Recorder>,
    passing: Arc<Pressure>,
    due: Option<Instant>,
}

impl Reading {
    pub(super) fn of(recorder: &Arc<Recorder>) -> Self {
        Self {
            recorder: Arc::downgrade(recorder),
            passing: recorder.backlog.passing(),
            due: None,
        }
    }

    /// Waits until something has passed and is to be read.
    pub(super) async fn due(&mut self) {
        if self.due.is_none() {
            self.passing.risen().await;
        }
        let due = *self.due.get_or_insert_with(|| Instant::now() + READ_AFTER);
        sleep_until(due).await;
    }

    /// Has all read that has passed by now, and calls `make_room` before each step.
    pub(super) fn catch_up(&mut self, make_room: &mut dyn FnMut()) {
        self.due = None;
        let Some(recorder) = self.recorder.upgrade() else {
            return;
        };
        let is_any = recorder.backlog.catch_up_while(&mut || {
            make_room();
            true
        });
        if !is_any {
            // Nothing passes now, and whatever passes next will tell.
            self.passing.fall();
            if recorder.backlog.is_empty() {
                return;
            }
        }
        self.due = Some(Instant::now() + READ_AFTER);
    }

    /// Has what passes from now on read at once; what has passed before is to be read once more.
    pub(super) fn end(&self) {
        if let Some(recorder) = self.recorder.upgrade() {
            recorder.backlog.read_at_once();
        }
    }
}

impl Drop for Reading {
    /// However the thread ends, nobody comes to read later.
    fn drop(&mut self) {
        if let Some(recorder) = self.recorder.upgrade() {
            recorder.backlog.read_at_once();
            recorder.backlog.catch_up();
        }
    }
}
