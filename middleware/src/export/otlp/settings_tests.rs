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
fn values_that_mean_nothing_are_refused_with_their_variable() {
    for (variable, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://c"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
    ] {
        let error = target(&[(variable, value)], Signal::Metrics).unwrap_err();
        assert!(error.contains(variable) && error.contains(value), "{error}");
    }
    let error = target(&[("OTEL_EXPORTER_OTLP_HEADERS", "a b=c")], Signal::Traces).unwrap_err();
    assert!(error.contains("a b"), "{error}");
    let half = target(&[("OTEL_EXPORTER_OTLP_CLIENT_KEY", "key.pem")], Signal::Traces).unwrap_err();
    assert!(half.contains("client certificate"), "{half}");
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
    let pace = |variables: &[(&str, &str)]| Environment::of(variables).pace().map_err(|error| error.to_string());
    let second = Duration::from_secs(1);
    let default = Pace::default();
    assert_eq!(pace(&[]), Ok(default));
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
        assert_eq!(pace(&[(variable, "1000")]), Ok(expected), "{variable}");
        let error = pace(&[(variable, "a")]).unwrap_err();
        assert!(error.contains(variable), "{error}");
    }
    assert_eq!(
        pace(&[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1000000")]).unwrap().batch,
        4096
    );
}
