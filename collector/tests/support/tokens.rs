//! Tokens as the program makes them.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A file of tokens.
pub(crate) struct TokensFile {
    folder: TempDir,
}

impl TokensFile {
    /// A file without tokens.
    pub(crate) fn new() -> Self {
        let file = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(file.path(), "").unwrap();
        file
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("tokens.toml")
    }

    /// Adds a token; an empty tenant is none.
    pub(crate) fn add(&self, tenant: &str, role: &str) -> String {
        new_token(&self.path(), tenant, role)
    }
}

fn new_token(file: &Path, tenant: &str, role: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolsight-collector"));
    command
        .arg("token")
        .arg("new")
        .args(["--role", role])
        .arg("--tokens-file")
        .arg(file);
    if !tenant.is_empty() {
        command.args(["--tenant", tenant]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
