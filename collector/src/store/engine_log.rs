//! What the engine's process prints, kept in a file of bounded size.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// Bytes after which the file is put aside as `.1`, in place of the one before.
const LARGEST: u64 = 1 << 20;
/// Bytes of one line; the rest goes to the next one.
const LONGEST_LINE: u64 = 8 << 10;
/// Lines that are remembered for an error message.
const REMEMBERED: usize = 8;

/// Copies `output` to the file at `path` until it ends, and returns its last lines.
///
/// Output that cannot be written is dropped: a full disk must not stop the engine.
pub(super) async fn copy(output: impl AsyncRead + Unpin, path: PathBuf) -> String {
    let mut log = EngineLog::open(path);
    if let Err(error) = &log {
        tracing::warn!(%error, "output of the embedded engine cannot be kept");
    }
    let mut last = VecDeque::with_capacity(REMEMBERED);
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    while matches!(
        (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line).await,
        Ok(1..)
    ) {
        if let Ok(log) = &mut log
            && let Err(error) = log.write(&line)
        {
            tracing::debug!(%error, "line of the embedded engine lost");
        }
        if last.len() == REMEMBERED {
            last.pop_front();
        }
        last.push_back(String::from_utf8_lossy(&line).trim().to_owned());
        line.clear();
    }
    last.make_contiguous().join(" ")
}

struct EngineLog {
    path: PathBuf,
    file: File,
    size: u64,
}

impl EngineLog {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        let size = file.metadata()?.len();
        Ok(Self { path, file, size })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.size >= LARGEST {
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
            *self = Self::open(self.path.clone())?;
        }
        self.size += line.len() as u64;
        self.file.write_all(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_keeps_its_bound_and_the_last_lines_are_returned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.log");
        let mut output = "x".repeat(3 << 20).into_bytes();
        output.extend_from_slice(b"\nlast but one\nlast");
        let last = copy(&output[..], path.clone()).await;
        assert!(last.ends_with("last but one last"), "{last}");
        let sizes = ["engine.log", "engine.log.1"].map(|name| fs::metadata(folder.path().join(name)).unwrap().len());
        assert!(
            sizes.iter().all(|&size| size > 0 && size <= LARGEST + LONGEST_LINE),
            "{sizes:?}"
        );
        assert!(fs::read_to_string(path).unwrap().ends_with("last but one\nlast"));
    }
}
