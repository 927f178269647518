//! The page of a collector that asks for tokens, in a real browser.

use std::path::PathBuf;

use tokio::process::Command;

use crate::support::collector::Collector;
use crate::support::{installed, program, root};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_signs_in_with_a_token_and_out_again() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens.toml");
    let tokens = tokens.to_str().unwrap();
    let made = Command::new(program("toolsight-collector"))
        .args([
            "token",
            "new",
            "--tenant",
            "acme",
            "--role",
            "read",
            "--tokens-file",
            tokens,
        ])
        .output()
        .await
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let token = String::from_utf8(made.stdout).unwrap();
    let collector = Collector::start_in(folder.path(), &["--tokens-file", tokens]).await;
    collector.ready().await;

    let screenshots = std::env::var_os("TOOLSIGHT_SCREENSHOTS").map_or_else(|| folder.path().to_owned(), PathBuf::from);
    installed("tests/browser/node_modules");
    let output = Command::new("node")
        .arg(root().join("tests/browser/sign_in.mjs"))
        .args([&collector.page, token.trim()])
        .arg(&screenshots)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
