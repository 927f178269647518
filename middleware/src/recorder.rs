//! What the layers and pipes of one [`Toolsight`](crate::Toolsight) share.

use std::sync::Arc;

use crate::backlog::Backlog;
use crate::export::Queue;
use crate::observe::Observer;

/// What passes is written down in the backlog, read by the observer, and put into the queue.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) backlog: Backlog,
    pub(crate) observer: Arc<Observer>,
    pub(crate) queue: Queue,
}

impl Recorder {
    pub(crate) fn new(observer: Arc<Observer>, queue: Queue) -> Self {
        Self {
            backlog: Backlog::new(queue.pressure()),
            observer,
            queue,
        }
    }

    /// Reads what has passed, and returns whether it did: where the queue is full it leaves the rest to the export thread,
    /// which makes room.
    pub(crate) fn catch_up(&self) -> bool {
        let mut has_room = true;
        self.backlog.catch_up_while(&mut || {
            has_room = self.queue.has_room();
            has_room
        });
        has_room
    }
}
