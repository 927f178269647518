//! Each command line of the collector and of the wrapper, in documents and in what starts them, is read by these programs.

use std::process::Command;

use clap::error::ErrorKind;
use regex::Regex;
use toolsight_collector::args;

use super::{blocks, prose};
use crate::support::{program, root};

/// What cargo's command lines have in front of the collector's own words.
const CARGO: &str = "cargo run --release -p toolsight-collector";

/// Where they stand, and from the program's name on.
fn command_lines() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    // Programs within a line, up to what ends the command; not within a path or a name.
    let shell = Regex::new(r"(?:^|[\s(])((?:toolsight-collector|toolsight)(?: [^#|)]*)?)(?:$|[#|)])").unwrap();
    let cargo = Regex::new(&format!(r"{CARGO}(?: -- ([^#|)]*))?$")).unwrap();
    for block in blocks() {
        if !matches!(&*block.language, "sh" | "text" | "") {
            continue;
        }
        for line in block.text.replace("\\\n", " ").lines() {
            let found = match cargo.captures(line) {
                Some(found) => format!(
                    "toolsight-collector {}",
                    found.get(1).map_or("", |words| words.as_str())
                ),
                None if line.contains("cargo ") => continue,
                None => match shell.captures(line) {
                    Some(found) => found[1].to_owned(),
                    None => continue,
                },
            };
            lines.push((block.file.clone(), found));
        }
    }
    let quoted = Regex::new(r"`((?:toolsight-collector|toolsight) [^`]+)`").unwrap();
    for (file, text) in prose() {
        lines.extend(
            quoted
                .captures_iter(&text)
                .map(|found| (file.clone(), found[1].to_owned())),
        );
    }
    let service = text_of("collector/toolsight-collector.service");
    let started = service
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/"));
    lines.push(("the service".to_owned(), started.unwrap().to_owned()));
    let image = text_of("collector/Dockerfile");
    let (_, check) = image.split_once("CMD ").unwrap();
    let check: Vec<String> = serde_json::from_str(check.lines().next().unwrap()).unwrap();
    lines.push(("the image's health check".to_owned(), check.join(" ")));
    let other = Regex::new(r"--entrypoint (\S+) IMAGE (.*)").unwrap();
    let other = other.captures(&image).unwrap();
    lines.push(("the image".to_owned(), format!("{} {}", &other[1], &other[2])));
    lines
}

fn text_of(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

/// The words of a command line, with those that are optional, and with an address where one is to be put in.
fn words(line: &str) -> Vec<String> {
    let words = line.split_whitespace().map(|word| word.trim_matches(['[', ']', '"']));
    words.map(|word| word.replace("SERVER", "http://server")).collect()
}

#[test]
fn every_command_line_is_one_that_its_program_takes() {
    let lines = command_lines();
    let of = |name: &str| lines.iter().filter(|(_, line)| words(line)[0] == name).count();
    assert!(of("toolsight-collector") > 20 && of("toolsight") > 4, "{lines:#?}");
    for (file, line) in lines {
        let mut words = words(&line);
        if words[0] == "toolsight-collector" {
            let read = args::command().try_get_matches_from(&words);
            if let Some(wrong) = read.err().filter(|told| told.kind() != ErrorKind::DisplayHelp) {
                panic!("{file}: `{line}`: {wrong}");
            }
            continue;
        }
        // The wrapper's command line is read by the program only; with this it prints its help where all before is right.
        let own = words.iter().position(|word| word == "--").unwrap_or(words.len());
        words.insert(own, "--help".to_owned());
        let output = Command::new(program("toolsight"))
            .args(&words[1..=own])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{file}: `{line}`: {told}");
    }
}
