//! The spool against a simple model of it, and against every damage of its files.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::record::HEADER;
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
    let metrics = Metrics::new().unwrap();
    let (spool, reader, ended) = Spool::open(&config(bytes), folder, &metrics).unwrap();
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
                Found::Lost { next, .. } => lsn = next,
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
fn a_record_that_is_cut_anywhere_is_none_and_those_before_it_are_there() {
    let runtime = Runtime::new().unwrap();
    let (folder, size) = with(&runtime, 3);
    let whole = fs::read(segment::path(folder.path(), 1)).unwrap();
    let last = (SEGMENT_HEADER + 2 * size) as usize;
    for cut in last..last + size as usize {
        for zeros in [true, false] {
            let again = tempfile::tempdir().unwrap();
            copy(folder.path(), &again);
            let mut torn = whole[..cut].to_vec();
            if zeros {
                torn.resize(whole.len(), 0);
            }
            fs::write(segment::path(again.path(), 1), torn).unwrap();
            let mut open = open(again.path(), SMALL);
            assert_eq!(open.bodies(1), model(0..2), "{cut} {zeros}");
            assert_eq!(open.metrics.corrupt_segments.get(), 0);
            open.append(&runtime, "tenant 0", b"next").unwrap();
            assert_eq!(
                open.bodies(3),
                [("tenant 0".to_owned(), b"next".to_vec())],
                "{cut} {zeros}"
            );
            open.close(&runtime);
        }
    }
}

#[test]
fn a_bit_that_flips_anywhere_in_a_record_is_noticed() {
    let runtime = Runtime::new().unwrap();
    let (folder, size) = with(&runtime, 3);
    let path = segment::path(folder.path(), 1);
    let whole = fs::read(&path).unwrap();
    let second = SEGMENT_HEADER + size;
    for at in second..second + size {
        let mut damaged = whole.clone();
        damaged[at as usize] ^= 1 << (at % 8);
        fs::write(&path, damaged).unwrap();
        let file = File::open(&path).unwrap();
        assert!(segment::read_record(&file, second, 2).unwrap().is_err(), "byte {at}");
    }
    for at in 0..104 {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, damaged).unwrap();
        let file = File::open(&path).unwrap();
        assert_eq!(segment::read_prefix(&file, 1).unwrap(), None, "byte {at}");
    }
}

#[test]
fn a_damaged_segment_goes_to_quarantine_and_the_rest_is_used() {
    let runtime = Runtime::new().unwrap();
    for (case, offset, there) in [
        ("the header", 20, vec![]),
        ("the first record", SEGMENT_HEADER + 60, vec![]),
        ("the second", SEGMENT_HEADER + 200_100, vec![0]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path(), SMALL);
        let large = |number: u8| vec![number; 200_000];
        for number in 0..4 {
            first.append(&runtime, "", &large(number)).unwrap();
        }
        first.close(&runtime);
        assert!(segment::path(folder.path(), 3).exists(), "two fit into a segment");
        let file = fs::OpenOptions::new()
            .write(true)
            .open(segment::path(folder.path(), 1))
            .unwrap();
        file.write_all_at(&[0xff; 8], offset).unwrap();
        for round in 0..2 {
            let mut again = open(folder.path(), SMALL);
            let expected: Vec<_> = there
                .iter()
                .chain(&[2, 3])
                .map(|number| (String::new(), large(*number)))
                .collect();
            assert_eq!(again.bodies(1), expected, "{case}");
            assert_eq!(again.metrics.corrupt_segments.get(), 1 - round, "{case}");
            assert_eq!(again.metrics.rows_queued.get() as usize, expected.len(), "{case}");
            again.close(&runtime);
        }
        assert!(folder.path().join("quarantine/00000000000000000001.segment").exists());
    }
}

#[test]
fn damage_of_the_last_segment_is_told_from_a_write_that_was_interrupted() {
    let runtime = Runtime::new().unwrap();
    let (folder, size) = with(&runtime, 4);
    let whole = fs::read(segment::path(folder.path(), 1)).unwrap();
    for (case, record, there, damaged) in [
        ("the first of four", 0, 0..0, 1),
        ("the third", 2, 0..2, 1),
        ("the last, which may have been on its way", 3, 0..3, 0),
    ] {
        for at in [0, 4, 8, 16, HEADER as u64] {
            let again = tempfile::tempdir().unwrap();
            copy(folder.path(), &again);
            let mut bytes = whole.clone();
            bytes[(SEGMENT_HEADER + record * size + at) as usize] ^= 0x10;
            fs::write(segment::path(again.path(), 1), &bytes).unwrap();
            let mut open = open(again.path(), SMALL);
            assert_eq!(open.bodies(1), model(there.clone()), "{case}, byte {at}");
            assert_eq!(open.metrics.corrupt_segments.get(), damaged, "{case}, byte {at}");
            let kept = again.path().join("quarantine/00000000000000000001.segment");
            assert_eq!(kept.exists(), damaged == 1, "{case}, byte {at}");
            open.close(&runtime);
        }
    }
}

#[test]
fn damage_that_is_noticed_while_reading_costs_the_rest_of_that_segment() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut open = open(folder.path(), SMALL);
    for number in 0..5 {
        open.append(&runtime, "", &[number; 150_000]).unwrap();
    }
    let file = fs::OpenOptions::new()
        .write(true)
        .open(segment::path(folder.path(), 1))
        .unwrap();
    file.write_all_at(&[9], SEGMENT_HEADER + 150_100 + HEADER as u64)
        .unwrap();
    let numbers: Vec<u8> = open.bodies(1).iter().map(|(_, body)| body[0]).collect();
    assert_eq!(numbers, [0, 3, 4]);
    assert_eq!(open.metrics.corrupt_segments.get(), 1);
    open.close(&runtime);
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
