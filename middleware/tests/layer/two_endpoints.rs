//! The transport of 2024-11-05 over real connections: a server with an event stream and an address to send to, the layer
//! around it, and a client that speaks HTTP by hand.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use toolsight::Toolsight;

use crate::receiver::{Received, attributes};

/// The event streams, by what their addresses end with.
#[derive(Clone, Default)]
struct Streams(Arc<Mutex<HashMap<String, mpsc::Sender<String>>>>);

async fn open(State(streams): State<Streams>) -> impl IntoResponse {
    let (sender, receiver) = mpsc::channel(8);
    let mut open = streams.0.lock().unwrap();
    let session = (open.len() + 1).to_string();
    sender
        .try_send(format!("event: endpoint\ndata: /mcp/message?sessionId={session}\n\n"))
        .unwrap();
    open.insert(session, sender);
    let body = Body::from_stream(ReceiverStream::new(receiver).map(Ok::<_, Infallible>));
    ([(CONTENT_TYPE, "text/event-stream")], body)
}

/// Answers a call by an error of its tool, and everything else by success.
async fn take(
    State(streams): State<Streams>,
    Query(query): Query<HashMap<String, String>>,
    axum::Json(message): axum::Json<Value>,
) -> impl IntoResponse {
    let result = match message["method"].as_str() {
        Some("initialize") => json!({"protocolVersion": "2024-11-05", "serverInfo": {"name": "old", "version": "1"}}),
        _ => json!({"content": [], "isError": true}),
    };
    let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
    let stream = streams.0.lock().unwrap()[&query["sessionId"]].clone();
    stream
        .send(format!("event: message\ndata: {answer}\n\n"))
        .await
        .unwrap();
    (StatusCode::ACCEPTED, "Accepted")
}

/// A client with its event stream open.
struct Client {
    address: SocketAddr,
    events: BufReader<TcpStream>,
    endpoint: String,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "GET /mcp/sse HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut client = Self {
            address,
            events: BufReader::new(stream),
            endpoint: String::new(),
        };
        client.endpoint = client.next_data().await;
        client
    }

    /// The data of the next event.
    async fn next_data(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(
                self.events.read_line(&mut line).await.unwrap(),
                0,
                "the stream has ended"
            );
            if let Some(data) = line.strip_prefix("data: ") {
                return data.trim().to_owned();
            }
        }
    }

    /// Sends a message, and returns what comes for it on the event stream.
    async fn ask(&mut self, message: &Value) -> Value {
        let (body, endpoint) = (message.to_string(), &self.endpoint);
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "POST {endpoint} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        assert!(
            response.starts_with("HTTP/1.1 202") && response.ends_with("Accepted"),
            "{response}"
        );
        serde_json::from_str(&self.next_data().await).unwrap()
    }
}

#[tokio::test]
async fn calls_of_two_clients_are_answered_on_their_own_streams() {
    let received = Received::default();
    let (address, _) = received.start(([127, 0, 0, 1], 0).into()).await;
    let toolsight = Toolsight::builder()
        .endpoint(format!("http://{address}"))
        .build()
        .unwrap();
    let routes = Router::new().route("/sse", get(open)).route("/message", post(take));
    // Inside of the prefix, the address that the stream gives is not the one that requests come with.
    let routes = routes.layer(toolsight.layer()).with_state(Streams::default());
    let app = Router::new().nest("/mcp", routes);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let mut clients = [Client::connect(server).await, Client::connect(server).await];
    for (client, name) in clients.iter_mut().zip(["desk", "shelf"]) {
        let params = json!({"protocolVersion": "2024-11-05", "clientInfo": {"name": name, "version": "1"}});
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
        assert_eq!(client.ask(&hello).await["result"]["serverInfo"]["name"], "old");
    }
    for client in &mut clients {
        let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "add"}});
        assert_eq!(client.ask(&call).await["id"], 2);
    }
    toolsight.flush().await;
    let spans = received.wait(4).await;
    let calls = spans.iter().filter(|span| span.name == "tools/call").map(attributes);
    let mut names = Vec::new();
    for call in calls {
        for (key, value) in [
            ("toolsight.transport", "sse"),
            ("toolsight.outcome", "tool_error"),
            ("mcp.protocol.version", "2024-11-05"),
            ("mcp.server.name", "old"),
        ] {
            assert_eq!(call.get(key).map(String::as_str), Some(value), "{key}");
        }
        assert!(!call.contains_key("mcp.session.id"), "it has no sessions");
        names.push(call["mcp.client.name"].clone());
    }
    assert_eq!(names, ["desk", "shelf"]);
    assert_eq!(spans.len(), 4);
}
