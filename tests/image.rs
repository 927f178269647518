//! The container image, as far as that goes without building it: what goes in is there, and it says of the program what the
//! program says of itself.

use std::path::Path;
use std::process::Command;

use regex::Regex;
use serde_json::Value;
use toolsight_collector::args;
use toolsight_collector::config::{self, Config};

use crate::support::{root, tracked};

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The instructions of the Dockerfile with their words, one a line.
fn instructions() -> Vec<(String, String)> {
    let text = read("collector/Dockerfile").replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let split = lines.filter_map(|line| line.split_once(' '));
    split
        .map(|(name, rest)| (name.to_owned(), rest.trim().to_owned()))
        .collect()
}

/// What stands behind an instruction, each time that it is there.
fn of(name: &str) -> Vec<String> {
    let found = instructions().into_iter().filter(|(other, _)| other == name);
    found.map(|(_, rest)| rest).collect()
}

/// The variables that the image sets.
fn variables() -> Vec<(String, String)> {
    let pairs = of("ENV").join(" ");
    let pairs = pairs.split_whitespace().map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Whether `.dockerignore` lets a file in: the last of its lines that fits counts. Of Docker's patterns, it has these three.
fn is_sent(path: &str) -> bool {
    let mut is_sent = true;
    for line in read(".dockerignore").lines().filter(|line| !line.is_empty()) {
        let (pattern, lets_in) = match line.strip_prefix('!') {
            Some(pattern) => (pattern, true),
            None => (line, false),
        };
        let fits = match pattern.strip_prefix("**/") {
            Some(name) => path.split('/').any(|part| part == name),
            None => pattern == "*" || Path::new(path).starts_with(pattern),
        };
        assert!(
            !pattern.trim_start_matches("**/").contains(['?', '[']),
            "not understood here: {line}"
        );
        if fits {
            is_sent = lets_in;
        }
    }
    is_sent
}

/// A folder with what Docker would be sent.
fn context() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .unwrap();
    for path in String::from_utf8(listed.stdout)
        .unwrap()
        .split_terminator('\0')
        .filter(|path| is_sent(path))
    {
        let (from, to) = (root().join(path), folder.path().join(path));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        if from.is_symlink() {
            std::os::unix::fs::symlink(from.read_link().unwrap(), to).unwrap();
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
    folder
}

/// What cargo says of the packages in a folder.
fn packages(folder: &Path) -> Vec<Value> {
    let arguments = [
        "metadata",
        "--no-deps",
        "--offline",
        "--locked",
        "--format-version",
        "1",
    ];
    let output = Command::new("cargo")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn what_is_built_and_copied_are_packages_and_programs_of_what_docker_is_sent() {
    let context = context();
    let packages = packages(context.path());
    let command = of("RUN")
        .into_iter()
        .find(|line| line.starts_with("cargo build "))
        .unwrap();
    assert!(command.contains("--locked --release"), "{command}");
    let words: Vec<_> = command.split_whitespace().collect();
    let behind = |flag: &str| {
        let pairs = words.windows(2).filter(move |pair| pair[0] == flag);
        pairs.map(|pair| pair[1]).collect::<Vec<_>>()
    };
    let mut built = Vec::new();
    for name in behind("--package") {
        let package = packages.iter().find(|package| package["name"] == name);
        let targets = package.unwrap_or_else(|| panic!("no package {name}"))["targets"]
            .as_array()
            .unwrap();
        let programs = targets.iter().filter(|target| target["kind"][0] == "bin");
        built.extend(programs.map(|program| program["name"].as_str().unwrap().to_owned()));
    }
    for feature in behind("--features") {
        let (name, feature) = feature.split_once('/').unwrap();
        let package = packages.iter().find(|package| package["name"] == name).unwrap();
        assert!(
            !package["features"][feature].is_null(),
            "{name} has no feature {feature}"
        );
    }
    let copied = of("COPY")
        .into_iter()
        .find(|line| line.starts_with("--from=build "))
        .unwrap();
    let copied: Vec<_> = copied.split(' ').skip(1).collect();
    let (to, programs) = copied.split_last().unwrap();
    assert_eq!(*to, "/usr/local/bin/");
    let folder = format!("{}/target/release/", of("WORKDIR")[0]);
    let mut names: Vec<_> = programs
        .iter()
        .map(|path| path.strip_prefix(&*folder).unwrap().to_owned())
        .collect();
    names.sort();
    built.sort();
    assert_eq!(names, built);
    let started: Vec<String> = serde_json::from_str(&of("ENTRYPOINT")[0]).unwrap();
    assert_eq!(started, ["toolsight-collector"]);
}

#[test]
fn what_goes_in_from_the_repository_is_there_and_sent() {
    let context = context();
    for line in of("COPY").iter().filter(|line| !line.starts_with("--from")) {
        let words: Vec<_> = line.split(' ').collect();
        let (_, sources) = words.split_last().unwrap();
        for source in sources {
            assert!(
                context.path().join(source).exists(),
                "COPY {line}: {source} is not sent"
            );
        }
    }
    // Files that the programs have within them.
    let within = Regex::new(r#"include_(?:str|bytes)!\(\s*"([^"]+)"|#\[folder = "([^"]+)"\]"#).unwrap();
    let mut files = 0;
    for (path, text) in tracked(&[".rs"]) {
        let Some((package, _)) = path.split_once("/src/") else {
            continue;
        };
        for found in within.captures_iter(text.split("#[cfg(test)]").next().unwrap()) {
            let base = match found.get(1) {
                Some(_) => Path::new(&path).parent().unwrap(),
                // Folders are named from where the package begins.
                None => Path::new(package),
            };
            let file = base.join(found.get(1).or(found.get(2)).unwrap().as_str());
            assert!(
                context.path().join(&file).exists(),
                "{path}: {} is not sent",
                file.display()
            );
            files += 1;
        }
    }
    assert!(files > 20, "{files}");
    for large in [
        "target/debug/x",
        "dashboards/ui/node_modules/x",
        "tests/browser/page.mjs",
        ".git/HEAD",
    ] {
        assert!(!is_sent(large), "{large}");
    }
}

#[test]
fn rust_in_the_image_is_not_older_than_the_packages_ask_for() {
    let number = |text: &str| {
        text.split('.')
            .map(|part| part.parse::<u64>().unwrap())
            .collect::<Vec<_>>()
    };
    let image = of("FROM").into_iter().find_map(|line| {
        let version = line.strip_prefix("rust:")?.split('-').next()?;
        Some(number(version))
    });
    let asked = Regex::new(r#"(?m)^rust-version = "([\d.]+)""#).unwrap();
    assert!(image.unwrap() >= number(&asked.captures(&read("Cargo.toml")).unwrap()[1]));
}

#[test]
fn ports_and_folders_of_the_image_are_those_of_the_program_and_of_the_compose_file() {
    let variables = variables();
    let of_image = |name: &str| {
        variables
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.clone())
    };
    let config = config::load(None, |setting| of_image(&setting.variable()), |_| None)
        .unwrap()
        .config;
    let settings = config::settings::SETTINGS.iter().map(|setting| setting.variable());
    let settings: Vec<_> = settings.collect();
    for (name, _) in &variables {
        assert!(settings.contains(name), "{name} is no setting");
    }
    let ports = |config: &Config| [config.listen.grpc, config.listen.http, config.listen.page].map(|at| at.port());
    assert_eq!(ports(&config), ports(&Config::default()));
    let exposed: Vec<u16> = of("EXPOSE")[0].split(' ').map(|port| port.parse().unwrap()).collect();
    assert_eq!(exposed, ports(&config));

    let compose: Value = serde_saphyr::from_str(&read("docker-compose.yml")).unwrap();
    let collector = &compose["services"]["collector"];
    let published = exposed.iter().map(|port| format!("127.0.0.1:{port}:{port}"));
    assert_eq!(collector["ports"], published.collect::<Value>());
    let volume = &of("VOLUME")[0];
    assert!(
        config
            .spool
            .folder
            .as_ref()
            .is_some_and(|folder| folder.starts_with(volume))
    );
    assert_eq!(
        collector["volumes"],
        [format!("collector:{volume}")].into_iter().collect::<Value>()
    );
    let made = of("RUN").into_iter().find(|line| line.contains("useradd")).unwrap();
    let user = &of("USER")[0];
    assert!(made.contains(&format!("--owner {user} --mode 0700 {volume}")), "{made}");
    assert!(made.contains(&format!("--create-home {user}")), "{made}");
    for service in ["collector", "sample"] {
        let service = &compose["services"][service];
        assert_eq!(service["build"]["dockerfile"], "collector/Dockerfile");
        for name in service["environment"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
        {
            assert!(settings.contains(name), "{name} is no setting");
        }
        let words = service["command"].as_array().into_iter().flatten();
        let words = words.map(|word| word.as_str().unwrap());
        let read = args::command().try_get_matches_from(std::iter::once("toolsight-collector").chain(words));
        assert!(read.is_ok(), "{service}: {read:?}");
    }
    let grpc = format!("http://collector:{}", config.listen.grpc.port());
    assert_eq!(compose["services"]["sample"]["command"][2], grpc.as_str());
}
