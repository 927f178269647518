//! Puts a configuration together from defaults, file, environment and command line.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
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
/// [`ConfigError`] for the first name or value that is wrong.
pub fn load(
    file: Option<&Path>,
    variable: impl Fn(&Setting) -> Option<String>,
    flag: impl Fn(&Setting) -> Option<String>,
) -> Result<Loaded, ConfigError> {
    let mut loaded = Loaded {
        config: Config::default(),
        sources: vec![Source::Default; SETTINGS.len()],
    };
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
            place: path.display().to_string(),
            message: error.to_string(),
        })?;
        loaded.read_file(path, &text)?;
    }
    for setting in SETTINGS {
        if let Some(value) = variable(setting) {
            loaded.set(setting, &value, Source::Environment(setting.variable()))?;
        }
        if let Some(value) = flag(setting) {
            loaded.set(setting, &value, Source::Flag(format!("--{}", setting.flag())))?;
        }
    }
    loaded.check()?;
    Ok(loaded)
}

impl Loaded {
    /// Every setting with its value and where that comes from.
    pub fn values(&self) -> impl Iterator<Item = (&'static Setting, String, &Source)> {
        SETTINGS
            .iter()
            .zip(&self.sources)
            .map(|(setting, source)| (setting, setting.value_in(&self.config), source))
    }

    fn read_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let line = |position: usize| text[..position.min(text.len())].matches('\n').count() + 1;
        let wrong = |line, message| ConfigError {
            place: format!("{}:{line}", path.display()),
            message,
        };
        let table = DeTable::parse(text).map_err(|error| {
            let position = error.span().map_or(0, |span| span.start);
            wrong(line(position), error.message().replace('\n', ", "))
        })?;
        for (key, value) in table.get_ref() {
            let place = line(key.span().start);
            let setting = setting(key.get_ref()).ok_or_else(|| wrong(place, unknown(key.get_ref())))?;
            let value =
                plain(value).ok_or_else(|| wrong(place, format!("{} has to be a text or a number", setting.name)))?;
            self.set(setting, &value, Source::File(path.to_owned(), place))?;
        }
        Ok(())
    }

    fn set(&mut self, setting: &Setting, value: &str, source: Source) -> Result<(), ConfigError> {
        let wrong = |message| ConfigError {
            place: source.to_string(),
            message: format!("{}: {message}", setting.name),
        };
        (setting.set)(&mut self.config, value).map_err(wrong)?;
        if let Some(index) = SETTINGS.iter().position(|known| known.name == setting.name) {
            self.sources[index] = source;
        }
        Ok(())
    }

    /// What no single setting can know.
    fn check(&self) -> Result<(), ConfigError> {
        let security = &self.config.security;
        let missing = match (&security.tls_certificate, &security.tls_key, &security.tls_client_ca) {
            (Some(_), None, _) => Some(("tls_certificate", "tls_key")),
            (None, Some(_), _) => Some(("tls_key", "tls_certificate")),
            (None, None, Some(_)) => Some(("tls_client_ca", "tls_certificate")),
            _ => None,
        };
        match missing {
            None => Ok(()),
            Some((given, needed)) => Err(ConfigError {
                place: given.to_owned(),
                message: format!("{needed} has to be set too"),
            }),
        }
    }
}

fn plain(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
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
    let similarity = |setting: &&Setting| (strsim::jaro_winkler(setting.name, name) * 1e6) as u64;
    SETTINGS
        .iter()
        .max_by_key(similarity)
        .filter(|setting| similarity(setting) > 800_000)
}

fn unknown(name: &str) -> String {
    match nearest(name) {
        Some(setting) => format!("there is no setting \"{name}\"; did you mean \"{}\"?", setting.name),
        None => format!("there is no setting \"{name}\"; check-config lists all"),
    }
}
