use std::sync::Arc;

use tower_layer::Layer;

use super::ToolsightService;
use crate::export::Queue;
use crate::observe::Observer;

/// Records every MCP call that passes; made by [`Toolsight::layer`](crate::Toolsight::layer).
///
/// See [`crate::records`] for what is recorded when.
#[derive(Clone, Debug)]
pub struct ToolsightLayer {
    pub(crate) observer: Arc<Observer>,
    pub(crate) queue: Queue,
}

impl<S> Layer<S> for ToolsightLayer {
    type Service = ToolsightService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ToolsightService {
            inner,
            observer: self.observer.clone(),
            queue: self.queue.clone(),
        }
    }
}
