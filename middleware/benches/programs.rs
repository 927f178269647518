//! Calls per second through `toolsight wrap` and `toolsight proxy`, and the CPU time of these for each, beside those of the same
//! server asked directly, in turns in one run.
//!
//! The server answers at once, so nearly all that is measured is the way there and back. A program in between costs by itself:
//! two more pipes, or another exchange over HTTP. `off` is that alone, with `OTEL_SDK_DISABLED`; what `on` costs beyond it is what
//! is observed and exported. Records go where those of `rmcp` go.
//!
//! Words choose rows of the table, as in `-- http 16`.

#[path = "support/cpu_time.rs"]
mod cpu_time;
#[expect(dead_code, reason = "only the answer over HTTP is needed")]
#[path = "support/exchange.rs"]
mod exchange;
#[expect(dead_code, reason = "the programs have exporters of their own")]
#[path = "support/receiver.rs"]
mod receiver;

use std::io::{BufRead as _, Write as _};
use std::process::Stdio;
use std::time::Instant;

use axum::Router;
use bytes::Bytes;
use cpu_time::cpu_time;
use exchange::{REQUEST, Text, answer, serve};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinSet;

/// What is between client and server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    Nothing,
    Off,
    On,
}

impl Between {
    const ALL: [Self; 3] = [Self::Nothing, Self::Off, Self::On];

    /// The program, with its records sent to `endpoint`.
    fn program(self, endpoint: &str, action: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_toolsight"));
        command.args([action, "--endpoint", endpoint]).kill_on_drop(true);
        if self == Self::Off {
            command.env("OTEL_SDK_DISABLED", "true");
        }
        command
    }
}

/// A client with its way to a server.
enum Way {
    Http {
        client: Client<HttpConnector, Full<Bytes>>,
        address: Uri,
        /// With what it says, which is not to break off.
        program: Option<Box<(Child, BufReader<ChildStderr>)>>,
    },
    Stdio {
        input: ChildStdin,
        output: BufReader<ChildStdout>,
        /// The program, else the server.
        process: Child,
        is_program: bool,
    },
}

impl Way {
    async fn http(between: Between, endpoint: &str, server: &str) -> Self {
        let mut address = server.to_owned();
        let mut program = None;
        if between != Between::Nothing {
            let mut command = between.program(endpoint, "proxy");
            command.args(["--listen", "127.0.0.1:0", server]).stderr(Stdio::piped());
            let mut process = command.spawn().expect("the program starts");
            let mut said = BufReader::new(process.stderr.take().expect("a pipe"));
            let mut line = String::new();
            said.read_line(&mut line).await.expect("where it listens");
            address = line
                .trim()
                .rsplit(' ')
                .next()
                .map(str::to_owned)
                .expect("an address at the end");
            program = Some(Box::new((process, said)));
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self::Http {
            client: Client::builder(TokioExecutor::new()).build(connector),
            address: format!("{address}/mcp").parse().expect("an address"),
            program,
        }
    }

    fn stdio(between: Between, endpoint: &str, bytes: usize) -> Self {
        let server = std::env::current_exe().expect("this program");
        let mut command = if between == Between::Nothing {
            Command::new(server)
        } else {
            let mut command = between.program(endpoint, "wrap");
            command.arg("--").arg(server);
            command
        };
        command.args([SERVE, &bytes.to_string()]).kill_on_drop(true);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        Self::Stdio {
            input: process.stdin.take().expect("a pipe"),
            output: BufReader::new(process.stdout.take().expect("a pipe")),
            process,
            is_program: between != Between::Nothing,
        }
    }

    /// Makes `calls` calls, so many at a time; returns how many a second.
    async fn turn(&mut self, at_a_time: usize, calls: usize) -> f64 {
        let start = Instant::now();
        match self {
            Self::Http { client, address, .. } => {
                let mut tasks = JoinSet::new();
                for _ in 0..at_a_time {
                    let (client, address) = (client.clone(), address.clone());
                    tasks.spawn(async move {
                        for _ in 0..calls / at_a_time {
                            let answer = client.request(request(&address)).await.expect("an answer");
                            assert!(answer.status().is_success(), "{}", answer.status());
                            answer.into_body().collect().await.expect("a whole body");
                        }
                    });
                }
                tasks.join_all().await;
            }
            Self::Stdio { input, output, .. } => {
                let (before, behind) = REQUEST.split_once(ID).expect("an id");
                let lines: String = (0..at_a_time)
                    .map(|id| format!("{before}\"id\":{id}{behind}\n"))
                    .collect();
                let mut line = Vec::new();
                for _ in 0..calls / at_a_time {
                    input.write_all(lines.as_bytes()).await.expect("a server");
                    for _ in 0..at_a_time {
                        line.clear();
                        let read = output.read_until(b'\n', &mut line).await.expect("an answer");
                        assert_ne!(read, 0, "the server has ended");
                    }
                }
            }
        }
        calls as f64 / start.elapsed().as_secs_f64()
    }

    /// Nanoseconds that the program has taken so far.
    fn cpu(&self) -> u64 {
        let process = match self {
            Self::Http { program, .. } => program.as_ref().map(|program| &program.0),
            Self::Stdio {
                process, is_program, ..
            } => is_program.then_some(process),
        };
        let id = process.and_then(Child::id);
        id.map_or(0, |id| cpu_time(id, |_| true))
    }
}

fn request(address: &Uri) -> Request<Full<Bytes>> {
    Request::post(address)
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .body(Full::new(Bytes::from_static(REQUEST.as_bytes())))
        .expect("a request")
}

/// A server over HTTP whose results have so many bytes; returns its address.
async fn serve_http(bytes: usize) -> String {
    let body = answer(Text::Prose, bytes, false);
    let app = Router::new().fallback(move |request: axum::extract::Request| serve(request, body.clone(), false));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// What has this program be a server of standard input and output.
const SERVE: &str = "serve";
/// What the id of a request and its answer stands in.
const ID: &str = r#""id":7"#;

/// A server of standard input and output, until its input ends.
fn serve_stdio(bytes: usize) {
    let answer = answer(Text::Prose, bytes, false);
    let answer = std::str::from_utf8(&answer).expect("text");
    let (before, behind) = answer.split_once(ID).expect("an id");
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        let (_, id) = line.split_once("\"id\":").expect("an id");
        let id = id.split(',').next().unwrap_or_default();
        let line = format!("{before}\"id\":{id}{behind}\n");
        if output.write_all(line.as_bytes()).and_then(|()| output.flush()).is_err() {
            return;
        }
    }
}

const ROUNDS: usize = 15;

fn main() {
    let words: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [SERVE, bytes] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return serve_stdio(bytes.parse().expect("a number"));
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(table(&words));
}

/// The rows that have all of these words.
#[expect(clippy::print_stdout, reason = "it is what a bench is for")]
async fn table(words: &[String]) {
    let endpoint = receiver::endpoint();
    println!(
        "{:>9} {:<6} {:>10} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8}",
        "bytes", "over", "concurrent", "direct/s", "off/s", "on/s", "off cost", "on cost", "off µs", "on µs"
    );
    for over in ["http", "stdio"] {
        for (bytes, calls) in [(16, 1024), (100_000, 256), (1_000_000, 64)] {
            for at_a_time in [1, 64] {
                let row = [over.to_owned(), bytes.to_string(), at_a_time.to_string()];
                if !words.iter().all(|word| row.contains(word)) {
                    continue;
                }
                let server = serve_http(bytes).await;
                let mut ways = Vec::new();
                for between in Between::ALL {
                    ways.push(match over {
                        "http" => Way::http(between, &endpoint, &server).await,
                        _ => Way::stdio(between, &endpoint, bytes),
                    });
                }
                let [direct, off, on] = measure(&mut ways, at_a_time, calls).await;
                println!(
                    "{bytes:>9} {over:<6} {at_a_time:>10} {:>9.0} {:>9.0} {:>9.0} {:>7.1}% {:>7.1}% {:>8.1} {:>8.1}",
                    direct.rate, off.rate, on.rate, off.cost, on.cost, off.cpu, on.cpu
                );
            }
        }
    }
}

/// What the turns of one way have told.
struct Told {
    /// Calls per second, the median.
    rate: f64,
    /// By how much a call is slower than a direct one of the same round, in percent, the median.
    cost: f64,
    /// Microseconds of CPU time of the program for a call.
    cpu: f64,
}

async fn measure(ways: &mut [Way], at_a_time: usize, calls: usize) -> [Told; 3] {
    for way in &mut *ways {
        way.turn(at_a_time, calls).await;
    }
    let before: Vec<_> = ways.iter().map(Way::cpu).collect();
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let mut rates = [0.0; 3];
        // Who is first changes, since the first has the colder caches.
        for which in (0..3).map(|which| (which + round) % 3) {
            rates[which] = ways[which].turn(at_a_time, calls).await;
        }
        rounds.push(rates);
    }
    let median = |value: &dyn Fn(&[f64; 3]) -> f64| {
        let mut values: Vec<_> = rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    [0, 1, 2].map(|which| Told {
        rate: median(&|rates| rates[which]),
        cost: 100.0 * median(&|rates| rates[0] / rates[which] - 1.0),
        cpu: (ways[which].cpu() - before[which]) as f64 / 1e3 / (ROUNDS * calls) as f64,
    })
}
