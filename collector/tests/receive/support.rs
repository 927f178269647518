//! A collector on free ports, a sink that can be down, and the smallest HTTP client.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use toolsight_collector::api::{self, AllowedHosts, ApiState};
use toolsight_collector::auth::Access;
use toolsight_collector::collector::{Collector, Listeners};
use toolsight_collector::config::Config;
use toolsight_collector::pipeline::{InsertError, Sink};
use toolsight_collector::row::Row;
use toolsight_collector::store::{Block, StoreState};
use toolsight_collector::telemetry::Metrics;
use toolsight_collector::tls::Tls;

#[path = "../support/native.rs"]
pub(crate) mod native;

/// Keeps rows by token, as a store does; answers "retry" while it is down.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    batches: Arc<Mutex<BTreeMap<String, Vec<Row<'static>>>>>,
    down: Arc<AtomicBool>,
}

impl Sink for Kept {
    async fn insert(&self, block: &Block, token: &str) -> Result<(), InsertError> {
        if self.down.load(Ordering::Relaxed) {
            return Err(InsertError::Retryable("down".to_owned()));
        }
        self.batches
            .lock()
            .unwrap()
            .entry(token.to_owned())
            .or_insert_with(|| native::rows(block));
        Ok(())
    }
}

impl Kept {
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    pub(crate) fn rows(&self) -> Vec<Row<'static>> {
        self.batches.lock().unwrap().values().flatten().cloned().collect()
    }

    /// How many rows each batch has.
    pub(crate) fn batches(&self) -> Vec<usize> {
        self.batches.lock().unwrap().values().map(Vec::len).collect()
    }

    /// The rows once there are this many.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Row<'static>> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let rows = self.rows();
            if rows.len() >= count {
                return rows;
            }
            assert!(Instant::now() < deadline, "{} of {count} rows came", rows.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The API of a collector whose store is starting.
fn state(metrics: &Metrics) -> ApiState {
    let (_, store) = watch::channel(StoreState::Starting);
    let (_, tool_health) = watch::channel(None);
    ApiState::new(
        clickhouse::Client::default(),
        store,
        "remote",
        tool_health,
        metrics.clone(),
    )
}

/// A running collector and what belongs to it.
pub(crate) struct Running {
    pub(crate) collector: Collector,
    pub(crate) sink: Kept,
    pub(crate) metrics: Metrics,
    pub(crate) folder: Arc<TempDir>,
}

impl Running {
    /// Starts a collector on free ports that inserts without delay, changed by `change`.
    pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let sink = Kept::default();
        Self {
            sink: sink.clone(),
            ..Self::with(sink, change).await
        }
    }

    /// The same with another sink.
    pub(crate) async fn with(sink: impl Sink, change: impl FnOnce(&mut Config)) -> Self {
        Self::in_folder(Arc::new(tempfile::tempdir().unwrap()), sink, change).await
    }

    /// The same with the spool of an earlier one.
    pub(crate) async fn in_folder(folder: Arc<TempDir>, sink: impl Sink, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Self::anywhere();
        config.batch.linger = Duration::from_millis(1);
        change(&mut config);
        let metrics = Metrics::new().unwrap();
        let access = Access::open(config.security.tokens_file.as_deref(), &metrics)
            .await
            .unwrap();
        let tls = Tls::open(&config.security, &metrics).await.unwrap();
        let listeners = Listeners::bind(&config.listen).await.unwrap().guarded_by(access, tls);
        let page = api::router(state(&metrics), AllowedHosts::new(config.listen.page, &[]));
        let collector = Collector::start(&config, listeners, sink, folder.path(), page, &metrics).unwrap();
        Self {
            collector,
            sink: Kept::default(),
            metrics,
            folder,
        }
    }

    /// The defaults on free ports.
    pub(crate) fn anywhere() -> Config {
        let mut config = Config::default();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        (config.listen.grpc, config.listen.http, config.listen.page) = (free, free, free);
        config
    }

    /// Every span is accounted for, and so is every row. Counters are not read at one moment, so a batch on its way may
    /// have to arrive first.
    pub(crate) async fn check_ledger(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let (spans, rows) = self.ledger();
            if spans.0 == spans.1 && rows.0 == rows.1 {
                return;
            }
            assert!(Instant::now() < deadline, "spans {spans:?}, rows {rows:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Spans that came and what became of them, rows that came and what became of them.
    fn ledger(&self) -> ((u64, u64), (u64, u64)) {
        let metrics = &self.metrics;
        let all = |name: &str| self.sum(name);
        let became = all("spans_refused") + all("spans_ignored") + metrics.spans_duplicate.get();
        let spooled = metrics.spans_spooled.get();
        let rows = metrics.rows_inserted.get() + all("rows_lost") + metrics.rows_queued.get() as u64;
        let came = spooled + metrics.rows_recovered.get();
        ((all("spans_received"), became + spooled), (came, rows))
    }

    /// The sum of a counter over all labels.
    fn sum(&self, name: &str) -> u64 {
        let families = self.metrics.registry.gather();
        let family = families
            .iter()
            .find(|family| family.name() == format!("toolsight_{name}_total"));
        let metrics = family.map_or(&[][..], |family| family.get_metric());
        metrics
            .iter()
            .map(|metric| metric.get_counter().get_value() as u64)
            .sum()
    }

    /// The value of a counter with one label.
    pub(crate) fn count(&self, name: &str, label: &str) -> u64 {
        let families = self.metrics.registry.gather();
        let family = families
            .iter()
            .find(|family| family.name() == format!("toolsight_{name}_total"));
        let metrics = family.map_or(&[][..], |family| family.get_metric());
        let labelled = metrics
            .iter()
            .find(|metric| metric.get_label().iter().any(|pair| pair.value() == label));
        labelled.map_or(0, |metric| metric.get_counter().get_value() as u64)
    }

    /// Posts a body to the HTTP receiver.
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send("POST", path, headers, body).await
    }

    /// Sends a request to the HTTP receiver, as HTTP/1.1 on a connection of its own.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: collector\r\nconnection: close\r\n");
        head += &format!("content-length: {}\r\n", body.len());
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(self.collector.addresses().http).await.unwrap();
        stream.write_all((head + "\r\n").as_bytes()).await.unwrap();
        // The collector may answer and close before it has read everything.
        let _ = stream.write_all(body).await;
        Answer::read(&mut stream).await
    }
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            bytes.extend_from_slice(&buffer[..count]);
        }
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("the response has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            status,
            head,
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

pub(crate) fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// A server span of a `tools/call` of this tool that took 1.5 ms.
pub(crate) fn call(tool: &str) -> Span {
    Span {
        trace_id: vec![0xab; 16],
        span_id: vec![0xcd; 8],
        name: format!("tools/call {tool}"),
        kind: 2,
        start_time_unix_nano: now(),
        end_time_unix_nano: now() + 1_500_000,
        attributes: vec![text("mcp.method.name", "tools/call"), text("gen_ai.tool.name", tool)],
        ..Span::default()
    }
}

pub(crate) fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: vec![text("service.name", "ledger")],
        ..Resource::default()
    };
    let scope_spans = vec![ScopeSpans {
        spans,
        ..ScopeSpans::default()
    }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans,
            ..ResourceSpans::default()
        }],
    }
}

pub(crate) fn targets<'a>(rows: &'a [Row<'_>]) -> Vec<&'a str> {
    rows.iter().map(|row| &*row.target).collect()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");
pub(crate) const GZIP: (&str, &str) = ("content-encoding", "gzip");
