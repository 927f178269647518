//! The one list of settings, from which the file, the environment, the command line and their documentation are made.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Config, LogFormat};
use crate::store::{Location, LocationError};

/// What the names of all settings begin with in the environment.
pub(super) const PREFIX: &str = "TOOLSIGHT_";

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in the file; the names elsewhere are made from it.
    pub name: &'static str,
    /// What stands for its value in the help.
    pub value: &'static str,
    /// What it does.
    pub help: &'static str,
    pub(super) get: fn(&Config) -> String,
    pub(super) set: fn(&mut Config, &str) -> Result<(), String>,
}

impl Setting {
    /// Its name on the command line, without the dashes in front.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Its name in the environment.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase())
    }

    /// Its value in a configuration, as it would be written; empty where it is not set.
    pub fn value_in(&self, config: &Config) -> String {
        (self.get)(config)
    }
}

/// All settings in the order in which they are documented.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "grpc_listen",
        value: "ADDRESS",
        help: "Where OTLP over gRPC is received",
        get: |config| config.listen.grpc.to_string(),
        set: |config, text| address(text).map(|address| config.listen.grpc = address),
    },
    Setting {
        name: "http_listen",
        value: "ADDRESS",
        help: "Where OTLP over HTTP is received",
        get: |config| config.listen.http.to_string(),
        set: |config, text| address(text).map(|address| config.listen.http = address),
    },
    Setting {
        name: "page_listen",
        value: "ADDRESS",
        help: "Where the page, its API, health and metrics are served",
        get: |config| config.listen.page.to_string(),
        set: |config, text| address(text).map(|address| config.listen.page = address),
    },
    Setting {
        name: "store",
        value: "STORE",
        help: "Which ClickHouse keeps the calls: embedded, embedded:FOLDER or http(s)://user:password@host:8123/database",
        get: |config| {
            config
                .store
                .location
                .as_ref()
                .map_or("embedded".to_owned(), ToString::to_string)
        },
        set: |config, text| location(text).map(|location| config.store.location = location),
    },
    Setting {
        name: "cluster",
        value: "NAME",
        help: "The cluster that the tables of a remote store spread over, as the store's configuration names it",
        get: |config| config.store.cluster.clone().unwrap_or_default(),
        set: |config, text| {
            let cluster = if text.is_empty() { None } else { Some(name(text)?) };
            config.store.cluster = cluster;
            Ok(())
        },
    },
    Setting {
        name: "engine_library",
        value: "FILE",
        help: "The embedded engine's shared library; searched for and fetched where not set",
        get: |config| {
            config
                .store
                .engine_library
                .as_ref()
                .map_or(String::new(), |path| path.display().to_string())
        },
        set: |config, text| {
            config.store.engine_library = (!text.is_empty()).then(|| text.into());
            Ok(())
        },
    },
    Setting {
        name: "allowed_hosts",
        value: "HOSTS",
        help: "Host names, with commas between, that the page answers to besides this machine's own; where it listens to other machines and none is named, it answers to any",
        get: |config| config.page.allowed_hosts.join(","),
        set: |config, text| {
            let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
            config.page.allowed_hosts = hosts.map(str::to_owned).collect();
            Ok(())
        },
    },
    Setting {
        name: "queue_rows",
        value: "ROWS",
        help: "Rows that wait in memory for the store; beyond it senders are asked to come again",
        get: |config| config.queue.rows.to_string(),
        set: |config, text| number(text, 1_000, 10_000_000).map(|rows| config.queue.rows = rows),
    },
    Setting {
        name: "queue_bytes",
        value: "BYTES",
        help: "Memory for these rows and those of requests that are being read, about; beyond it the same happens",
        get: |config| config.queue.bytes.to_string(),
        set: |config, text| number(text, 1 << 20, 1 << 40).map(|bytes| config.queue.bytes = bytes),
    },
    Setting {
        name: "batch_rows",
        value: "ROWS",
        help: "Rows that are inserted together at most",
        get: |config| config.queue.batch_rows.to_string(),
        set: |config, text| number(text, 1, 1_000_000).map(|rows| config.queue.batch_rows = rows),
    },
    Setting {
        name: "batch_milliseconds",
        value: "TIME",
        help: "How long the first row of a batch waits for others",
        get: |config| config.queue.batch_linger.as_millis().to_string(),
        set: |config, text| number(text, 1, 60_000).map(|time| config.queue.batch_linger = milliseconds(time)),
    },
    Setting {
        name: "drain_seconds",
        value: "TIME",
        help: "Time to empty the queue at shutdown; rows left then are lost",
        get: |config| config.queue.drain_time.as_secs().to_string(),
        set: |config, text| number(text, 0, 3_600).map(|time| config.queue.drain_time = seconds(time)),
    },
    Setting {
        name: "instance",
        value: "NAME",
        help: "Name of this collector in the tokens by which the store recognises a repeated batch",
        get: |config| config.queue.instance.clone(),
        set: |config, text| name(text).map(|name| config.queue.instance = name),
    },
    Setting {
        name: "max_body_bytes",
        value: "BYTES",
        help: "Largest request body, as sent and inflated",
        get: |config| config.receive.max_body_bytes.to_string(),
        set: |config, text| number(text, 1_024, 1 << 30).map(|bytes| config.receive.max_body_bytes = bytes),
    },
    Setting {
        name: "max_concurrent_requests",
        value: "COUNT",
        help: "Requests that are read at the same time; their bodies are in memory",
        get: |config| config.receive.max_concurrent_requests.to_string(),
        set: |config, text| number(text, 1, 10_000).map(|count| config.receive.max_concurrent_requests = count),
    },
    Setting {
        name: "body_timeout_seconds",
        value: "TIME",
        help: "Time for a request body to arrive",
        get: |config| config.receive.body_timeout.as_secs().to_string(),
        set: |config, text| number(text, 1, 3_600).map(|time| config.receive.body_timeout = seconds(time)),
    },
    Setting {
        name: "log_format",
        value: "text|json",
        help: "How the collector's own log is written to standard error",
        get: |config| match config.log.format {
            LogFormat::Text => "text".to_owned(),
            LogFormat::Json => "json".to_owned(),
        },
        set: |config, text| log_format(text).map(|format| config.log.format = format),
    },
    Setting {
        name: "log_filter",
        value: "FILTER",
        help: "What the collector logs: a level, or levels by module such as info,toolsight_collector=debug",
        get: |config| config.log.filter.clone(),
        set: |config, text| log_filter(text).map(|filter| config.log.filter = filter),
    },
];

/// The setting of that name.
pub fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("expected an address and a port such as 127.0.0.1:4317, not \"{text}\""))
}

/// The message does not repeat the address, since there may be a password in it.
fn location(text: &str) -> Result<Option<Location>, String> {
    if text == "embedded" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error: LocationError| error.to_string())
}

fn number(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("expected a whole number from {least} to {most}, not \"{text}\""))
}

const fn milliseconds(time: usize) -> Duration {
    Duration::from_millis(time as u64)
}

const fn seconds(time: usize) -> Duration {
    Duration::from_secs(time as u64)
}

fn name(text: &str) -> Result<String, String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(known) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "expected 1 to 64 letters, digits, dots, dashes or underscores, not \"{text}\""
    ))
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("expected \"text\" or \"json\", not \"{text}\"")),
    }
}

fn log_filter(text: &str) -> Result<String, String> {
    let parsed = tracing_subscriber::EnvFilter::try_new(text);
    parsed
        .map(|_| text.to_owned())
        .map_err(|error| format!("expected a log filter such as info, not \"{text}\": {error}"))
}
