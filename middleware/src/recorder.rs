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
}
