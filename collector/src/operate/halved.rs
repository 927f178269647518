//! Which rows the store refused together, for a command that goes on where another one was killed.
//!
//! Their halves are stored under tokens of their own: were all of them sent together once more, and taken since what the
//! store had against them is mended meanwhile, those of a half that it has already would count twice.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Tokens that were refused, a line for each in a file that is there once there is one.
#[derive(Debug)]
pub(super) struct Halved {
    path: PathBuf,
    /// Those of commands before this one.
    tokens: HashSet<String>,
    file: Option<File>,
}

impl Halved {
    /// Reads what commands before this one have noted beside the file of the rows.
    pub(super) fn beside(file: &Path) -> io::Result<Self> {
        let path = PathBuf::from(format!("{}.halved", file.display()));
        let noted = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        // Half a line is of a command that was killed before it sent a half.
        let whole = noted.rfind('\n').map_or(0, |end| end + 1);
        if whole < noted.len() {
            OpenOptions::new().write(true).open(&path)?.set_len(whole as u64)?;
        }
        Ok(Self {
            path,
            tokens: noted[..whole].lines().map(str::to_owned).collect(),
            file: None,
        })
    }

    /// Whether these rows are to go in halves.
    pub(super) fn has(&self, token: &str) -> bool {
        self.tokens.contains(token)
    }

    /// Notes a token for good; none of its halves may be sent before.
    pub(super) fn note(&mut self, token: &str) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new().create(true).append(true).open(&self.path)?,
        };
        let file = self.file.insert(file);
        file.write_all(format!("{token}\n").as_bytes())?;
        file.sync_data()
    }

    /// Forgets all of them, once no row waits in halves.
    pub(super) fn forget(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_known_until_it_is_forgotten_and_half_a_line_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let read = || Halved::beside(&folder.path().join("file")).unwrap();
        let mut halved = read();
        halved.forget().unwrap();
        halved = read();
        halved.note("one").unwrap();
        halved.note("another").unwrap();
        fs::write(&halved.path, "one\nanother\nthe thi").unwrap();
        halved = read();
        assert_eq!(
            ["one", "another", "the thi"].map(|token| halved.has(token)),
            [true, true, false]
        );
        halved.note("the third").unwrap();
        halved = read();
        assert_eq!(["another", "the third"].map(|token| halved.has(token)), [true; 2]);
        halved.forget().unwrap();
        assert!(!read().has("one"));
    }
}
