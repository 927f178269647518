//! The pipes that are open.

use std::sync::{Arc, Weak};

use super::connection::Connection;
use crate::sync::Mutex;

/// As many as the application has opened, so no client can make them more.
#[derive(Debug, Default)]
pub(super) struct Pipes(Mutex<Vec<Weak<Connection>>>);

impl Pipes {
    pub(super) fn open(&self, pipe: &Arc<Connection>) {
        let Ok(mut pipes) = self.0.lock() else {
            return;
        };
        if pipes.len() == pipes.capacity() {
            pipes.retain(|pipe| pipe.strong_count() > 0);
        }
        pipes.push(Arc::downgrade(pipe));
    }

    pub(super) fn all(&self) -> Vec<Arc<Connection>> {
        self.0
            .lock()
            .map(|pipes| pipes.iter().filter_map(Weak::upgrade).collect())
            .unwrap_or_default()
    }
}
