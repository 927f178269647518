use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use opentelemetry_sdk::metrics::Temporality;

use super::*;
use crate::export::otlp::environment::Pace;

fn target(variables: &[(&str, &str)], signal: Signal) -> Result<Target, String> {
    let config = OtlpConfig {
        environment: Environment::of(variables),
        ..OtlpConfig::default()
    };
    let target = config.target(signal).map_err(|error| error.to_string())?;
    target.ok_or_else(|| "off".to_owned())
}

#[test]
fn the_address_comes_from_the_signal_s_own_variable_else_from_that_of_all() {
    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    const PROTOCOL: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    for (case, variables, expected) in [
        ("nothing told", &[][..], "http://127.0.0.1:4317/"),
        ("HTTP", &[PROTOCOL], "http://127.0.0.1:4318/v1/traces"),
        ("gRPC", &[(ALL, "http://c:1")], "http://c:1/"),
        ("gRPC without a scheme", &[(ALL, "c:1")], "https://c:1/"),
        (
            "gRPC without a scheme and without TLS",
            &[(ALL, "c:1"), ("OTEL_EXPORTER_OTLP_INSECURE", "true")],
            "http://c:1/",
        ),
        (
            "HTTP of all",
            &[PROTOCOL, (ALL, "https://c/otlp/")],
            "https://c/otlp/v1/traces",
        ),
        (
            "HTTP of this signal",
            &[PROTOCOL, (ALL, "https://c"), (TRACES, "https://t/in")],
            "https://t/in",
        ),
        (
            "an empty value is none",
            &[(ALL, "http://c:1"), (TRACES, "")],
            "http://c:1/",
        ),
        (
            "of another signal",
            &[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://m:1")],
            "http://127.0.0.1:4317/",
        ),
    ] {
        let target = target(variables, Signal::Traces).unwrap();
        assert_eq!(target.address.to_string(), expected, "{case}");
    }
}

#[test]
fn values_that_mean_nothing_are_warned_of_and_count_as_not_set() {
    let settings = |variables: &[(&str, &str)]| {
        let config = OtlpConfig {
            environment: Environment::of(variables),
            ..OtlpConfig::default()
        };
        let environment = &config.environment;
        let off = environment.disabled();
        // Both signals read the variable, and one warning tells of it.
        let [_, target] = [Signal::Traces, Signal::Metrics].map(|signal| config.target(signal).unwrap());
        let Target {
            protocol,
            address,
            headers,
            timeout,
            gzip,
            tls,
        } = target.unwrap();
        let target = (protocol, address, headers, timeout, gzip, tls);
        (off, environment.temporality(), environment.pace(), target)
    };
    let default = settings(&[]);
    for (variable, value) in [
        ("OTEL_SDK_DISABLED", "1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "low-memory"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "many"),
        ("OTEL_BSP_SCHEDULE_DELAY", "5.5"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "30s"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "-5"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "never"),
    ] {
        let (told, log) = logged(|| settings(&[(variable, value)]));
        assert_eq!(told, default, "{variable}={value}");
        assert_eq!(log.lines().count(), 1, "{variable}={value}: {log}");
        assert!(log.contains("WARN") && log.contains(variable), "{log}");
    }
    let both = [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "7"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "soon"),
    ];
    let told = target(&both, Signal::Metrics).unwrap();
    assert_eq!(told.timeout, Duration::from_millis(7), "the one of all counts");
    let secret = [("OTEL_EXPORTER_OTLP_HEADERS", "authorization=a\nb,x-a=1")];
    let (told, log) = logged(|| target(&secret, Signal::Metrics).unwrap());
    assert_eq!(told.headers["x-a"], "1");
    assert!(log.contains("authorization") && !log.contains("a\nb"), "{log}");
}

#[test]
fn addresses_files_and_headers_that_cannot_be_used_are_refused() {
    let told = [("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://c")];
    let error = target(&told, Signal::Metrics).unwrap_err();
    assert!(error.contains(told[0].0) && error.contains(told[0].1), "{error}");
    let half = target(&[("OTEL_EXPORTER_OTLP_CLIENT_KEY", "key.pem")], Signal::Traces).unwrap_err();
    assert!(half.contains("client certificate"), "{half}");
    let config = OtlpConfig {
        headers: vec![("a b".to_owned(), "c".to_owned())],
        environment: Environment::of(&[]),
        ..OtlpConfig::default()
    };
    let error = config.target(Signal::Traces).unwrap_err().to_string();
    assert!(error.contains("a b"), "{error}");
}

#[test]
fn headers_are_decoded_and_those_of_the_builder_come_last() {
    let config = OtlpConfig {
        headers: vec![("x-b".to_owned(), "builder".to_owned())],
        environment: Environment::of(&[("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t=1, x-b=told")]),
        ..OtlpConfig::default()
    };
    let headers = config.target(Signal::Traces).unwrap().unwrap().headers;
    assert_eq!(headers["authorization"], "Bearer t=1");
    assert_eq!(headers["x-b"], "builder");
    let shown = format!("{config:?} {headers:?}");
    assert!(!shown.contains("Bearer") && !shown.contains("builder"), "{shown}");
}

#[test]
fn options_of_the_builder_come_before_the_environment() {
    let variables = [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "told.pem"),
    ];
    let told = target(&variables, Signal::Metrics).unwrap();
    assert_eq!((told.timeout, told.gzip), (Duration::from_secs(2), false));
    assert_eq!(told.tls.authority, Some("told.pem".into()));
    let config = OtlpConfig {
        timeout: Some(Duration::from_secs(1)),
        gzip: true,
        ca_certificate: Some("own.pem".into()),
        environment: Environment::of(&variables),
        ..OtlpConfig::default()
    };
    let own = config.target(Signal::Metrics).unwrap().unwrap();
    assert_eq!((own.timeout, own.gzip), (Duration::from_secs(1), true));
    assert_eq!(own.tls.authority, Some("own.pem".into()));
}

#[test]
fn what_is_good_for_other_exporters_of_the_process_is_no_error() {
    let json = target(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")], Signal::Traces).unwrap();
    assert_eq!(json.protocol, Protocol::HttpProtobuf);
    assert_eq!(json.address, "http://127.0.0.1:4318/v1/traces");
    for (variable, value, traces, metrics) in [
        ("OTEL_TRACES_EXPORTER", "none", false, true),
        ("OTEL_METRICS_EXPORTER", "None", true, false),
        ("OTEL_METRICS_EXPORTER", "prometheus", true, true),
        ("OTEL_TRACES_EXPORTER", "", true, true),
    ] {
        let sent = [Signal::Traces, Signal::Metrics].map(|signal| target(&[(variable, value)], signal).is_ok());
        assert_eq!(sent, [traces, metrics], "{variable}={value}");
    }
}

#[test]
fn the_pace_is_that_of_the_environment() {
    let pace = |variable, value| Environment::of(&[(variable, value)]).pace();
    let second = Duration::from_secs(1);
    let default = Pace::default();
    for (variable, expected) in [
        (
            "OTEL_BSP_MAX_QUEUE_SIZE",
            Pace {
                queue_records: 1000,
                ..default
            },
        ),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", Pace { batch: 1000, ..default }),
        (
            "OTEL_BSP_SCHEDULE_DELAY",
            Pace {
                linger: second,
                ..default
            },
        ),
        (
            "OTEL_BSP_EXPORT_TIMEOUT",
            Pace {
                retry_for: second,
                ..default
            },
        ),
        (
            "OTEL_METRIC_EXPORT_INTERVAL",
            Pace {
                metric_interval: second,
                ..default
            },
        ),
        (
            "OTEL_METRIC_EXPORT_TIMEOUT",
            Pace {
                metrics_within: second,
                ..default
            },
        ),
    ] {
        assert_eq!(pace(variable, "1000"), expected, "{variable}");
    }
    assert_eq!(pace("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1000000").batch, 4096);
    assert_eq!(pace("OTEL_BSP_SCHEDULE_DELAY", "0").linger, Duration::ZERO);
    assert_eq!(pace("OTEL_METRIC_EXPORT_INTERVAL", "0").metric_interval, second / 10);
    for variable in ["OTEL_BSP_EXPORT_TIMEOUT", "OTEL_METRIC_EXPORT_TIMEOUT"] {
        let pace = pace(variable, "0");
        let longest = pace.retry_for.max(pace.metrics_within);
        assert!(longest > 24 * 3600 * second, "{variable}: a timeout of 0 is none");
    }
}

#[test]
fn every_variable_that_is_read_stands_in_the_readme_with_its_default() {
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let noted = asked.clone();
    let config = OtlpConfig {
        environment: Environment::from(move |name: &str| {
            noted.lock().unwrap().insert(name.to_owned());
            // What is read only of an address without a scheme.
            (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "c:1".to_owned())
        }),
        ..OtlpConfig::default()
    };
    let environment = &config.environment;
    environment.disabled();
    environment.temporality();
    let pace = environment.pace();
    for signal in [Signal::Traces, Signal::Metrics] {
        config.target(signal).unwrap();
    }
    let readme = include_str!("../../../README.md");
    let row = |name: &str| readme.lines().find(|line| line.contains(&format!("`{name}`")));
    let mut asked = asked.lock().unwrap().clone();
    // These the SDK reads, see `resource`.
    asked.extend(["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"].map(str::to_owned));
    for name in &asked {
        // Its form for one signal stands there as such.
        let of_all = ["TRACES", "METRICS"].map(|signal| name.replace(&format!("OTLP_{signal}_"), "OTLP_"));
        let is_told = of_all.iter().chain([name]).any(|name| row(name).is_some());
        assert!(is_told, "{name}");
    }
    assert!(asked.len() > 30, "{asked:?}");
    let milliseconds = |time: Duration| thousands(time.as_millis());
    for (name, default) in [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", format!("else {} s", TIMEOUT.as_secs())),
        (
            "OTEL_METRIC_EXPORT_INTERVAL",
            format!("else {} s", pace.metric_interval.as_secs()),
        ),
        (
            "OTEL_BSP_MAX_QUEUE_SIZE",
            format!("else {}", thousands(pace.queue_records as u128)),
        ),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", format!("; {} where", pace.batch)),
        ("OTEL_BSP_SCHEDULE_DELAY", format!("; {} |", milliseconds(pace.linger))),
        (
            "OTEL_BSP_EXPORT_TIMEOUT",
            format!("; {} |", milliseconds(pace.retry_for)),
        ),
        (
            "OTEL_METRIC_EXPORT_TIMEOUT",
            format!("; {} |", milliseconds(pace.metrics_within)),
        ),
    ] {
        let row = row(name).unwrap();
        assert!(row.contains(&default), "{default}: {row}");
    }
}

/// With a comma before each three digits.
fn thousands(number: u128) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", thousands(number / 1000), number % 1000),
    }
}

#[test]
fn metrics_are_cumulative_unless_they_are_told_not_to_be() {
    for (value, expected) in [
        ("", Temporality::Cumulative),
        ("cumulative", Temporality::Cumulative),
        ("delta", Temporality::Delta),
        (" Delta ", Temporality::Delta),
        ("LOWMEMORY", Temporality::LowMemory),
    ] {
        let environment = Environment::of(&[("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", value)]);
        let (told, log) = logged(|| environment.temporality());
        assert_eq!((told, &*log), (expected, ""), "{value}");
    }
}

/// What is done, and what is logged meanwhile.
fn logged<T>(act: impl FnOnce() -> T) -> (T, String) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(Mutex::new(log.clone())).finish();
    let done = tracing::subscriber::with_default(subscriber, act);
    let log = log.0.lock().unwrap();
    (done, String::from_utf8_lossy(&log).into_owned())
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn each_option_has_a_variable_of_all_signals_and_one_of_its_own_that_comes_before_it() {
    type Read = fn(&Target) -> String;
    let cases: [(&str, &str, &str, Read); 7] = [
        ("ENDPOINT", "http://a/", "http://b/", |target| {
            target.address.to_string()
        }),
        ("PROTOCOL", "http/protobuf", "grpc", |target| match target.protocol {
            Protocol::Grpc => "grpc".to_owned(),
            Protocol::HttpProtobuf => "http/protobuf".to_owned(),
        }),
        ("HEADERS", "x-a=1", "x-a=2", |target| {
            format!("x-a={}", target.headers["x-a"].to_str().unwrap())
        }),
        ("TIMEOUT", "1000", "2000", |target| {
            target.timeout.as_millis().to_string()
        }),
        ("COMPRESSION", "gzip", "none", |target| {
            if target.gzip { "gzip" } else { "none" }.to_owned()
        }),
        ("CERTIFICATE", "a.pem", "b.pem", |target| {
            target.tls.authority.as_ref().unwrap().display().to_string()
        }),
        ("CLIENT_KEY", "a.key", "b.key", |target| {
            target.tls.client.as_ref().unwrap().1.display().to_string()
        }),
    ];
    for (option, of_all, own, read) in cases {
        let all_name = format!("OTEL_EXPORTER_OTLP_{option}");
        for (signal, other) in [(Signal::Traces, Signal::Metrics), (Signal::Metrics, Signal::Traces)] {
            let own_name = format!("OTEL_EXPORTER_OTLP_{}_{option}", signal.variable());
            let certificate = ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "c.pem");
            let both = [(&*all_name, of_all), (&*own_name, own), certificate];
            let variables = if option == "CLIENT_KEY" { &both[..] } else { &both[..2] };
            assert_eq!(read(&target(variables, signal).unwrap()), own, "{own_name}");
            assert_eq!(read(&target(variables, other).unwrap()), of_all, "{all_name}");
        }
    }
}
