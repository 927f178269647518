//! A sender of OTLP that knows what it sent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tonic::transport::{Channel, Endpoint};

/// Sessions of each sender.
const SESSIONS: u64 = 11;
/// Seconds over which the times of calls are spread.
const SCATTERED: u64 = 120;
/// Users, who are the same for all senders.
const USERS: u64 = 7;
/// A collector that was killed answers nothing; what is asked for again too early is known by its digest.
const ANSWERED: Duration = Duration::from_secs(5);

/// Tenant of all calls.
pub(crate) const TENANT: &str = "acme";

/// Sends requests of numbered calls, each again until it is acknowledged.
pub(crate) struct Sender {
    client: Client,
    /// In the ids of its calls, so that no other sender has the same.
    pub(crate) name: String,
    /// Calls of which each was acknowledged: those with the numbers below.
    pub(crate) calls: u64,
    /// Calls that were sent once more because nobody acknowledged them.
    pub(crate) sent_again: u64,
    /// Bytes that each request has besides, of which nothing is stored.
    pub(crate) padding: usize,
}

impl Sender {
    pub(crate) fn new(name: &str) -> Self {
        let client = Client::builder().timeout(ANSWERED).build().unwrap();
        Self {
            client,
            name: name.to_owned(),
            calls: 0,
            sent_again: 0,
            padding: 0,
        }
    }

    /// How many of the acknowledged calls ended as a failure of the tool: those with even numbers.
    pub(crate) fn failures(&self) -> u64 {
        self.calls.div_ceil(2)
    }

    /// The next request, of so many calls. It counts once it is [`Sender::send`]t.
    pub(crate) fn request(&self, calls: u64) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let span = |number: u64| {
            // They come in no order of time.
            let begin = now - u128::from(number * 7_919 % SCATTERED) * 1_000_000_000;
            let mut attributes = vec![
                text("mcp.method.name", "tools/call"),
                text("gen_ai.tool.name", "echo"),
                text("jsonrpc.request.id", &format!("{}-{number}", self.name)),
                text("mcp.session.id", &format!("{}-{}", self.name, number % SESSIONS)),
                text("user.id", &format!("user{}", number % USERS)),
                text("toolsight.tenant", TENANT),
                text("toolsight.definition.hash", "00000000000000a1"),
            ];
            if number.is_multiple_of(2) {
                attributes.push(text("error.type", "tool_error"));
                attributes.push(text("error.message", &format!("no row {number}")));
            }
            json!({
                "traceId": format!("{:032x}", number + 1),
                "spanId": format!("{:016x}", number + 1),
                "name": "tools/call echo",
                "kind": 2,
                "startTimeUnixNano": begin.to_string(),
                "endTimeUnixNano": (begin + 1_000_000).to_string(),
                "attributes": attributes,
            })
        };
        let spans: Vec<_> = (self.calls..self.calls + calls).map(span).collect();
        let resource = [
            text("service.name", "ledger"),
            text("app.padding", &"x".repeat(self.padding)),
        ];
        json!({"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [{"spans": spans}]}]})
    }

    /// The status of its [`Sender::answer`].
    pub(crate) async fn post(&self, http: &str, request: &Value) -> Option<StatusCode> {
        Some(self.answer(http, request).await?.status())
    }

    /// Sends a request once; `None` if there is no answer.
    pub(crate) async fn answer(&self, http: &str, request: &Value) -> Option<Response> {
        let sent = self.client.post(format!("{http}/v1/traces")).json(request).send();
        sent.await.ok()
    }

    /// Sends the next request of so many calls, as JSON over HTTP, until it is acknowledged.
    pub(crate) async fn send(&mut self, http: &str, calls: u64) {
        let request = self.request(calls);
        while self.post(http, &request).await != Some(StatusCode::OK) {
            self.wait_to_send_again(calls).await;
        }
        self.calls += calls;
    }

    /// Sends the next request of so many calls, as protobuf over gRPC, until it is acknowledged.
    pub(crate) async fn send_by_grpc(&mut self, grpc: &Channel, calls: u64) {
        let request: ExportTraceServiceRequest = serde_json::from_value(self.request(calls)).unwrap();
        let mut client = TraceServiceClient::new(grpc.clone());
        while client.export(request.clone()).await.is_err() {
            self.wait_to_send_again(calls).await;
        }
        self.calls += calls;
    }

    async fn wait_to_send_again(&mut self, calls: u64) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.sent_again += calls;
    }
}

/// A connection for gRPC, opened when it is needed, and again after it broke.
pub(crate) fn channel(grpc: &str) -> Channel {
    let endpoint = Endpoint::from_shared(grpc.to_owned()).unwrap();
    endpoint.timeout(ANSWERED).connect_lazy()
}
