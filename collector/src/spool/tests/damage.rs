//! Bytes that are cut off or changed.

use super::recycled::confirm;
use super::*;

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
    let seed = segment::read_identity(&File::open(&path).unwrap(), 1)
        .unwrap()
        .unwrap()
        .seed;
    let second = SEGMENT_HEADER + size;
    for at in second..second + size {
        let mut damaged = whole.clone();
        damaged[at as usize] ^= 1 << (at % 8);
        fs::write(&path, damaged).unwrap();
        let file = File::open(&path).unwrap();
        assert!(
            segment::read_record(&file, second, 2, seed).unwrap().is_err(),
            "byte {at}"
        );
    }
    for at in 0..104 {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, damaged).unwrap();
        let file = File::open(&path).unwrap();
        assert_eq!(segment::read_identity(&file, 1).unwrap(), None, "byte {at}");
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
            let (mut again, log) = logged(|| open(folder.path(), SMALL));
            let kept = folder.path().join("quarantine/00000000000000000001.segment");
            let told = told(&log, &kept);
            assert_eq!(told.len(), 1 - round as usize, "{case}: {log}");
            assert!(
                told.iter()
                    .all(|line| line.contains("ERROR") && line.contains("offset=")),
                "{told:?}"
            );
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

/// What is done, and what this thread writes to the log meanwhile.
fn logged<T>(work: impl FnOnce() -> T) -> (T, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let writer = Arc::new(file.reopen().unwrap());
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
    let done = tracing::subscriber::with_default(log, work);
    (done, fs::read_to_string(file.path()).unwrap())
}

/// Lines that name the place where a damaged segment is kept.
fn told<'a>(log: &'a str, kept: &Path) -> Vec<&'a str> {
    let kept = format!("kept={}", kept.display());
    log.lines().filter(|line| line.contains(&kept)).collect()
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
        // Bytes of which a bit has flipped, and some that have become zeros, as an end is written.
        for (at, zeros) in [(0, 0), (4, 0), (8, 0), (16, 0), (HEADER as u64, 0), (0, 4), (0, 64)] {
            let again = tempfile::tempdir().unwrap();
            copy(folder.path(), &again);
            let mut bytes = whole.clone();
            let place = (SEGMENT_HEADER + record * size + at) as usize;
            bytes[place] ^= 0x10;
            bytes[place..place + zeros].fill(0);
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
    let (bodies, log) = logged(|| open.bodies(1));
    let numbers: Vec<u8> = bodies.iter().map(|(_, body)| body[0]).collect();
    assert_eq!(numbers, [0, 3, 4]);
    let kept = folder.path().join("quarantine/00000000000000000001.segment");
    let told = told(&log, &kept);
    assert!(
        told.len() == 1 && told[0].contains("ERROR") && told[0].contains("lsn=2"),
        "{log}"
    );
    assert_eq!(open.metrics.corrupt_segments.get(), 1);
    open.close(&runtime);
}

#[test]
fn what_stands_behind_all_records_of_a_segment_is_cut_off_and_costs_nothing() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), SMALL);
    for number in 0..4 {
        first.append(&runtime, "", &[number; 200_000]).unwrap();
    }
    first.close(&runtime);
    let path = segment::path(folder.path(), 1);
    let whole = fs::read(&path).unwrap();
    for junk in [&[0xff; 300][..], &[0; 300]] {
        fs::write(&path, [&whole[..], junk].concat()).unwrap();
        let mut again = open(folder.path(), SMALL);
        assert_eq!(again.bodies(1).len(), 4, "{junk:?}");
        assert_eq!(again.metrics.corrupt_segments.get(), 0, "{junk:?}");
        assert_eq!(fs::metadata(&path).unwrap().len(), whole.len() as u64, "{junk:?}");
        again.close(&runtime);
    }
}

#[test]
fn a_segment_that_cannot_be_put_away_keeps_no_other_from_making_room() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut open = open(folder.path(), SMALL);
    for number in 0..10 {
        open.append(&runtime, "", &[number; 200_000]).unwrap();
    }
    let damaged = segment::path(folder.path(), 1);
    fs::write(&damaged, "").unwrap();
    // No folder can be made of this name.
    fs::write(folder.path().join("quarantine"), "").unwrap();
    assert_eq!(open.bodies(1).len(), 8, "two fit into a segment");
    let ((), log) = logged(|| {
        confirm(&mut open, 1, 11);
        (0..3).for_each(|_| open.reader.reclaim());
    });
    let left = |open: &Open| open.reader.shared.lock().segments.keys().copied().collect::<Vec<_>>();
    assert_eq!(left(&open), [1, 9], "besides the one that is written to");
    assert_eq!(log.matches("cannot be removed").count(), 1, "{log}");

    fs::remove_file(folder.path().join("quarantine")).unwrap();
    open.reader.reclaim();
    assert_eq!((left(&open), damaged.exists()), (vec![9], false));
    open.close(&runtime);
}
