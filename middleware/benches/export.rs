//! The price of exporting: CPU time of the export thread for each record, from the queue to the socket.
//!
//! Calls pass through the layer in bursts, as from a busy server, and their records go to a receiver in this process
//! that throws them away. What the other threads do is not counted, so other work on the machine changes little. What passes
//! is read by the thread that serves, or by the export thread as it is with a server that takes its time.

#[expect(dead_code, reason = "only the small exchange is needed")]
#[path = "support/exchange.rs"]
mod exchange;
#[expect(dead_code, reason = "each case has an exporter of its own")]
#[path = "support/receiver.rs"]
mod receiver;

use std::time::{Duration, Instant};

use exchange::{Text, answer, request, serve};
use http_body_util::BodyExt as _;
use receiver::null;
use toolsight::{Protocol, Toolsight};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Records of one burst, which the queue has room for.
const BURST: u32 = 4096;
/// So many of them are worth waking who reads.
const READ_TOGETHER: u32 = 256;
const BURSTS: usize = 21;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "it is what a bench is for")]
async fn main() {
    let wanted = std::env::args().skip(1).find(|word| word != "--bench");
    let endpoint = null();
    for (case, protocol, gzip) in [
        ("grpc", Protocol::Grpc, false),
        ("grpc-gzip", Protocol::Grpc, true),
        ("http", Protocol::HttpProtobuf, false),
        ("http-gzip", Protocol::HttpProtobuf, true),
    ] {
        if wanted.as_ref().is_some_and(|wanted| wanted != case) {
            continue;
        }
        let builder = Toolsight::builder().endpoint(&endpoint).protocol(protocol).gzip(gzip);
        let toolsight = builder.build().expect("a valid address");
        let mut medians = Vec::new();
        for reads in [false, true] {
            let mut times = measure(&toolsight, reads).await;
            times.sort();
            medians.push(times[times.len() / 2].as_secs_f64() * 1e6);
        }
        assert_eq!(toolsight.dropped().total(), 0);
        println!(
            "{case:<10} {:>6.2} µs, with reading {:>6.2} µs; a flush takes {:>5.2} ms",
            medians[0],
            medians[1],
            flush(&toolsight).await.as_secs_f64() * 1e3
        );
    }
}

/// How long it takes until one record and the metrics are with the receiver.
async fn flush(toolsight: &Toolsight) -> Duration {
    let service = toolsight.layer().layer(service_fn(|request| {
        serve(request, answer(Text::Prose, 16, false), false)
    }));
    let mut times = Vec::new();
    for _ in 0..BURSTS {
        let response = service.clone().oneshot(request()).await.expect("a response");
        response.into_body().collect().await.expect("a whole body");
        let begin = Instant::now();
        toolsight.flush().await;
        times.push(begin.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

/// CPU time of the export thread for a record of each burst, where it `reads` what passes and where it does not.
async fn measure(toolsight: &Toolsight, reads: bool) -> Vec<Duration> {
    let body = answer(Text::Prose, 16, false);
    let service = toolsight
        .layer()
        .layer(service_fn(move |request| serve(request, body.clone(), false)));
    let mut times = Vec::new();
    for _ in 0..BURSTS {
        let before = export_thread();
        for number in 1..=BURST {
            let response = service.clone().oneshot(request()).await.expect("a response");
            response.into_body().collect().await.expect("a whole body");
            if number % READ_TOGETHER == 0 && reads {
                tokio::time::sleep(Duration::from_millis(3)).await;
            } else if number % READ_TOGETHER == 0 {
                // All that has passed is read before this is told.
                toolsight.forgotten();
            }
        }
        toolsight.flush().await;
        times.push((export_thread() - before) / BURST);
    }
    times
}

/// CPU time of the export thread that was started last.
fn export_thread() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").expect("a Linux system");
    let newest = threads
        .filter_map(|thread| Some(thread.ok()?.path()))
        .filter(|thread| {
            std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.starts_with("toolsight-expor"))
        })
        .max_by_key(|thread| thread.file_name().and_then(|id| id.to_str()?.parse::<u32>().ok()));
    let times = std::fs::read_to_string(newest.expect("an export thread").join("schedstat")).expect("its times");
    let running = times.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok());
    Duration::from_nanos(running.expect("nanoseconds"))
}
