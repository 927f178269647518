//! What each process has told so far, in `layers.json` of the spool's folder. A collector that starts again thus counts what
//! was lost meanwhile, also while none was there, and not once more what the one before it has counted.
//!
//! The collector's own counts are not in it: they begin with 0, as all of its metrics do.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Layers;
use super::streams::Stream;

const NAME: &str = "layers.json";

/// What has grown for so long at most is counted once more if the collector is killed.
const EVERY: Duration = Duration::from_secs(2);

/// All of the file.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) forgotten_until: Option<u64>,
    /// The one silent for longest is the first.
    pub(super) processes: Vec<Process>,
}

/// A process that has counted something.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Process {
    pub(super) tenant: String,
    pub(super) server: String,
    pub(super) instance: String,
    pub(super) forgotten_until: Option<u64>,
    pub(super) streams: Vec<Stream>,
}

impl Layers {
    /// Goes on from the file, and keeps it until `stop`, and once more then. The folder is this collector's alone.
    pub(crate) fn keep_in(&self, folder: &Path, stop: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
        let (layers, folder) = (self.clone(), folder.to_owned());
        layers.read(&folder);
        async move {
            let (mut ticks, mut failed, mut kept) = (interval(EVERY), false, 0);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = stop.cancelled() => {}
                }
                let is_last = stop.is_cancelled();
                let (layers, folder) = (layers.clone(), folder.clone());
                let written = spawn_blocking(move || layers.write(&folder, kept));
                match written.await.unwrap_or_else(|error| Err(error.into())) {
                    Ok(changes) => (failed, kept) = (false, changes),
                    Err(cause) if !failed => {
                        warn!(%cause, "layers.json of the spool cannot be written: make room on its disk, or losses of \
                            observed servers are counted once more after the next start");
                        failed = true;
                    }
                    Err(_) => {}
                }
                if is_last {
                    return;
                }
            }
        }
    }

    fn read(&self, folder: &Path) {
        let path = folder.join(NAME);
        let read = match fs::read(&path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return,
            read => read,
        };
        match read.and_then(|bytes| Ok(serde_json::from_slice(&bytes)?)) {
            Ok(kept) => self.lock().restore(kept),
            Err(cause) => warn!(
                %cause,
                path = %path.display(),
                "what observed servers lost before is counted once more, since it cannot be read; the file is replaced, \
                nothing is to be done"
            ),
        }
    }

    /// Writes the file unless it has all of these changes; gives back how many it has.
    fn write(&self, folder: &Path, written: u64) -> io::Result<u64> {
        let (kept, changes) = {
            let state = self.lock();
            if state.changes == written {
                return Ok(written);
            }
            (state.kept(), state.changes)
        };
        // What is left of this one is removed when the spool is opened.
        let new = folder.join("layers.new");
        let mut options = OpenOptions::new();
        let mut file = options.create(true).write(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(&kept)?)?;
        file.sync_data()?;
        fs::rename(new, folder.join(NAME))?;
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::{MOST_INSTANCES, State};
    use super::super::tests::{PRESENT, delta, dropped, lost, now, of, total};
    use super::*;

    /// What the next collector knows.
    fn restarted(state: &State) -> State {
        let bytes = serde_json::to_vec(&state.kept()).unwrap();
        let mut next = State::default();
        next.restore(serde_json::from_slice(&bytes).unwrap());
        assert_eq!(next.kept(), state.kept(), "nothing of it changes");
        next
    }

    #[test]
    fn what_was_counted_before_a_restart_is_not_counted_again_and_what_was_lost_since_is() {
        let mut state = State::default();
        for (instance, value) in [("a", 30), ("b", 10), ("c", 0)] {
            state.note("", &of("shop", instance, lost(value, 1, 10)), now());
        }
        state.note("acme", &of("shop", "a", delta(5, 1, 10)), now());
        let mut state = restarted(&state);
        assert!(dropped(&state).is_empty(), "counts begin with 0");
        assert!(state.running(now().instant).is_empty(), "nobody has told anything yet");
        for (instance, value) in [("a", 30), ("b", 10), ("c", 0)] {
            state.note("", &of("shop", instance, lost(value, 1, 20)), now());
        }
        assert_eq!(dropped(&state), [("shop".to_owned(), 0)]);
        assert!(!state.answer(now().instant).lost_lately, "these are no news");
        state.note("", &of("shop", "a", lost(34, 1, 30)), now());
        state.note("", &of("shop", "c", lost(2, 1, 30)), now());
        state.note("", &of("shop", "b", lost(1, 25, 30)), now());
        state.note("acme", &of("shop", "a", lost(1, 1, 30)), now());
        assert_eq!(total(&state), 4 + 2 + 1 + 1);
        assert!(state.answer(now().instant).lost_lately);
    }

    #[test]
    fn what_may_have_been_forgotten_before_a_restart_is_not_counted_again_after_it() {
        let mut state = State::default();
        for index in 0..=MOST_INSTANCES {
            let start = 100 + index as u64;
            state.note("", &of("shop", &index.to_string(), lost(1, start, start)), now());
        }
        let mut state = restarted(&state);
        state.note("", &of("shop", "0", lost(1, 100, 120)), now());
        assert_eq!((total(&state), state.forgotten.instances), (0, 1));
        state.note("", &of("shop", "new", lost(1, PRESENT, PRESENT)), now());
        assert_eq!(total(&state), 1);
        // Streams of one process that are forgotten.
        let mut state = State::default();
        for start in 100..200 {
            state.note("", &of("shop", "a", lost(1, start, start)), now());
        }
        let mut state = restarted(&state);
        state.note("", &of("shop", "a", lost(1, 100, 300)), now());
        state.note("", &of("shop", "a", lost(1, 199, 300)), now());
        assert_eq!(total(&state), 0);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        fs::write(&path, "{\"processes\":[{").unwrap();
        let layers = Layers::new().unwrap();
        layers.read(folder.path());
        layers.note("", &[of("shop", "a", lost(5, 1, 10))]);
        assert_eq!(layers.answer().records_dropped["queue_full"], 5);
        let written = layers.write(folder.path(), 0).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(layers.write(folder.path(), written).unwrap(), written);
        assert!(!path.exists(), "there was nothing to write");
        fs::write(&path, whole).unwrap();
        let next = Layers::new().unwrap();
        next.read(folder.path());
        next.note("", &[of("shop", "a", lost(5, 1, 20))]);
        assert_eq!(next.answer().records_dropped["queue_full"], 0);
    }
}
