//! Reads a request's body within its limits.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::intake::{Intake, Refusal, TURN};

/// What one permit of a [`Room`] stands for, so that a few large bodies fit into a semaphore's count.
const UNIT: usize = 4096;

/// Bytes that bodies may have in memory before it is their request's turn; cloning shares it.
///
/// A sender that falls silent holds only what it has sent, so many of them leave the turns and nearly all of the room to
/// others.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<Semaphore>);

/// The room that a body takes while it lives.
#[derive(Debug, Default)]
pub(crate) struct Taken(Option<OwnedSemaphorePermit>);

impl Room {
    pub(crate) fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(units(bytes).min(Semaphore::MAX_PERMITS))))
    }

    /// All bytes of a body; never holds more than `limit`, and never waits longer than the configured time for its sender
    /// or [`TURN`] for room.
    pub(crate) async fn read(&self, intake: &Intake, body: Body, limit: usize) -> Result<(Bytes, Taken), Refusal> {
        match timeout(intake.body_timeout, self.collect(intake, body, limit)).await {
            Ok(read) => read,
            Err(_) => Err(Refusal::Slow),
        }
    }

    async fn collect(&self, intake: &Intake, body: Body, limit: usize) -> Result<(Bytes, Taken), Refusal> {
        let mut body = Limited::new(body, limit);
        let (mut pieces, mut length) = (Vec::new(), 0);
        let mut taken = Taken::default();
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame.map_err(|error| broken(&*error, intake))?.into_data() else {
                continue;
            };
            let more = units(length + piece.len()) - units(length);
            length += piece.len();
            if more > 0 {
                let room = self.take(more).await?;
                match &mut taken.0 {
                    Some(taken) => taken.merge(room),
                    None => taken.0 = Some(room),
                }
            }
            pieces.push(piece);
        }
        let bytes = match pieces.len() {
            0 | 1 => pieces.pop().unwrap_or_default(),
            _ => pieces.concat().into(),
        };
        Ok((bytes, taken))
    }

    async fn take(&self, units: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let units = u32::try_from(units).map_err(|_| Refusal::Busy)?;
        match timeout(TURN, Arc::clone(&self.0).acquire_many_owned(units)).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Refusal::Busy),
        }
    }
}

const fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT)
}

fn broken(error: &(dyn std::error::Error + Send + Sync + 'static), intake: &Intake) -> Refusal {
    if error.is::<LengthLimitError>() {
        Refusal::TooLarge(intake.max_body_bytes)
    } else {
        Refusal::Invalid(format!("the request body broke off: {error}"))
    }
}
