//! A way to the database that can be closed.

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What happens to those who connect, and to those who are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// They are let through.
    Open,
    /// They are sent away.
    Closed,
    /// They are kept waiting.
    Stuck,
}

/// Opens a gate before `url`; gives back the gate and its own URL.
pub(crate) async fn before(url: &str) -> (watch::Sender<Gate>, String) {
    let target = url.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let (gate, states) = watch::channel(Gate::Open);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass(stream, target.clone(), states.clone()));
        }
    });
    (gate, own)
}

async fn pass(mut stream: TcpStream, target: String, mut gate: watch::Receiver<Gate>) {
    let state = *gate.borrow_and_update();
    let changed = async { gate.changed().await };
    match state {
        Gate::Closed => {}
        Gate::Stuck => _ = changed.await,
        Gate::Open => {
            let mut server = TcpStream::connect(target).await.unwrap();
            tokio::select! {
                _ = copy_bidirectional(&mut stream, &mut server) => {}
                _ = changed => {}
            }
        }
    }
}
