//! Whether the store can be used: asked in the background for as long as the store is open.

use std::{sync::Arc, time::Duration};

use clickhouse::error::Error;
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

use super::{
    client::Clients,
    failure, migrate,
    retention::{self, Retention},
    version,
};
use crate::telemetry::Metrics;

/// Between two questions while all is well.
const INTERVAL: Duration = Duration::from_secs(5);
/// Between two attempts while it is not; doubled up to the second value.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Bytes of an answer that are looked at: those of another server may be many.
const LONGEST: usize = 4096;

/// Whether the store can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreState {
    /// Not yet known.
    Starting,
    /// It answers, and its tables are those that this program needs.
    Ready,
    /// It cannot be used; one line says why and what to do. Tried again for ever.
    Unreachable(String),
}

/// Asks for ever. `wake` asks at once, for those who have seen a sign of trouble.
pub(super) async fn run(
    (clients, retention): (Clients, Retention),
    state: watch::Sender<StoreState>,
    wake: Arc<Notify>,
    metrics: Metrics,
) {
    let mut retry = RETRY.0;
    loop {
        let ready = *state.borrow() == StoreState::Ready;
        let next = match if ready {
            clients.ping().await
        } else {
            clients.prepare(&retention).await
        } {
            Ok(()) => StoreState::Ready,
            Err(reason) => StoreState::Unreachable(reason),
        };
        let up = next == StoreState::Ready;
        metrics.store_up.set(i64::from(up));
        state.send_if_modified(|state| {
            let changed = *state != next;
            if changed {
                announce(&next, &clients.place);
                *state = next;
            }
            changed
        });
        retry = if up { RETRY.0 } else { (retry * 2).min(RETRY.1) };
        tokio::select! {
            () = sleep(if up { INTERVAL } else { retry }) => {}
            () = wake.notified(), if up => {}
        }
    }
}

fn announce(state: &StoreState, place: &str) {
    match state {
        StoreState::Starting => {}
        StoreState::Ready => tracing::info!(place, "store is ready"),
        StoreState::Unreachable(reason) => tracing::warn!(reason, "store cannot be used and is tried again"),
    }
}

impl Clients {
    /// Whether somebody who knows our password is there.
    pub(super) async fn answers(&self) -> bool {
        self.ping().await.is_ok()
    }

    /// Whether it is ClickHouse that answers, and lets us in: one line that says why and what to do where not. A status of
    /// 200 alone shows nothing, since a proxy in front may have it for a page of its own.
    pub(super) async fn ping(&self) -> Result<(), String> {
        let number = rand::random::<u64>();
        match timeout(ANSWER, self.echo(number)).await {
            Ok(Ok(answer)) if answer == format!("{number}\n").as_bytes() => Ok(()),
            Ok(Ok(answer)) => Err(failure::describe_stranger(&answer, self)),
            Ok(Err(error)) => Err(failure::describe(&error, self)),
            Err(_) => Err(failure::describe(&Error::TimedOut, self)),
        }
    }

    /// What is answered to the question for a number, at least its first bytes. They are taken as they are: who
    /// reads rows of a page that begins in letters beyond ASCII takes these for a number of columns, reserves memory for
    /// as many, and has the program aborted.
    async fn echo(&self, number: u64) -> Result<Vec<u8>, Error> {
        let question = self.server.query("SELECT toUInt64(?)").bind(number);
        let mut chunks = question.fetch_bytes("TabSeparated")?;
        let mut answer = Vec::new();
        while answer.len() < LONGEST
            && let Some(chunk) = chunks.next().await?
        {
            answer.extend_from_slice(&chunk);
        }
        Ok(answer)
    }

    async fn prepare(&self, retention: &Retention) -> Result<(), String> {
        self.ping().await?;
        version::check(self).await?;
        migrate::migrate(self).await.map_err(|error| match error {
            migrate::MigrateError::Client(error) => failure::describe(&error, self),
            other => other.to_string(),
        })?;
        retention::apply(self, retention)
            .await
            .map_err(|error| failure::describe(&error, self))
    }
}
