//! A log in which a certain line panics, so that a task ends where it writes that line, as one with a mistake in it would.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

struct Panicking {
    words: &'static str,
    has_panicked: Arc<AtomicBool>,
}

impl Write for Panicking {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        // What is told of the panic may have these words as well.
        let panics = text.contains(self.words) && !self.has_panicked.swap(true, Ordering::Relaxed);
        assert!(!panics, "as was wanted: {text}");
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From now on, and until the guard is dropped, the first line with these words panics where this thread writes it.
pub(crate) fn panics_at(words: &'static str) -> tracing::subscriber::DefaultGuard {
    let has_panicked = Arc::new(AtomicBool::new(false));
    let writer = move || Panicking {
        words,
        has_panicked: Arc::clone(&has_panicked),
    };
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(writer);
    tracing::subscriber::set_default(log.finish())
}
