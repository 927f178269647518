//! What a client can make the layer remember: as many different things as it likes, as long as it likes, and the memory
//! stays under a limit while the counters tell what was forgotten.
//!
//! Each case is a process of its own, so that none grows into what another has freed. `TOOLSIGHT_BOUNDS` tells how many
//! exchanges each has.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod cases;
#[expect(dead_code, reason = "benches need more of it")]
#[path = "../../benches/support/receiver.rs"]
mod receiver;

use std::alloc::System;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use cap::Cap;
use cases::{CASES, Case, STREAM_OF_TWO, Way};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use toolsight::http::{RequestBody, ResponseBody};
use toolsight::{Toolsight, Users};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// How many of each in a row, where the environment does not say.
const COUNT: usize = if cfg!(debug_assertions) { 30_000 } else { 1_000_000 };

/// Exchanges that are read together.
const TOGETHER: usize = 512;
/// Exchanges of a flood: twice as much as is kept until it is read.
const FLOOD: usize = 4096;
/// So many fill every bound but those of calls in all sessions together.
const FULL: usize = 12_000;

/// What one layer may take at most: 10,000 sessions, 16,384 calls that wait, 4096 tasks and 1024 tools with names of 256
/// bytes each.
const LIMIT: usize = 96 << 20;

/// What it may take beyond that once its bounds are full: less than a name for each further exchange, and three times
/// what the buffers differ by from one moment to another.
const FURTHER: usize = 1 << 20;

/// More than a line of a pipe has.
const LINE: usize = 4096;

/// Counts the bytes that are not freed. Those in memory also have the gaps between them, more or fewer as the threads
/// happen to run.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes that the process has in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// The body of a response.
#[derive(Clone)]
struct Answer {
    data: Option<Bytes>,
    /// It does not end.
    held: bool,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.data.take() {
            None if self.held => Poll::Pending,
            data => Poll::Ready(data.map(Frame::data).map(Ok)),
        }
    }
}

fn count() -> usize {
    let told = std::env::var("TOOLSIGHT_BOUNDS").ok();
    told.map_or(COUNT, |count| count.parse().unwrap())
}

#[test]
fn memory_stays_under_its_limit_whatever_clients_send() {
    let failed = CASES.iter().filter(|case| {
        let itself = std::env::current_exe().unwrap();
        let mut process = std::process::Command::new(itself);
        process.args(["--exact", "one_case", "--ignored", "--nocapture"]);
        !process
            .env("TOOLSIGHT_BOUNDS_CASE", case.name)
            .status()
            .unwrap()
            .success()
    });
    let failed: Vec<_> = failed.map(|case| case.name).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test]
#[ignore = "a process of its own for each case is started by the other test"]
async fn one_case() {
    let name = std::env::var("TOOLSIGHT_BOUNDS_CASE").unwrap();
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    let toolsight = Toolsight::builder()
        .endpoint(receiver::null())
        .queue_records(64)
        .users(Users::default().from_header("x-user".parse().unwrap()))
        .build()
        .unwrap();
    let (before, allocated) = (resident(), ALLOCATOR.allocated());
    // What is held is the server's memory and not the layer's.
    let count = match case.way {
        Way::Held => FULL,
        Way::Flood => FLOOD,
        _ => count(),
    };
    let mut full = ALLOCATOR.allocated();
    let mut held = Vec::new();
    if case.way == Way::TwoEndpoints {
        let mut stream = exchange(&toolsight, &STREAM_OF_TWO, 0).await;
        stream.frame().await;
        held.push(stream);
    }
    let (mut client, server) = tokio::io::duplex(LINE);
    let mut pipe = (case.way == Way::Pipe).then(|| toolsight.pipe(server, tokio::io::sink()));
    for number in 0..count {
        if number % TOGETHER == 0 && case.way != Way::Flood {
            // Nothing here takes time but reading, which would fall behind as it does behind no server.
            toolsight.flush().await;
        }
        if number == FULL {
            toolsight.flush().await;
            full = ALLOCATOR.allocated();
        }
        if let Some((read, _)) = &mut pipe {
            let line = fill(case.request, number) + "\n";
            client.write_all(line.as_bytes()).await.unwrap();
            read.read_exact(&mut vec![0; line.len()]).await.unwrap();
            continue;
        }
        let mut response = exchange(&toolsight, case, number).await;
        if case.way == Way::Held {
            response.frame().await;
            held.push(response);
        } else {
            response.collect().await.unwrap();
        }
    }
    toolsight.flush().await;
    let forgotten = toolsight.forgotten();
    let expected = count.saturating_sub(case.kept);
    assert_eq!((case.forgotten)(&forgotten), expected as u64, "{name}: {forgotten:?}");
    assert_eq!(toolsight.dropped().panicked, 0, "{name}");
    if case.way != Way::Held {
        let all = resident().saturating_sub(before);
        let most = ALLOCATOR.max_allocated().saturating_sub(allocated);
        let further = ALLOCATOR.allocated().saturating_sub(full);
        println!(
            "{name}: {} KiB in memory, {} KiB allocated at most, and {} KiB since the bounds were full",
            all >> 10,
            most >> 10,
            further >> 10
        );
        assert!(all < LIMIT && most < LIMIT, "{name}: {all} and {most} bytes");
        // What was allocated before a flood has nothing in it.
        assert!(further < FURTHER || case.way == Way::Flood, "{name}: {further} bytes");
    }
    toolsight.shutdown().await;
}

/// `text` with the mark of this number.
fn fill(text: &str, number: usize) -> String {
    text.replace('@', &format!("{number:0>256}"))
}

async fn exchange(toolsight: &Toolsight, case: &Case, number: usize) -> ResponseBody<Answer> {
    let fill = |text: &str| fill(text, number);
    let mut response = Response::builder().status(case.status);
    for (name, value) in case.response_headers {
        response = response.header(*name, fill(value));
    }
    let response = response
        .body(Answer {
            data: Some(fill(case.response).into()),
            held: case.way == Way::Held,
        })
        .unwrap();
    let service = service_fn(|request: Request<RequestBody<Full<Bytes>>>| {
        let response = response.clone();
        async move {
            request.into_body().collect().await.unwrap();
            Ok::<_, Infallible>(response)
        }
    });
    let uri = if case.way == Way::TwoEndpoints {
        "/message?1"
    } else {
        "/mcp"
    };
    let mut request = Request::builder().method(case.method).uri(uri);
    for (name, value) in case.request_headers {
        request = request.header(*name, fill(value));
    }
    let messages = match case.way {
        Way::Flood => format!("[{}]", vec![case.request; 256].join(",")),
        _ => fill(case.request),
    };
    let request = request.body(Full::new(Bytes::from(messages))).unwrap();
    toolsight
        .layer()
        .layer(service)
        .oneshot(request)
        .await
        .unwrap()
        .into_body()
}
