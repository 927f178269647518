//! Values made of files, made anew when the files change, so that a withdrawn token or a renewed certificate needs no
//! restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info};

use crate::telemetry::Metrics;

/// Time between two looks at the files. They are read and compared, since a time of change may stay the same when a
/// file is replaced twice in a moment or a mounted volume is swapped.
const INTERVAL: Duration = Duration::from_secs(1);
/// Bytes of one file.
const MAX_FILE: u64 = 1024 * 1024;

/// Contents of the files, in their order.
type Contents = Vec<Vec<u8>>;

/// The newest value that could be made of some files; cloning shares it.
#[derive(Debug)]
pub(crate) struct Reloaded<T>(watch::Receiver<Arc<T>>);

impl<T> Clone for Reloaded<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Files that cannot be used, and why; one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {message}")]
pub struct ReloadError {
    what: &'static str,
    message: String,
}

impl<T: Send + Sync + 'static> Reloaded<T> {
    /// Makes the value now, and again whenever the files have changed and then stayed the same for a second: a file
    /// that is half written is not taken for what it says. Files that cannot be used keep the value, with an error in the
    /// log and in `toolsight_reload_failures_total`. Needs a tokio runtime; ends with the last clone.
    ///
    /// # Errors
    /// When the first value cannot be made; later ones are only logged.
    pub(crate) async fn open(
        what: &'static str,
        files: Vec<PathBuf>,
        metrics: &Metrics,
        make: impl Fn(&[Vec<u8>]) -> Result<T, String> + Send + 'static,
    ) -> Result<Self, ReloadError> {
        let wrong = |message| ReloadError { what, message };
        let failures = metrics.reload_failures.with_label_values(&[what]);
        let mut seen = read(&files).await;
        let first = seen.clone().and_then(|contents| make(&contents)).map_err(wrong)?;
        let (value, values) = watch::channel(Arc::new(first));
        tokio::spawn(async move {
            let mut ticks = interval(INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut before = seen.clone();
            loop {
                tokio::select! {
                    () = value.closed() => return,
                    _ = ticks.tick() => {}
                }
                let now = read(&files).await;
                let is_settled = now == before;
                before.clone_from(&now);
                if !is_settled || now == seen {
                    continue;
                }
                seen.clone_from(&now);
                match now.and_then(|contents| make(&contents)) {
                    Ok(made) => {
                        info!(what, "took the changed files");
                        value.send_replace(Arc::new(made));
                    }
                    Err(message) => {
                        failures.inc();
                        error!(
                            what,
                            "the changed files cannot be used, what was read before stays: {message}"
                        );
                    }
                }
            }
        });
        Ok(Self(values))
    }

    /// Waits until nobody looks at the files any more, as it has to be while this is there.
    pub(crate) async fn ended(&self) {
        let mut values = self.0.clone();
        while values.changed().await.is_ok() {}
    }

    /// The newest value.
    pub(crate) fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.borrow())
    }
}

async fn read(files: &[PathBuf]) -> Result<Contents, String> {
    let mut contents = Vec::with_capacity(files.len());
    for path in files {
        let content = read_one(path).await;
        contents.push(content.map_err(|error| format!("{}: {error}", path.display()))?);
    }
    Ok(contents)
}

async fn read_one(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)
        .await?
        .take(MAX_FILE + 1)
        .read_to_end(&mut content)
        .await?;
    if content.len() as u64 > MAX_FILE {
        return Err(std::io::Error::other(format!("it is larger than {MAX_FILE} bytes")));
    }
    Ok(content)
}
