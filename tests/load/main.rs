//! Sends calls of MCP servers to a collector on this machine, as fast as it acknowledges them or at a steady rate, and
//! tells what became of them and what that cost.

#![expect(clippy::print_stdout, reason = "the report goes to standard output")]

mod body;
mod process;
mod send;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::task::JoinSet;

use self::body::Template;
use self::process::Process;
use self::send::{Ledger, Plan};

/// Sends calls of MCP servers to an OTLP receiver on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address of the receiver.
    #[arg(long, default_value = "127.0.0.1:4317")]
    address: SocketAddr,
    /// Speak OTLP/HTTP instead of OTLP/gRPC.
    #[arg(long)]
    http: bool,
    /// Connections that send at the same time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=256))]
    streams: u64,
    /// Calls in a request.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=5000))]
    batch: u64,
    /// Seconds to send for.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Calls to send at most.
    #[arg(long, default_value_t = 100_000_000)]
    calls: u64,
    /// Calls a second; 0 for as many as are acknowledged.
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Seconds to wait at the end until the processes have done their work.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=60))]
    settle: u64,
    /// A process whose CPU time and memory are reported; may be given several times.
    #[arg(long, value_name = "NAME=PID", value_parser = Process::parse)]
    watch: Vec<Process>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let address = arguments.address;
    anyhow::ensure!(
        address.ip().is_loopback(),
        "{address} is not on this machine: load is sent to loopback addresses only"
    );
    let before = cpu_seconds(&arguments.watch)?;
    let started = Instant::now();
    let ledger = run(&arguments, started).await;
    let seconds = started.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(arguments.settle)).await;
    report(ledger, seconds);
    for ((process, before), after) in arguments.watch.iter().zip(before).zip(cpu_seconds(&arguments.watch)?) {
        let (name, peak) = (&process.name, process.peak_mebibytes()?);
        println!("{name}: {:.2} CPU seconds, peak {peak} MiB", after - before);
    }
    Ok(())
}

async fn run(arguments: &Arguments, started: Instant) -> Ledger {
    let grpc = !arguments.http;
    let template = Template::new(arguments.batch as usize, grpc);
    println!("{} bytes a call", template.bytes() / template.spans());
    let interval = match arguments.rate {
        0 => Duration::ZERO,
        rate => Duration::from_secs_f64((arguments.batch * arguments.streams) as f64 / rate as f64),
    };
    let mut streams: JoinSet<_> = (0..arguments.streams)
        .map(|stream| {
            let plan = Plan {
                // Servers that know nothing of each other do not send at the same moment.
                start: started + interval.mul_f64(stream as f64 / arguments.streams as f64),
                end: started + Duration::from_secs(arguments.seconds),
                calls: arguments.calls / arguments.streams,
                interval,
            };
            let template = Template::new(arguments.batch as usize, grpc);
            send::stream(arguments.address, grpc, template, plan)
        })
        .collect();
    let mut ledger = Ledger::default();
    while let Some(stream) = streams.join_next().await {
        ledger.add(stream.expect("a stream counts its failures and goes on"));
    }
    ledger
}

fn report(ledger: Ledger, seconds: f64) {
    let Ledger {
        sent,
        acknowledged,
        refused,
        failed,
        mut delays,
    } = ledger;
    println!("sent {sent}, acknowledged {acknowledged}, refused {refused}, failed {failed} calls in {seconds:.1} s");
    println!("{:.0} calls/s acknowledged", acknowledged as f64 / seconds);
    delays.sort_unstable();
    for share in [50, 99] {
        if let Some(delay) = delays.get(delays.len() * share / 100) {
            println!("p{share} of acknowledgements {:.2} ms", delay.as_secs_f64() * 1e3);
        }
    }
}

fn cpu_seconds(processes: &[Process]) -> anyhow::Result<Vec<f64>> {
    processes.iter().map(Process::cpu_seconds).collect()
}
