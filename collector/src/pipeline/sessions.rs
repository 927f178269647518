//! Who calls in a session whose handshake another replica of the server has seen.
//!
//! Such calls name the session and no client, so that the rollups could not tell whom a tool fails for. What other calls
//! of the session told is remembered here; sessions that began at another collector are asked for at the store, and waited
//! for a little, since their handshake may be on its way to it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use tokio::time::{Instant, sleep};

use super::sink::{Caller, Session, Sink};
use crate::row::Row;
use crate::store::Block;
use crate::telemetry::Metrics;

/// Sessions that are remembered, those longest unused making room; about 25 MB where names are as long as usual.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();
/// Servers of which it is remembered that they were waited for in vain.
const SERVERS: NonZeroUsize = NonZeroUsize::new(1000).unwrap();
/// Sessions of one question, and of all questions for one batch; the calls of others stay as they are.
const TOGETHER: usize = 1000;
const MOST_ASKED: usize = 10_000;
/// How long a batch waits for handshakes: another collector takes about as long as this one to bring calls to the store.
const HANDSHAKE: Duration = Duration::from_secs(3);
/// Time between two questions meanwhile.
const INTERVAL: Duration = Duration::from_millis(250);
/// Batches that wait in vain for sessions of a server until none does any more: its calls may never tell of a client.
const IN_VAIN: u8 = 3;
/// How long an unknown session is not asked for again, at first and at most: the time doubles with each answer.
const UNKNOWN_FOR: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// What is known of sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    known: LruCache<Session, Known>,
    /// How often sessions of a server, by tenant and name, were waited for in vain since the sink last knew one that was asked for.
    in_vain: LruCache<(Box<str>, Box<str>), u8>,
    metrics: Metrics,
}

#[derive(Debug)]
enum Known {
    Caller(Caller),
    /// Nobody knew at this time, and shall not be asked again for so long.
    Unknown(Instant, Duration),
}

/// Rows on their way into a batch.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) block: Block,
    /// Start of the newest call in microseconds since the Unix epoch.
    pub(crate) newest: i64,
    /// Places of calls whose client is not known yet.
    waiting: HashMap<Session, Vec<usize>>,
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
            self.waiting.entry(session).or_default().push(self.block.rows());
            self.block.push(row);
        }
    }
}

impl Sessions {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self {
            known: LruCache::new(REMEMBERED),
            in_vain: LruCache::new(SERVERS),
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

    /// Fills in the clients that became known since the rows were added, or that the sink knows; unless there is `hurry`,
    /// it is asked again for a while.
    pub(crate) async fn complete(&mut self, rows: &mut Rows, sink: &impl Sink, hurry: impl Fn() -> bool) {
        let mut unknown: Vec<Session> = rows
            .waiting
            .keys()
            .filter(|session| self.asks(session))
            .cloned()
            .collect();
        unknown.truncate(MOST_ASKED);
        let until = Instant::now() + HANDSHAKE;
        let mut in_vain = false;
        while !unknown.is_empty() {
            for some in unknown.chunks(TOGETHER) {
                for (session, client) in sink.clients_of(some).await {
                    self.in_vain.pop(&server(&session));
                    self.known.put(session, Known::Caller(client));
                }
            }
            unknown.retain(|session| !matches!(self.known.peek(session), Some(Known::Caller(_))));
            let waits = unknown.iter().any(|session| self.waits(session));
            in_vain = Instant::now() >= until;
            if !waits || in_vain || hurry() || !sink.answers() {
                break;
            }
            sleep(INTERVAL).await;
        }
        self.give_up(unknown, in_vain);
        for (session, places) in rows.waiting.drain() {
            let calls = places.len() as u64;
            if let Some(Known::Caller(client)) = self.known.get(&session) {
                places.iter().for_each(|place| rows.block.set_client(*place, client));
                self.metrics.clients_resolved.inc_by(calls);
            } else {
                self.metrics.clients_unresolved.inc_by(calls);
            }
        }
    }

    /// Whether the sink is asked for a session.
    fn asks(&self, session: &Session) -> bool {
        match self.known.peek(session) {
            None => true,
            Some(Known::Unknown(since, not_for)) => since.elapsed() >= *not_for,
            Some(Known::Caller(_)) => false,
        }
    }

    /// Whether calls wait for the handshake of a session: only those of its first batch.
    fn waits(&self, session: &Session) -> bool {
        let in_vain = self.in_vain.peek(&server(session));
        self.known.peek(session).is_none() && in_vain.is_none_or(|times| *times < IN_VAIN)
    }

    /// Nobody knows of these sessions, which may have been waited for to the end.
    fn give_up(&mut self, unknown: Vec<Session>, in_vain: bool) {
        let waited_for = unknown.iter().filter(|session| in_vain && self.waits(session));
        let mut servers: Vec<_> = waited_for.map(server).collect();
        servers.sort_unstable();
        servers.dedup();
        for server in servers {
            *self.in_vain.get_or_insert_mut(server, || 0) += 1;
        }
        for session in unknown {
            let not_for = match self.known.peek(&session) {
                Some(Known::Unknown(_, not_for)) => UNKNOWN_FOR.1.min(*not_for * 2),
                _ => UNKNOWN_FOR.0,
            };
            self.known.put(session, Known::Unknown(Instant::now(), not_for));
        }
    }
}

/// The tenant and name of a session's server.
fn server(session: &Session) -> (Box<str>, Box<str>) {
    (session.tenant.clone(), session.server.clone())
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
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::tests::native;
    use super::{Rows, Sessions};
    use crate::pipeline::{Caller, InsertError, Session, Sink};
    use crate::row::Row;
    use crate::store::Block;
    use crate::telemetry::Metrics;

    /// Knows a session and, when it is asked for the third time, another; and how often it was asked for which.
    #[derive(Default)]
    struct Store(Mutex<Vec<Vec<Session>>>);

    impl Sink for Store {
        async fn insert(&self, _: &Block, _: &str) -> Result<(), InsertError> {
            Ok(())
        }

        async fn clients_of(&self, sessions: &[Session]) -> Vec<(Session, Caller)> {
            let mut asked = self.0.lock().unwrap();
            asked.push(sessions.to_vec());
            let times = |session: &Session| asked.iter().flatten().filter(|other| *other == session).count();
            let knows = |session: &Session| match &*session.id {
                "stored" => true,
                "late" => times(session) == 3,
                _ => false,
            };
            let known = sessions.iter().filter(|session| knows(session));
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
            sessions.complete(&mut rows, &store, || false).await;
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
            ("on its way to the store", &[("late", ""), ("late", "")], &[far, far]),
            ("known to nobody", &[("b", ""), ("b", "")], &["  ", "  "]),
            ("not asked for again at once", &[("b", "")], &["  "]),
        ] {
            assert_eq!(clients(calls).await, expected, "{case}");
        }
        let many = vec![("c", ""); 20_000];
        assert!(clients(&many).await.iter().all(|client| client == "  "));
        let asked = |id: &str| {
            let asked = store.0.lock().unwrap();
            asked.iter().flatten().filter(|session| &*session.id == id).count()
        };
        assert_eq!((asked("stored"), asked("late")), (1, 3));
        assert_eq!(
            (metrics.clients_resolved.get(), metrics.clients_unresolved.get()),
            (8, 20_003)
        );
        let before = asked("b");
        let times = [
            (2, 1),
            (2, 1),
            (2, 2),
            (7, 2),
            (1, 3),
            (16, 4),
            (32, 5),
            (59, 5),
            (1, 6),
            (59, 6),
            (1, 7),
        ];
        for (seconds, times) in times {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            assert_eq!(clients(&[("b", "")]).await, ["  "]);
            assert_eq!(asked("b") - before, times, "after {seconds} s more");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn handshakes_are_waited_for_unless_there_is_hurry_or_a_server_never_tells() {
        let (metrics, store) = (Metrics::new().unwrap(), Store::default());
        let mut sessions = Sessions::new(metrics);
        let mut takes = async |id: &'static str, hurry: bool| {
            let (mut rows, began) = (Rows::default(), Instant::now());
            let (id, client) = id.split_once(' ').unwrap_or((id, ""));
            rows.push(&row(id, client), &mut sessions);
            sessions.complete(&mut rows, &store, || hurry).await;
            began.elapsed().as_secs()
        };
        for (case, session, hurry, seconds) in [
            ("a full batch waits behind", "1", true, 0),
            ("the first", "2", false, 3),
            ("one that was asked for before", "2", false, 0),
            ("the second in vain", "3", false, 3),
            ("one that becomes known", "late", false, 0),
            ("the first after it", "4", false, 3),
            ("the second after it", "5", false, 3),
            ("the third after it", "6", false, 3),
            ("one whose handshake this collector sees", "near near 1", false, 0),
            ("the fourth", "7", false, 0),
            ("one that the store knows", "stored", false, 0),
            ("again the first", "8", false, 3),
        ] {
            assert_eq!(takes(session, hurry).await, seconds, "{case}");
        }
    }
}
