//! When to stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Completes at the first SIGINT or SIGTERM after it was made, and tells which.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn signals() -> io::Result<impl Future<Output = &'static str>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        }
    })
}
