//! Sets a batch aside that the store does not take, so that those behind it can go on.

use std::io::{self, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::{Instant, sleep};

use crate::config::Config;
use crate::serve::{spool_folder, store_config};
use crate::spool::{ByHand, is_in_use};

/// Time between two looks at whether the collector has answered.
const INTERVAL: Duration = Duration::from_millis(100);
/// Within this time a collector answers that does not wait itself.
const SOON: Duration = Duration::from_secs(5);

/// Lets the collector that runs with these settings put a batch into a file, and prints where it is. Waits while an attempt
/// to store the batch is under way.
///
/// # Errors
/// When no collector uses the spool's folder, or the store does not refuse this batch now.
pub async fn set_aside(config: &Config, batch: &str) -> anyhow::Result<()> {
    let folder = spool_folder(config, &store_config(config)?)?;
    let runs = || is_in_use(&folder).with_context(|| format!("look at the spool in {}", folder.display()));
    let by_hand = ByHand::new(&folder);
    if runs()? {
        let asked = by_hand.ask(batch);
        asked.with_context(|| format!("write to the spool in {}", folder.display()))?;
        let (began, mut told) = (Instant::now(), false);
        while by_hand.is_open() && runs()? {
            if began.elapsed() >= SOON && !std::mem::replace(&mut told, true) {
                // Where nobody can read it, the wait goes on all the same.
                let _ = writeln!(
                    io::stderr(),
                    "the collector still waits for the store's answer: an attempt takes up to ten minutes, and none begins \
                     before the store can be reached and its tables are ready; see the collector's log"
                );
            }
            sleep(INTERVAL).await;
        }
    }
    let file = by_hand.path(batch);
    if file.exists() {
        let file = file.display();
        return writeln!(
            io::stdout(),
            "the batch is in {file}: once its cause is mended, `toolsight-collector store-again {file}` stores it"
        )
        .context("print the place");
    }
    if by_hand.is_open() || !runs()? {
        by_hand.answer();
        bail!(
            "no collector uses the spool in {}: start it, and run the command again when it refuses the batch",
            folder.display()
        );
    }
    bail!(
        "the store does not refuse batch {batch} now, or the spool has no room for its file: look at the page or the log for \
         the one that waits"
    );
}
