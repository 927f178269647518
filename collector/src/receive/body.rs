//! Reads a request's body within its limits.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use super::intake::{Intake, Refusal};

/// All bytes of a body; never holds more than `limit` and never waits longer than the configured time.
pub(crate) async fn read(intake: &Intake, body: Body, limit: usize) -> Result<Bytes, Refusal> {
    match timeout(intake.body_timeout, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge(intake.max_body_bytes)),
        Ok(Err(error)) => Err(Refusal::Invalid(format!("the request body broke off: {error}"))),
        Err(_) => Err(Refusal::Slow),
    }
}
