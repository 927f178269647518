//! What the documents say is what there is: links, settings, commands, metrics, questions to the API, names of tests.
//!
//! The README is held more closely, see `readme.rs`.

mod api;
mod commands;
mod metrics;

use std::collections::BTreeSet;

use regex::Regex;
use toolsight_collector::config;

use crate::support::{root, tracked};

/// A piece of a document.
struct Block {
    /// The document it stands in.
    file: String,
    /// What stands behind the fence, such as `sh`.
    language: String,
    text: String,
}

/// The documents of the repository, with their text; not the changelogs, which tell of what was.
fn documents() -> Vec<(String, String)> {
    let mut documents = tracked(&[".md"]);
    documents.retain(|(path, _)| !path.ends_with("CHANGELOG.md"));
    assert!(documents.len() > 10);
    documents
}

/// All that stands between fences.
fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for (file, text) in documents() {
        for fenced in text.split("```").skip(1).step_by(2) {
            let (language, text) = fenced.split_once('\n').unwrap();
            blocks.push(Block {
                file: file.clone(),
                language: language.to_owned(),
                text: text.to_owned(),
            });
        }
    }
    blocks
}

/// What stands outside of fences, each document on one line: what is quoted may go over the end of one.
fn prose() -> Vec<(String, String)> {
    let outside = |text: &str| {
        text.split("```")
            .step_by(2)
            .collect::<Vec<_>>()
            .join(" ")
            .replace('\n', " ")
    };
    let documents = documents().into_iter();
    documents.map(|(file, text)| (file, outside(&text))).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut dead = Vec::new();
    for (file, text) in prose() {
        let folder = root().join(&file).parent().unwrap().to_owned();
        for found in link.captures_iter(&text).map(|found| found[1].to_owned()) {
            let target = found.split('#').next().unwrap();
            // Names of Rust are links of rustdoc, which looks at them itself.
            let is_elsewhere = target.starts_with("http") || target.contains("::");
            if !is_elsewhere && !folder.join(target).exists() {
                dead.push(format!("{file}: {found}"));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:?}");
}

#[test]
fn every_file_of_settings_can_be_loaded() {
    let mut files = 0;
    for Block { file, language, text } in blocks() {
        if language != "toml" || file.starts_with("middleware/") {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("collector.toml");
        std::fs::write(&settings, &text).unwrap();
        let loaded = config::load(Some(&settings), |_| None, |_| None);
        assert!(loaded.is_ok(), "{file}:\n{text}\n{loaded:?}");
        files += 1;
    }
    assert!(files > 0, "no document shows a file of settings");
}

#[test]
fn every_test_that_a_promise_names_is_there() {
    let sources = tracked(&[".rs"]);
    let name = Regex::new(r"`([a-z0-9]+(?:_[a-z0-9]+){4,})`").unwrap();
    let promises = std::fs::read_to_string(root().join("collector/docs/promises.md")).unwrap();
    let named: BTreeSet<_> = name.captures_iter(&promises).map(|found| found[1].to_owned()).collect();
    assert!(named.len() > 20);
    for test in named {
        let definition = format!("fn {test}(");
        assert!(
            sources.iter().any(|(_, text)| text.contains(&definition)),
            "there is no test {test}"
        );
    }
}
