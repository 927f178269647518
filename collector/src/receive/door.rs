//! What a receiver of either protocol needs.

use axum::http::HeaderMap;

use super::intake::{Intake, Refusal};
use crate::auth::{Access, Principal, Role};

/// The intake, and who may use it; cloning shares both.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) intake: Intake,
    access: Access,
}

impl Door {
    pub(crate) const fn new(intake: Intake, access: Access) -> Self {
        Self { intake, access }
    }

    /// On whose behalf telemetry comes; asked before anything of a body is read.
    pub(crate) fn sender(&self, headers: &HeaderMap) -> Result<Principal, Refusal> {
        let sender = self.access.of_headers(headers);
        sender
            .and_then(|sender| sender.require(Role::Ingest))
            .map_err(Refusal::Denied)
    }
}
