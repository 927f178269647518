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

    /// How many steps are to be read, those that have passed by now.
    pub(super) fn begin(&mut self) -> usize {
        self.due = None;
        let Some(recorder) = self.recorder.upgrade() else {
            return 0;
        };
        let mut steps = recorder.backlog.steps();
        if steps == 0 {
            // Nothing passes now, and whatever passes next will tell.
            self.passing.fall();
            steps = recorder.backlog.steps();
        }
        if steps > 0 {
            self.due = Some(Instant::now() + READ_AFTER);
        }
        steps
    }

    /// Has so many steps read, unless others do, and counts them down, until `is_enough`; returns whether there are more.
    pub(super) fn go_on(&self, steps: &mut usize, is_enough: impl Fn() -> bool) -> bool {
        let Some(recorder) = self.recorder.upgrade() else {
            return false;
        };
        let (mut is_any, mut is_more) = (false, false);
        recorder.backlog.catch_up_while(&mut || {
            is_more = is_any && is_enough();
            let goes_on = !is_more && *steps > 0;
            *steps -= usize::from(goes_on);
            is_any |= goes_on;
            goes_on
        });
        is_more && *steps > 0
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
