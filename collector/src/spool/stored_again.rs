//! What `store-again` leaves of a batch, or a part of one, that was set aside by hand.
//!
//! It takes `FILE` away as `FILE.taken`, and once the store has all rows of that, an empty `FILE.stored` takes its place: a
//! collector that starts again before the batch is done would else send these rows with the others, under another token.
//! That goes when the last record of the batch goes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::segment::sync_folder;

/// What the name of a file has at its end while its rows are stored again.
const TAKEN: &str = ".taken";
/// What it has once they are.
const STORED: &str = ".stored";

/// Where the rows of this file are while they are stored again.
pub(crate) fn taken(file: &Path) -> PathBuf {
    with(file, TAKEN)
}

/// Whether this file is there, or was before its rows were stored again.
pub(super) fn was_there(file: &Path) -> bool {
    // In the order in which they follow each other, so that none is missed.
    file.exists() || taken(file).exists() || with(file, STORED).exists()
}

/// Notes for good that the store has all rows of this file, if it is one of a batch.
pub(crate) fn note(file: &Path) -> io::Result<()> {
    if file.file_name().and_then(end_of_batch).is_none() {
        return Ok(());
    }
    let noted = with(file, STORED);
    File::create(&noted)?;
    // A file without a folder in its name is in the current one.
    noted.canonicalize()?.parent().map_or(Ok(()), sync_folder)
}

/// Forgets batches whose records are all gone: those in front of `first`.
pub(super) fn forget_before(folder: &Path, first: u64) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let end = path.file_name().and_then(end_of_batch);
        if path.extension() == Some(OsStr::new(&STORED[1..])) && end.is_some_and(|end| end < first) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn with(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The number of the record at which the batch of a file ends; `None` for files of rows of any batches.
fn end_of_batch(name: &OsStr) -> Option<u64> {
    let (token, _) = name.to_str()?.strip_prefix("set_aside.")?.rsplit_once(".ndjson")?;
    // Behind it stand the rows, where they are a part of the batch.
    let end = |piece: &str| piece.split_once('-')?.1.split_once('.')?.0.parse().ok();
    token.rsplit('_').take(2).find_map(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_again_is_known_as_long_as_the_batch_has_records() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let files =
            ["a-b.7_0f_1.0-9.3", "a_1.5-2.9_0f_9.3-12.0_25-50"].map(|token| at(&format!("set_aside.{token}.ndjson")));
        let others = ["set_aside.ndjson", "set_aside.1.ndjson", "1.0-9.3.ndjson"].map(at);
        for file in files.iter().chain(&others) {
            note(file).unwrap();
        }
        let known = || files.each_ref().map(|file| was_there(file));
        assert_eq!(others.map(|file| was_there(&file)), [false; 3]);
        for (first, expected) in [
            (9, [true, true]),
            (10, [false, true]),
            (12, [false, true]),
            (13, [false, false]),
        ] {
            forget_before(folder.path(), first).unwrap();
            assert_eq!(known(), expected, "{first}");
        }
        // Rows that are not stored yet are never forgotten.
        fs::write(taken(&files[0]), "a row").unwrap();
        fs::write(&files[1], "a row").unwrap();
        forget_before(folder.path(), u64::MAX).unwrap();
        assert_eq!(known(), [true, true]);
    }
}
