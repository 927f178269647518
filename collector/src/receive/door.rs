//! What the receiver of one protocol needs.

use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::body::{Room, Taken};
use super::intake::{Intake, Refusal, TURN};
use crate::auth::{Access, Principal, Role};
use crate::config;

/// The intake, who may use it, and how many at a time over this protocol; cloning shares it all.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) intake: Intake,
    access: Access,
    turns: Arc<Semaphore>,
    room: Room,
}

/// A request is in while it lives.
#[derive(Debug)]
pub(crate) struct Turn {
    _of_protocol: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Door {
    pub(crate) fn new(config: &config::Receive, intake: Intake, access: Access) -> Self {
        // A flood over one protocol leaves a quarter to the other.
        let turns = (config.max_concurrent_requests * 3).div_ceil(4);
        let room = config.max_concurrent_requests.saturating_mul(config.max_body_bytes) / 2;
        Self {
            intake,
            access,
            turns: Arc::new(Semaphore::new(turns)),
            room: Room::of(room.max(config.max_body_bytes)),
        }
    }

    /// Reads a body of at most `limit` bytes. That is before its request's turn, since it takes as long as its sender likes.
    pub(crate) async fn read(&self, body: Body, limit: usize) -> Result<(Bytes, Taken), Refusal> {
        if self.intake.is_short_of_memory() {
            return Err(Refusal::Memory);
        }
        self.room.read(&self.intake, body, limit).await
    }

    /// Waits until few enough requests are at work, over this protocol and in all.
    pub(crate) async fn turn(&self) -> Result<Turn, Refusal> {
        let Ok(Ok(of_protocol)) = timeout(TURN, Arc::clone(&self.turns).acquire_owned()).await else {
            return Err(Refusal::Busy);
        };
        Ok(Turn {
            _of_protocol: of_protocol,
            _of_all: self.intake.turn().await?,
        })
    }

    /// On whose behalf telemetry comes; asked before anything of a body is read.
    pub(crate) fn sender(&self, headers: &HeaderMap) -> Result<Principal, Refusal> {
        let sender = self.access.of_headers(headers);
        sender
            .and_then(|sender| sender.require(Role::Ingest))
            .map_err(Refusal::Denied)
    }
}
