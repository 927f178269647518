//! Rules of the house that a program can check.

use std::process::Command;

use crate::support::root;

/// The files that git knows or would add, with their text.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(listed.status.success(), "git cannot list the files");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let wanted = listed
        .lines()
        .filter(|path| endings.iter().any(|ending| path.ends_with(ending)));
    wanted
        .filter_map(|path| Some((path.to_owned(), std::fs::read_to_string(root().join(path)).ok()?)))
        .collect()
}

#[test]
fn no_source_file_is_longer_than_400_lines() {
    let sources = files(&[".rs", ".ts", ".tsx", ".mjs", ".sql", ".py"]);
    assert!(sources.len() > 50);
    let long: Vec<_> = sources
        .iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(path, lines)| *lines > 400 && !path.contains("/dist/"))
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn unsafe_code_stands_in_one_file() {
    let unsafe_files: Vec<_> = files(&[".rs"])
        .into_iter()
        .filter(|(path, text)| text.contains("unsafe {") && !path.ends_with("tidy.rs"))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(unsafe_files, ["collector/src/store/engine_library.rs"]);
}

#[test]
fn only_the_stages_know_their_neighbours() {
    let outside = |folder: &str, word: &str| {
        let sources = files(&[".rs"]).into_iter();
        let known = sources.filter(|(path, text)| {
            path.starts_with("middleware/src/") && !path.starts_with(folder) && text.contains(word)
        });
        known.map(|(path, _)| path).collect::<Vec<_>>()
    };
    assert_eq!(outside("middleware/src/http/", "tower_service::"), [""; 0]);
    assert_eq!(outside("middleware/src/http/", "tower_layer::"), [""; 0]);
    assert_eq!(outside("middleware/src/export/", "opentelemetry_otlp::"), [""; 0]);
}
