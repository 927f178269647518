//! A file system of its own for one program, small enough to fill.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::collector::Collector;
use super::program;

/// The program, for which alone `folder` is an empty file system with these options of tmpfs.
pub(crate) fn command(folder: &Path, options: &str) -> Command {
    let mut command = Command::new("unshare");
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    // Whoever is not root has to be it at least for the new file system.
    command.arg(if is_root { "-m" } else { "-rm" });
    let script = r#"mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && exec "$@""#;
    command.args(["sh", "-c", script, "sh", options]);
    command.arg(folder).arg(program("toolsight-collector"));
    command
}

/// Where a running collector sees this path.
pub(crate) fn seen_by(collector: &Collector, path: &Path) -> PathBuf {
    let relative = path.strip_prefix("/").unwrap();
    PathBuf::from(format!("/proc/{}/root", collector.id())).join(relative)
}

/// Writes a file of so many bytes, or as many as there is room for.
pub(crate) fn fill(path: &Path, bytes: usize) {
    let mut file = File::create(path).unwrap();
    let block = vec![1; 4096];
    for _ in 0..bytes.div_ceil(block.len()) {
        match file.write_all(&block) {
            Err(error) if error.kind() == ErrorKind::StorageFull => return,
            written => written.unwrap(),
        }
    }
}
