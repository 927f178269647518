//! Who calls in a session whose handshake another replica of the server has seen.
//!
//! Such calls name the session and no client, so that the rollups could not tell whom a tool fails for. What other calls
//! of the session told is remembered here; sessions that began at another collector are asked for at the store.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

use super::sink::{Caller, Session, Sink};
use crate::row::Row;
use crate::store::Block;
use crate::telemetry::Metrics;

/// Sessions that are remembered, those longest unused making room; about 25 MB where names are as long as usual.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();
/// Sessions of one batch that are asked for, and calls of one batch that wait for the answer; others stay as they are.
const ASKED: usize = 1000;
const WAITING: usize = 10_000;
/// How long a session counts as unknown before it is asked for again: its handshake may still be on its way.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);

/// What is known of sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    known: LruCache<Session, Known>,
    metrics: Metrics,
}

#[derive(Debug)]
enum Known {
    Caller(Caller),
    /// Nobody knew at this time.
    Unknown(Instant),
}

/// Rows on their way into a batch.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) block: Block,
    /// Start of the newest call in microseconds since the Unix epoch.
    pub(crate) newest: i64,
    /// Places of calls whose client is not known yet.
    waiting: Vec<(usize, Session)>,
}

impl Rows {
    /// No rows, in a block that is empty.
    pub(crate) fn of(block: Block) -> Self {
        Self {
            block,
            ..Self::default()
        }
    }

    /// Adds a row, with the client of its session where only the session tells it.
    pub(crate) fn push(&mut self, row: &Row<'_>, sessions: &mut Sessions) {
        self.newest = self.newest.max(row.time);
        if row.session_id.is_empty() {
            self.block.push(row);
            return;
        }
        let session = Session::of(row);
        if !row.client.is_empty() {
            sessions.learn(session, row);
            self.block.push(row);
        } else if let Some(Known::Caller(client)) = sessions.known.get(&session) {
            self.block.push(&with_client(row, client));
            sessions.metrics.clients_resolved.inc();
        } else {
            if self.waiting.len() < WAITING {
                self.waiting.push((self.block.rows(), session));
            }
            self.block.push(row);
        }
    }
}

impl Sessions {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self {
            known: LruCache::new(REMEMBERED),
            metrics,
        }
    }

    fn learn(&mut self, session: Session, row: &Row<'_>) {
        let same = |known: &Known| matches!(known, Known::Caller(client) if client.is_that_of(row));
        if !self.known.get(&session).is_some_and(same) {
            self.known.put(session, Known::Caller(Caller::of(row)));
        }
    }

    /// A call with the client of its session, where that is known and the call does not tell it.
    pub(crate) fn completed<'a>(&'a mut self, row: &'a Row<'_>) -> Cow<'a, Row<'a>> {
        match self.known.get(&Session::of(row)) {
            Some(Known::Caller(client)) if row.client.is_empty() => Cow::Owned(with_client(row, client)),
            _ => Cow::Borrowed(row),
        }
    }

    /// Fills in the clients that became known since the rows were added, or that the sink knows.
    pub(crate) async fn complete(&mut self, rows: &mut Rows, sink: &impl Sink) {
        if rows.waiting.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut asked: Vec<Session> = Vec::new();
        for (_, session) in &rows.waiting {
            let ask = match self.known.peek(session) {
                None => true,
                Some(Known::Unknown(since)) => now.duration_since(*since) > UNKNOWN_FOR,
                Some(Known::Caller(_)) => false,
            };
            if ask && asked.len() < ASKED {
                self.known.put(session.clone(), Known::Unknown(now));
                asked.push(session.clone());
            }
        }
        if !asked.is_empty() {
            for (session, client) in sink.clients_of(&asked).await {
                self.known.put(session, Known::Caller(client));
            }
        }
        for (place, session) in rows.waiting.drain(..) {
            if let Some(Known::Caller(client)) = self.known.get(&session) {
                rows.block.set_client(place, client);
                self.metrics.clients_resolved.inc();
            } else {
                self.metrics.clients_unresolved.inc();
            }
        }
    }
}

fn with_client<'a>(row: &'a Row<'_>, client: &'a Caller) -> Row<'a> {
    let mut row: Row<'a> = row.clone();
    row.client = Cow::Borrowed(&client.name);
    row.client_version = Cow::Borrowed(&client.version);
    if row.protocol_version.is_empty() {
        row.protocol_version = Cow::Borrowed(&client.protocol_version);
    }
    row
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::tests::native;
    use super::{Rows, Sessions};
    use crate::pipeline::{Caller, InsertError, Session, Sink};
    use crate::row::Row;
    use crate::store::Block;
    use crate::telemetry::Metrics;

    /// Knows one session, and how often it was asked for which.
    #[derive(Default)]
    struct Store(Mutex<Vec<Vec<Session>>>);

    impl Sink for Store {
        async fn insert(&self, _: &Block, _: &str) -> Result<(), InsertError> {
            Ok(())
        }

        async fn clients_of(&self, sessions: &[Session]) -> Vec<(Session, Caller)> {
            self.0.lock().unwrap().push(sessions.to_vec());
            let known = sessions.iter().filter(|session| &*session.id == "stored");
            known
                .map(|session| (session.clone(), Caller::of(&row("", "far 2"))))
                .collect()
        }
    }

    fn row(session: &'static str, client: &'static str) -> Row<'static> {
        let (client, client_version) = client.split_once(' ').unwrap_or_default();
        Row {
            session_id: session.into(),
            client: client.into(),
            client_version: client_version.into(),
            protocol_version: if client.is_empty() { "" } else { "2025-06-18" }.into(),
            ..Row::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_has_the_client_that_its_session_began_with() {
        let (metrics, store) = (Metrics::new().unwrap(), Store::default());
        let mut sessions = Sessions::new(metrics.clone());
        let mut clients = async |calls: &[(&'static str, &'static str)]| {
            let mut rows = Rows::default();
            for (session, client) in calls {
                rows.push(&row(session, client), &mut sessions);
            }
            sessions.complete(&mut rows, &store).await;
            let told = native::rows(&rows.block).into_iter();
            told.map(|row| format!("{} {} {}", row.client, row.client_version, row.protocol_version))
                .collect::<Vec<_>>()
        };
        let (near, far) = ("near 1 2025-06-18", "far 2 2025-06-18");
        for (case, calls, expected) in [
            (
                "behind, before and in the handshake's batch",
                &[("a", ""), ("a", "near 1"), ("a", ""), ("", "")][..],
                &[near, near, near, "  "][..],
            ),
            ("in a later batch", &[("a", "")], &[near]),
            ("known to the store", &[("stored", ""), ("stored", "")], &[far, far]),
            ("known since", &[("stored", "")], &[far]),
            ("known to nobody", &[("b", ""), ("b", "")], &["  ", "  "]),
            ("not asked for again at once", &[("b", "")], &["  "]),
        ] {
            assert_eq!(clients(calls).await, expected, "{case}");
        }
        tokio::time::advance(super::UNKNOWN_FOR * 2).await;
        assert_eq!(clients(&[("b", "")]).await, ["  "]);
        let asked: Vec<Vec<_>> = store
            .0
            .lock()
            .unwrap()
            .iter()
            .map(|asked| asked.iter().map(|session| session.id.to_string()).collect())
            .collect();
        assert_eq!(asked, [["stored"], ["b"], ["b"]]);
        assert_eq!(
            (metrics.clients_resolved.get(), metrics.clients_unresolved.get()),
            (6, 4)
        );
    }
}
