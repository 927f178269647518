//! The spool against a simple model of it, and against every damage of its files.

mod damage;
mod recycled;

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::record::{HEADER, NoRecord};
use super::segment::{self, SEGMENT_HEADER};
use super::*;

/// The least that a spool may be told to take; its segments have an eighth of it.
const SMALL: u64 = 4 << 20;

/// An open spool, and a runtime to wait with.
struct Open {
    spool: Spool,
    reader: Reader,
    ended: oneshot::Receiver<()>,
    metrics: Metrics,
}

fn config(bytes: u64) -> config::Spool {
    config::Spool {
        bytes,
        linger: Duration::ZERO,
        ..config::Spool::default()
    }
}

fn open(folder: &Path, bytes: u64) -> Open {
    open_with(&config(bytes), folder)
}

fn open_with(config: &config::Spool, folder: &Path) -> Open {
    let metrics = Metrics::new().unwrap();
    let (spool, reader, ended) = Spool::open(config, folder, &metrics).unwrap();
    Open {
        spool,
        reader,
        ended,
        metrics,
    }
}

impl Open {
    fn append(&self, runtime: &Runtime, tenant: &str, body: &[u8]) -> Result<Appended, AppendError> {
        runtime.block_on(self.spool.append(tenant, Bytes::copy_from_slice(body), 1))
    }

    /// Tenant and body of every record from this number on, those that cannot be read left out.
    fn bodies(&mut self, mut lsn: u64) -> Vec<(String, Vec<u8>)> {
        let mut bodies = Vec::new();
        loop {
            match self.reader.read(lsn).unwrap() {
                Found::Record(record, _) => {
                    bodies.push((record.tenant().to_owned(), record.body().to_owned()));
                    lsn += 1;
                }
                Found::Lost { next, .. } | Found::Gone { next } => lsn = next,
                Found::End => return bodies,
            }
        }
    }

    fn close(self, runtime: &Runtime) {
        self.spool.close();
        drop(self.reader);
        let _ = runtime.block_on(self.ended);
    }
}

fn copy(from: &Path, to: &TempDir) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// A folder as it is when the process is killed: nothing is closed.
fn killed(open: &Open) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&open.reader.shared.folder, &folder);
    folder
}

fn body(number: usize) -> Vec<u8> {
    format!("request {number}").into_bytes()
}

fn model(numbers: impl IntoIterator<Item = usize>) -> Vec<(String, Vec<u8>)> {
    let tenant = |number| format!("tenant {}", number % 2);
    numbers
        .into_iter()
        .map(|number| (tenant(number), body(number)))
        .collect()
}

/// A spool with this many requests in one segment, killed.
fn with(runtime: &Runtime, count: usize) -> (TempDir, u64) {
    let folder = tempfile::tempdir().unwrap();
    let open = open(folder.path(), SMALL);
    for (tenant, body) in model(0..count) {
        assert_eq!(open.append(runtime, &tenant, &body), Ok(Appended::Stored));
    }
    let size = record::size("tenant 0", &body(0));
    let killed = killed(&open);
    open.close(runtime);
    (killed, size)
}

#[test]
fn what_was_stored_again_is_known_until_the_records_of_its_batch_go() {
    let runtime = Runtime::new().unwrap();
    let (folder, _) = with(&runtime, 3);
    let position = |lsn| Position { lsn, row: 0 };
    let (first, end) = (position(1), position(4));
    let seal = Seal { first, end };
    let token = "collector:e:1.0-4.0";
    let by_hand = ByHand::new(folder.path());
    let note = || stored_again::note(&by_hand.path(&format!("{token}/0-1"))).unwrap();
    let is_known = || !by_hand.parts(token).unwrap().is_empty();
    note();
    let mut open_first = open(folder.path(), SMALL);
    open_first.reader.seal(seal).unwrap();
    open_first.reader.reclaim();
    open_first.close(&runtime);
    assert!(is_known(), "the batch is not done");

    let mut open_again = open(folder.path(), SMALL);
    open_again.reader.confirm(seal, &[(1, 3)]).unwrap();
    assert!(is_known(), "it may be sent again");
    open_again.reader.reclaim();
    assert!(!is_known(), "its records are gone");
    open_again.close(&runtime);

    // The command ended only when they were.
    note();
    open(folder.path(), SMALL).close(&runtime);
    assert!(!is_known());
}

#[test]
fn a_full_spool_refuses_and_has_room_again_once_the_store_has_what_is_in_it() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut open = open(folder.path(), SMALL);
    let mut stored = 0;
    let refused = loop {
        match open.append(&runtime, "", &[stored; 250_000]) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((refused, stored), (AppendError::Full, 16));
    assert_eq!(open.metrics.spool_full.get(), 1);
    let on_disk: u64 = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(on_disk <= SMALL + 4096, "{on_disk}");
    let too_large = open.append(&runtime, "", &vec![1; SMALL as usize]);
    assert_eq!(too_large, Err(AppendError::TooLarge { limit: SMALL }));
    let seal = Seal {
        first: Position { lsn: 1, row: 0 },
        end: Position { lsn: 4, row: 0 },
    };
    open.reader.seal(seal).unwrap();
    open.reader.confirm(seal, &[(1, 2), (3, 1)]).unwrap();
    assert_eq!(
        open.append(&runtime, "", &[99; 250_000]),
        Ok(Appended::Stored),
        "the first segment was removed"
    );
    assert_eq!(open.metrics.rows_queued.get(), 14);
    assert!(!segment::path(folder.path(), 1).exists());
    open.close(&runtime);
}

#[test]
fn what_was_sealed_and_not_confirmed_is_told_with_the_same_token_after_a_kill() {
    let runtime = Runtime::new().unwrap();
    let (folder, _) = with(&runtime, 6);
    let seals: Vec<_> = [(1, 3), (3, 5)]
        .map(|(first, end)| Seal {
            first: Position { lsn: first, row: 0 },
            end: Position { lsn: end, row: 0 },
        })
        .into();
    let prefix = |open: &mut Open| match open.reader.read(1).unwrap() {
        Found::Record(_, prefix) => prefix,
        other => panic!("{other:?}"),
    };
    let mut first = open(folder.path(), SMALL);
    let token = prefix(&mut first);
    for seal in &seals {
        first.reader.seal(*seal).unwrap();
    }
    first.reader.confirm(seals[0], &[(1, 2)]).unwrap();
    let copy = killed(&first);
    first.close(&runtime);

    let mut again = open(copy.path(), SMALL);
    let left = again.reader.left();
    assert_eq!((left.unconfirmed, left.replays), (vec![seals[1]], vec![]));
    assert_eq!(again.reader.next(), seals[1].end);
    assert_eq!(
        (prefix(&mut again), again.metrics.rows_recovered.get()),
        (token.clone(), 4)
    );
    again.append(&runtime, "", b"new").unwrap();
    match again.reader.read(7).unwrap() {
        Found::Record(_, other) => assert_ne!(other, token, "a copy of the folder has other tokens for other rows"),
        other => panic!("{other:?}"),
    }
    again.close(&runtime);

    // The machine was started anew: what the store confirmed before may be lost.
    let metrics = Metrics::new().unwrap();
    for boot in [1, 2] {
        let mut window = DigestWindow::default();
        let lock = Lock::take(copy.path()).unwrap();
        let (mut reader, _) = recover(&config(SMALL), copy.path(), lock, boot, &mut window, &metrics).unwrap();
        assert_eq!(reader.left().replays, [seals[0]], "boot {boot}");
    }
}

#[test]
fn a_lock_that_a_dead_collector_left_is_no_obstacle() {
    let runtime = Runtime::new().unwrap();
    let (folder, _) = with(&runtime, 1);
    assert!(folder.path().join("lock").exists());
    let first = open(folder.path(), SMALL);
    let second = Spool::open(&config(SMALL), folder.path(), &Metrics::new().unwrap());
    assert!(matches!(second, Err(SpoolError::InUse { .. })));
    first.close(&runtime);
    open(folder.path(), SMALL).close(&runtime);
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize, usize),
    /// The process ends, and the segment that was written has these bytes behind its data.
    Kill(Vec<u8>),
    Close,
    /// The store takes so many records.
    Confirm(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..40_usize, 0..60_000_usize).prop_map(|(number, padding)| Step::Append(number, padding)),
        2 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Step::Kill),
        1 => Just(Step::Close),
        2 => (1..6_u64).prop_map(Step::Confirm),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_happens_there_is_what_was_acknowledged(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = Runtime::new().unwrap();
        let mut folder = tempfile::tempdir().unwrap();
        let mut spool = open(folder.path(), SMALL);
        // Records from number 1 on, and how many of them the store has.
        let (mut records, mut confirmed) = (Vec::<Vec<u8>>::new(), 0_u64);
        for step in steps {
            match step {
                Step::Append(number, padding) => {
                    let mut body = body(number);
                    body.resize(body.len() + padding, b'x');
                    match spool.append(&runtime, "", &body) {
                        Ok(Appended::Stored) => records.push(body),
                        Ok(Appended::Duplicate) => prop_assert!(records.contains(&body)),
                        Err(error) => prop_assert_eq!(error, AppendError::Full),
                    }
                }
                Step::Confirm(count) => {
                    let end = (confirmed + count).min(records.len() as u64);
                    let seal = Seal {
                        first: Position { lsn: confirmed + 1, row: 0 },
                        end: Position { lsn: end + 1, row: 0 },
                    };
                    let mut taken = Vec::new();
                    for lsn in confirmed + 1..=end {
                        taken.push((spool.reader.segment_of(lsn), 1));
                    }
                    spool.reader.seal(seal).unwrap();
                    spool.reader.confirm(seal, &taken).unwrap();
                    spool.reader.reclaim();
                    confirmed = end;
                }
                Step::Close | Step::Kill(_) => {
                    let torn = if let Step::Kill(torn) = step { torn } else { Vec::new() };
                    let next = killed(&spool);
                    let last = spool.reader.shared.lock().segments.last_key_value().map(|(first, _)| *first);
                    spool.close(&runtime);
                    if let Some(first) = last.filter(|_| torn.iter().any(|byte| *byte != 0)) {
                        let closed = fs::metadata(segment::path(folder.path(), first)).unwrap().len();
                        let file = fs::OpenOptions::new().write(true).open(segment::path(next.path(), first)).unwrap();
                        file.write_all_at(&torn, closed).unwrap();
                        folder = next;
                    }
                    spool = open(folder.path(), SMALL);
                    prop_assert_eq!(spool.metrics.corrupt_segments.get(), 0);
                }
            }
            let there: Vec<_> = spool.bodies(confirmed + 1).into_iter().map(|(_, body)| body).collect();
            prop_assert_eq!(&there[..], &records[confirmed as usize..]);
            prop_assert_eq!(spool.metrics.rows_queued.get() as usize, there.len());
        }
        spool.close(&runtime);
    }
}
