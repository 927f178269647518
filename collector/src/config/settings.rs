//! The one list of settings, from which the file, the environment, the command line and their documentation are made.

use super::values::{
    address, days, days_text, durability, location, log_filter, log_format, milliseconds, name, number, path, priority,
    seconds, shown,
};
use super::{Config, Durability, LogFormat, Priority};

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
        get: |config| shown(config.store.engine_library.as_ref()),
        set: |config, text| {
            config.store.engine_library = path(text);
            Ok(())
        },
    },
    Setting {
        name: "engine_port",
        value: "PORT",
        help: "Port on 127.0.0.1 at which the embedded engine answers other programs; 0 for any that is free",
        get: |config| config.store.engine_port.to_string(),
        set: |config, text| number(text, 0, 65_535).map(|port| config.store.engine_port = port as u16),
    },
    Setting {
        name: "engine_memory_bytes",
        value: "BYTES",
        help: "Memory that the embedded engine may use; a question may use half of it",
        get: |config| config.store.engine_memory_bytes.to_string(),
        set: |config, text| {
            number(text, 256 << 20, 1 << 42).map(|bytes| config.store.engine_memory_bytes = bytes as u64)
        },
    },
    Setting {
        name: "retain_calls_days",
        value: "DAYS",
        help: "How long single calls are kept; as the tables were made where not set",
        get: |config| days_text(config.store.retention.calls),
        set: |config, text| days(text).map(|days| config.store.retention.calls = days),
    },
    Setting {
        name: "retain_minutes_days",
        value: "DAYS",
        help: "How long sums by minute are kept; as the tables were made where not set",
        get: |config| days_text(config.store.retention.minutes),
        set: |config, text| days(text).map(|days| config.store.retention.minutes = days),
    },
    Setting {
        name: "retain_hours_days",
        value: "DAYS",
        help: "How long sums by hour are kept; as the tables were made where not set",
        get: |config| days_text(config.store.retention.hours),
        set: |config, text| days(text).map(|days| config.store.retention.hours = days),
    },
    Setting {
        name: "retain_days_days",
        value: "DAYS",
        help: "How long sums by day are kept; as the tables were made where not set",
        get: |config| days_text(config.store.retention.days),
        set: |config, text| days(text).map(|days| config.store.retention.days = days),
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
        name: "tokens_file",
        value: "FILE",
        help: "The bearer tokens that may send and see telemetry, as `token new` writes them; without it everybody may who can connect",
        get: |config| shown(config.security.tokens_file.as_ref()),
        set: |config, text| {
            config.security.tokens_file = path(text);
            Ok(())
        },
    },
    Setting {
        name: "tls_certificate",
        value: "FILE",
        help: "This server's certificates in PEM, its own first; without them nothing is encrypted",
        get: |config| shown(config.security.tls_certificate.as_ref()),
        set: |config, text| {
            config.security.tls_certificate = path(text);
            Ok(())
        },
    },
    Setting {
        name: "tls_key",
        value: "FILE",
        help: "The key of the server's own certificate, in PEM",
        get: |config| shown(config.security.tls_key.as_ref()),
        set: |config, text| {
            config.security.tls_key = path(text);
            Ok(())
        },
    },
    Setting {
        name: "tls_client_ca",
        value: "FILE",
        help: "Certificates in PEM of which one has to have signed each client's own; without them clients need none",
        get: |config| shown(config.security.tls_client_ca.as_ref()),
        set: |config, text| {
            config.security.tls_client_ca = path(text);
            Ok(())
        },
    },
    Setting {
        name: "spool_folder",
        value: "FOLDER",
        help: "Where requests lie until the store has them; beside the embedded store or in the user's data folder where not set",
        get: |config| shown(config.spool.folder.as_ref()),
        set: |config, text| {
            config.spool.folder = path(text);
            Ok(())
        },
    },
    Setting {
        name: "spool_bytes",
        value: "BYTES",
        help: "Disk that these requests may take; beyond it senders are asked to come again",
        get: |config| config.spool.bytes.to_string(),
        set: |config, text| number(text, 4 << 20, 1 << 50).map(|bytes| config.spool.bytes = bytes as u64),
    },
    Setting {
        name: "spool_linger_seconds",
        value: "TIME",
        help: "How long requests stay on disk after the store has confirmed them, in case the machine fails",
        get: |config| config.spool.linger.as_secs().to_string(),
        set: |config, text| number(text, 0, 86_400).map(|time| config.spool.linger = seconds(time)),
    },
    Setting {
        name: "durability",
        value: "fsync|os",
        help: "What a sender's acknowledgement waits for: the disk, or the operating system only, which a power failure loses",
        get: |config| match config.spool.durability {
            Durability::Fsync => "fsync".to_owned(),
            Durability::Os => "os".to_owned(),
        },
        set: |config, text| durability(text).map(|durability| config.spool.durability = durability),
    },
    Setting {
        name: "batch_rows",
        value: "ROWS",
        help: "Rows that are inserted together at most",
        get: |config| config.batch.rows.to_string(),
        set: |config, text| number(text, 1, 1_000_000).map(|rows| config.batch.rows = rows),
    },
    Setting {
        name: "batch_bytes",
        value: "BYTES",
        help: "Memory that the rows of one insert may take, about",
        get: |config| config.batch.bytes.to_string(),
        set: |config, text| number(text, 1 << 20, 1 << 32).map(|bytes| config.batch.bytes = bytes),
    },
    Setting {
        name: "batch_milliseconds",
        value: "TIME",
        help: "How long the first row of a batch waits for others",
        get: |config| config.batch.linger.as_millis().to_string(),
        set: |config, text| number(text, 1, 60_000).map(|time| config.batch.linger = milliseconds(time)),
    },
    Setting {
        name: "drain_seconds",
        value: "TIME",
        help: "Time to bring what waits to the store at shutdown; what is left then stays in the spool",
        get: |config| config.batch.drain_time.as_secs().to_string(),
        set: |config, text| number(text, 0, 3_600).map(|time| config.batch.drain_time = seconds(time)),
    },
    Setting {
        name: "instance",
        value: "NAME",
        help: "Name of this collector in the tokens by which the store recognises a repeated batch",
        get: |config| config.spool.instance.clone(),
        set: |config, text| name(text).map(|name| config.spool.instance = name),
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
        help: "Requests at work at the same time, three quarters of them over one protocol; half as many largest bodies of each \
               protocol fit into memory",
        get: |config| config.receive.max_concurrent_requests.to_string(),
        set: |config, text| number(text, 1, 10_000).map(|count| config.receive.max_concurrent_requests = count),
    },
    Setting {
        name: "max_connections",
        value: "COUNT",
        help: "Connections that each address has open at a time; further ones wait",
        get: |config| config.receive.max_connections.to_string(),
        set: |config, text| number(text, 1, 1_000_000).map(|count| config.receive.max_connections = count),
    },
    Setting {
        name: "body_timeout_seconds",
        value: "TIME",
        help: "Time for a request body to arrive",
        get: |config| config.receive.body_timeout.as_secs().to_string(),
        set: |config, text| number(text, 1, 3_600).map(|time| config.receive.body_timeout = seconds(time)),
    },
    Setting {
        name: "memory_limit_bytes",
        value: "BYTES",
        help: "Memory of the process near which requests are refused; 0 for the limit of its control groups, else the machine's",
        get: |config| config.receive.memory_limit_bytes.to_string(),
        set: |config, text| number(text, 0, 1 << 50).map(|bytes| config.receive.memory_limit_bytes = bytes as u64),
    },
    Setting {
        name: "priority",
        value: "shared|real-time",
        help: "Whether requests share the processors with what else runs, or go before all of it: for a machine of the \
               collector's own",
        get: |config| match config.priority {
            Priority::Shared => "shared".to_owned(),
            Priority::RealTime => "real-time".to_owned(),
        },
        set: |config, text| priority(text).map(|priority| config.priority = priority),
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
