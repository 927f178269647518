//! Puts a configuration together from defaults, file, environment and command line.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::Config;
use super::settings::{PREFIX, SETTINGS, Setting, setting};

/// A configuration and where each of its values comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values in effect.
    pub config: Config,
    sources: Vec<Source>,
}

/// Where a value comes from; later ones win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nothing set it.
    Default,
    /// The file, at this line.
    File(PathBuf, usize),
    /// This environment variable.
    Environment(String),
    /// This flag.
    Flag(String),
}

/// What is wrong with a configuration, where, and what to do; one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConfigError {
    place: String,
    message: String,
}

/// All that is wrong with a configuration; a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path, line) => write!(formatter, "{}:{line}", path.display()),
            Self::Environment(variable) => formatter.write_str(variable),
            Self::Flag(flag) => formatter.write_str(flag),
        }
    }
}

/// Loads the configuration. `variable` and `flag` look up the value of a setting in the environment and on the command
/// line.
///
/// # Errors
/// A [`ConfigError`] for each name and value that is wrong.
pub fn load(
    file: Option<&Path>,
    variable: impl Fn(&Setting) -> Option<String>,
    flag: impl Fn(&Setting) -> Option<String>,
) -> Result<Loaded, ConfigErrors> {
    let mut loaded = Loaded {
        config: Config::default(),
        sources: vec![Source::Default; SETTINGS.len()],
    };
    let mut wrong = Vec::new();
    if let Some(path) = file {
        match std::fs::read_to_string(path) {
            Ok(text) => loaded.read_file(path, &text, &mut wrong),
            Err(error) => wrong.push(ConfigError {
                place: path.display().to_string(),
                message: error.to_string(),
            }),
        }
    }
    for setting in SETTINGS {
        if let Some(value) = variable(setting) {
            wrong.extend(loaded.set(setting, &value, Source::Environment(setting.variable())));
        }
        if let Some(value) = flag(setting) {
            wrong.extend(loaded.set(setting, &value, Source::Flag(format!("--{}", setting.flag()))));
        }
    }
    wrong.extend(loaded.check());
    if wrong.is_empty() {
        Ok(loaded)
    } else {
        Err(ConfigErrors(wrong))
    }
}

impl Loaded {
    /// Every setting with its value and where that comes from.
    pub fn values(&self) -> impl Iterator<Item = (&'static Setting, String, &Source)> {
        SETTINGS
            .iter()
            .zip(&self.sources)
            .map(|(setting, source)| (setting, setting.value_in(&self.config), source))
    }

    fn read_file(&mut self, path: &Path, text: &str, all_wrong: &mut Vec<ConfigError>) {
        let line = |position: usize| text[..position.min(text.len())].matches('\n').count() + 1;
        let wrong = |line, message| ConfigError {
            place: format!("{}:{line}", path.display()),
            message,
        };
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(error) => {
                let position = error.span().map_or(0, |span| span.start);
                all_wrong.push(wrong(line(position), error.message().replace('\n', ", ")));
                return;
            }
        };
        let mut all: Vec<_> = table.get_ref().iter().collect();
        all.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in all {
            let (place, name) = (line(key.span().start), key.get_ref());
            match (setting(name), value.get_ref()) {
                (_, DeValue::Table(section)) => {
                    let names = section.iter().map(|(key, _)| in_section(name, key.get_ref()));
                    all_wrong.extend(names.map(|message| wrong(place, message)));
                }
                (None, _) => all_wrong.push(wrong(place, unknown(name))),
                (Some(setting), value) => match plain(value) {
                    Some(value) => all_wrong.extend(self.set(setting, &value, Source::File(path.to_owned(), place))),
                    None => all_wrong.push(wrong(place, format!("{} has to be a text or a number", setting.name))),
                },
            }
        }
    }

    /// Sets a value; gives what is wrong with it.
    fn set(&mut self, setting: &Setting, value: &str, source: Source) -> Option<ConfigError> {
        if let Err(message) = (setting.set)(&mut self.config, value) {
            return Some(ConfigError {
                place: source.to_string(),
                message: format!("{}: {message}", setting.name),
            });
        }
        if let Some(index) = SETTINGS.iter().position(|known| known.name == setting.name) {
            self.sources[index] = source;
        }
        None
    }

    /// What no single setting can know.
    fn check(&self) -> Option<ConfigError> {
        let security = &self.config.security;
        let missing = match (&security.tls_certificate, &security.tls_key, &security.tls_client_ca) {
            (Some(_), None, _) => Some(("tls_certificate", "tls_key")),
            (None, Some(_), _) => Some(("tls_key", "tls_certificate")),
            (None, None, Some(_)) => Some(("tls_client_ca", "tls_certificate")),
            _ => None,
        };
        missing.map(|(given, needed)| ConfigError {
            place: given.to_owned(),
            message: format!("{needed} has to be set too"),
        })
    }
}

fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}

/// What is to be said about each of these names of environment variables that nobody reads and that is close to one
/// that is read. Others are none of the collector's business, such as those that Kubernetes sets for a service.
pub fn misspelt_variables(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let warning = |variable: String| {
        let name = variable.strip_prefix(PREFIX)?.to_ascii_lowercase();
        if name == "config" || setting(&name).is_some_and(|setting| setting.variable() == variable) {
            return None;
        }
        let meant = nearest(&name)?.variable();
        Some(format!("there is no setting {variable}; did you mean {meant}?"))
    };
    names.into_iter().filter_map(warning).collect()
}

fn nearest(name: &str) -> Option<&'static Setting> {
    // Words may stand in another order.
    let turned = name.rsplit('_').collect::<Vec<_>>().join("_");
    let similarity = |setting: &&Setting| {
        let as_written = strsim::jaro_winkler(setting.name, name);
        (as_written.max(strsim::jaro_winkler(setting.name, &turned)) * 1e6) as u64
    };
    SETTINGS
        .iter()
        .max_by_key(similarity)
        .filter(|setting| similarity(setting) > 800_000)
}

/// What is to be said of a setting that is written in a section, as other programs have them.
fn in_section(section: &str, name: &str) -> String {
    let joined = format!("{section}_{name}");
    let meant = setting(&joined).or_else(|| setting(name)).or_else(|| nearest(&joined));
    let advice = meant.map_or_else(
        || "check-config lists all".to_owned(),
        |setting| format!("did you mean \"{}\"?", setting.name),
    );
    format!("there is no section \"{section}\" with \"{name}\", all settings stand at the top; {advice}")
}

fn unknown(name: &str) -> String {
    match nearest(name) {
        Some(setting) => format!("there is no setting \"{name}\"; did you mean \"{}\"?", setting.name),
        None => format!("there is no setting \"{name}\"; check-config lists all"),
    }
}
