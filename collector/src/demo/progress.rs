//! Tells a person who waits how far it is.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::store::Progress;

/// Writes what takes long to standard error: in one line on a terminal, else a line for each tenth.
pub fn show_progress(progress: Progress) {
    static TENTH: AtomicU64 = AtomicU64::new(u64::MAX);
    let mut output = io::stderr().lock();
    let terminal = output.is_terminal();
    // Nobody needs to be told that nobody can be told.
    let _ = match progress {
        Progress::EngineAwaited => writeln!(output, "waiting for another process that fetches the embedded database"),
        Progress::EngineDownload(bytes, all) => {
            let (megabytes, of) = (bytes / 1_000_000, all / 1_000_000);
            let tenth = (bytes * 10).checked_div(all).unwrap_or_default();
            if terminal {
                write!(
                    output,
                    "\rfetching the embedded database (once): {megabytes} of {of} MB "
                )
            } else if TENTH.swap(tenth, Relaxed) != tenth {
                writeln!(output, "fetching the embedded database (once): {megabytes} of {of} MB")
            } else {
                Ok(())
            }
        }
        Progress::EngineUnpack => {
            let line = if terminal { "\n" } else { "" };
            writeln!(output, "{line}checking and unpacking it")
        }
        Progress::EngineStart => writeln!(output, "starting the embedded database"),
    };
    let _ = output.flush();
}
