use std::sync::Arc;

use tower_layer::Layer;

use super::ToolsightService;
use crate::recorder::Recorder;

/// Records every MCP call that passes; made by [`Toolsight::layer`](crate::Toolsight::layer).
///
/// See [`crate::records`] for what is recorded when.
#[derive(Clone, Debug)]
pub struct ToolsightLayer {
    pub(crate) recorder: Arc<Recorder>,
}

#[cfg(test)]
impl ToolsightLayer {
    /// One without an export thread.
    pub(crate) fn at_once(observer: Arc<crate::observe::Observer>, queue: crate::export::Queue) -> Self {
        let recorder = Recorder::new(observer, queue);
        recorder.backlog.read_at_once();
        Self {
            recorder: recorder.into(),
        }
    }
}

impl<S> Layer<S> for ToolsightLayer {
    type Service = ToolsightService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ToolsightService {
            inner,
            recorder: self.recorder.clone(),
        }
    }
}
