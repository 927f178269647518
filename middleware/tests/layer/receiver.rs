//! An OTLP receiver that keeps what it gets: gRPC and HTTP at one address, plain or with TLS.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response as HttpResponse};
use axum::routing::post;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};
use toolsight::Toolsight;

/// What the receiver answers to requests with spans; metrics are taken whenever they are answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Take,
    /// Takes them but for so many.
    Reject(i64),
    /// With gRPC.
    Status(Status),
    /// With HTTP.
    Http(StatusCode, &'static [(&'static str, &'static str)]),
}

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Spans,
    Metrics,
}

#[derive(Clone, Default)]
pub(crate) struct Received {
    spans: Arc<Mutex<Vec<Span>>>,
    metrics: Arc<Mutex<Vec<ExportMetricsServiceRequest>>>,
    /// Headers of the last request.
    headers: Arc<Mutex<HeaderMap>>,
    /// Answers to the next requests; once they are used up, everything is taken.
    answers: Arc<Mutex<Vec<Answer>>>,
    asked: Arc<AtomicUsize>,
    /// Requests with this get no answer for now.
    away: Arc<watch::Sender<Option<Signal>>>,
}

impl Received {
    /// From now on nobody answers requests with this; those that are waiting get their answer when somebody does.
    pub(crate) fn be_away(&self, away: Option<Signal>) {
        self.away.send_replace(away);
    }

    async fn be_back(&self, signal: Signal) {
        let mut away = self.away.subscribe();
        away.wait_for(|away| *away != Some(signal)).await.unwrap();
    }

    /// Answers the next requests with these, in order.
    pub(crate) fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let received = Self::default();
        received.answers.lock().unwrap().extend(answers);
        received
    }

    fn next_answer(&self) -> Answer {
        let mut answers = self.answers.lock().unwrap();
        if answers.is_empty() {
            Answer::Take
        } else {
            answers.remove(0)
        }
    }

    fn keep(&self, headers: HeaderMap, request: ExportTraceServiceRequest) {
        *self.headers.lock().unwrap() = headers;
        let resources = request.resource_spans.into_iter();
        let spans = resources
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans);
        self.spans.lock().unwrap().extend(spans);
    }

    async fn http_traces(State(this): State<Self>, headers: HeaderMap, body: Bytes) -> HttpResponse {
        this.asked.fetch_add(1, Relaxed);
        this.be_back(Signal::Spans).await;
        let partial_success = match this.next_answer() {
            Answer::Http(status, fields) => {
                let mut response = status.into_response();
                for (name, value) in fields {
                    response.headers_mut().insert(*name, value.parse().unwrap());
                }
                return response;
            }
            Answer::Reject(rejected_spans) => Some(ExportTracePartialSuccess {
                rejected_spans,
                error_message: String::new(),
            }),
            _ => None,
        };
        let body = decoded(&headers, &body);
        this.keep(headers, ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
        ExportTraceServiceResponse { partial_success }
            .encode_to_vec()
            .into_response()
    }

    async fn http_metrics(State(this): State<Self>, headers: HeaderMap, body: Bytes) -> Vec<u8> {
        this.be_back(Signal::Metrics).await;
        let body = decoded(&headers, &body);
        let request = ExportMetricsServiceRequest::decode(body.as_slice()).unwrap();
        this.metrics.lock().unwrap().push(request);
        Vec::new()
    }
}

fn decoded(headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    match headers.get("content-encoding") {
        Some(encoding) if encoding == "gzip" => {
            let mut decoder = flate2::read::GzDecoder::new(body);
            std::io::Read::read_to_end(&mut decoder, &mut decoded).unwrap();
        }
        _ => decoded.extend_from_slice(body),
    }
    decoded
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.asked.fetch_add(1, Relaxed);
        self.be_back(Signal::Spans).await;
        let partial_success = match self.next_answer() {
            Answer::Status(status) => return Err(status),
            Answer::Reject(rejected_spans) => Some(ExportTracePartialSuccess {
                rejected_spans,
                error_message: String::new(),
            }),
            _ => None,
        };
        let headers = request.metadata().clone().into_headers();
        self.keep(headers, request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

#[tonic::async_trait]
impl MetricsService for Received {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.be_back(Signal::Metrics).await;
        self.metrics.lock().unwrap().push(request.into_inner());
        Ok(Response::new(Default::default()))
    }
}

impl Received {
    /// Starts receiving at `address`; port 0 takes any.
    pub(crate) async fn start(&self, address: SocketAddr) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = self.app();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (address, task)
    }

    /// Starts receiving with TLS at any port of this machine.
    pub(crate) async fn start_tls(&self, config: rustls::ServerConfig) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, app) = (TlsAcceptor::from(Arc::new(config)), self.app());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, app) = (acceptor.clone(), app.clone());
                tokio::spawn(async move {
                    // A client that this server does not trust, or that does not trust it.
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = TowerToHyperService::new(app);
                    let server = auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        address
    }

    fn app(&self) -> Router {
        let traces = TraceServiceServer::new(self.clone()).accept_compressed(CompressionEncoding::Gzip);
        let metrics = MetricsServiceServer::new(self.clone()).accept_compressed(CompressionEncoding::Gzip);
        let grpc = tonic::service::Routes::new(traces).add_service(metrics);
        Router::new()
            .route("/v1/traces", post(Self::http_traces))
            .route("/v1/metrics", post(Self::http_metrics))
            .with_state(self.clone())
            .merge(grpc.into_axum_router())
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }

    /// Requests with spans so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let headers = self.headers.lock().unwrap();
        Some(headers.get(name)?.to_str().unwrap().to_owned())
    }

    /// Everything received, as bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for span in self.spans.lock().unwrap().iter() {
            span.encode(&mut bytes).unwrap();
        }
        for metrics in self.metrics.lock().unwrap().iter() {
            metrics.encode(&mut bytes).unwrap();
        }
        bytes
    }

    /// Names of the metrics received.
    pub(crate) fn metrics(&self) -> Vec<String> {
        let requests = self.metrics.lock().unwrap();
        metrics_of(&requests).map(|metric| metric.name.clone()).collect()
    }

    /// What the metric of this name counted last, with all of its attributes.
    pub(crate) fn counted(&self, name: &str) -> u64 {
        let requests = self.metrics.lock().unwrap();
        let last = metrics_of(&requests).filter(|metric| metric.name == name).last();
        match last.and_then(|metric| metric.data.as_ref()) {
            Some(Data::Histogram(histogram)) => histogram.data_points.iter().map(|point| point.count).sum(),
            Some(Data::Sum(sum)) => sum
                .data_points
                .iter()
                .map(|point| match point.value {
                    Some(Number::AsInt(count)) => u64::try_from(count).unwrap(),
                    _ => 0,
                })
                .sum(),
            _ => 0,
        }
    }

    /// The spans once there are `count` of them. An export that is tried again may take half a minute to be.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Span> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
        while self.spans().len() < count {
            assert!(
                tokio::time::Instant::now() < deadline,
                "only {} of {count} spans arrived",
                self.spans().len()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.spans()
    }
}

fn metrics_of(requests: &[ExportMetricsServiceRequest]) -> impl Iterator<Item = &Metric> {
    let resources = requests.iter().flat_map(|request| &request.resource_metrics);
    let scopes = resources.flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| &scope.metrics)
}

/// A receiver, and a layer with all defaults that sends to it.
pub(crate) async fn observing() -> (Received, Toolsight) {
    let received = Received::default();
    let (address, _) = received.start(([127, 0, 0, 1], 0).into()).await;
    let toolsight = Toolsight::builder().endpoint(format!("http://{address}")).build();
    (received, toolsight.unwrap())
}

/// The attributes of a span as text.
pub(crate) fn attributes(span: &Span) -> BTreeMap<&str, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let value = |attribute: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        attribute
            .value
            .as_ref()
            .and_then(|value| value.value.as_ref())
            .map(text)
            .unwrap_or_default()
    };
    span.attributes
        .iter()
        .map(|attribute| (attribute.key.as_str(), value(attribute)))
        .collect()
}
