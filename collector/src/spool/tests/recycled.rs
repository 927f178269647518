//! Segments that overwrite spares.

use super::*;

/// Bytes of a body that a segment of a small spool has room for two of.
const HALF: usize = 250_000;

/// Stores bodies that fill segments, and takes them into the store, all but the last two.
fn fill(open: &mut Open, runtime: &Runtime, segments: u8) {
    for number in 0..2 * segments {
        open.append(runtime, "", &[number; HALF]).unwrap();
    }
    let end = u64::from(2 * segments) - 1;
    confirm(open, 1, end);
    open.reader.reclaim();
}

/// The store takes all requests from number `first` on up to the one in front of `end`.
pub(super) fn confirm(open: &mut Open, first: u64, end: u64) {
    let seal = Seal {
        first: Position { lsn: first, row: 0 },
        end: Position { lsn: end, row: 0 },
    };
    let taken: Vec<_> = (first..end).map(|lsn| (open.reader.segment_of(lsn), 1)).collect();
    open.reader.seal(seal).unwrap();
    open.reader.confirm(seal, &taken).unwrap();
}

/// Files with this ending, and the bytes of them.
fn files(folder: &Path, ending: &str) -> (usize, u64) {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sizes: Vec<u64> = paths
        .filter(|path| path.extension().is_some_and(|other| other == ending))
        .map(|path| fs::metadata(path).unwrap().len())
        .collect();
    (sizes.len(), sizes.iter().sum())
}

#[test]
fn two_spares_are_kept_and_count_and_cost_no_room() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut open = open(folder.path(), SMALL);
    fill(&mut open, &runtime, 5);
    let (spares, bytes) = files(folder.path(), "spare");
    assert_eq!((spares, files(folder.path(), "segment").0), (2, 1));
    assert_eq!(
        open.metrics.spool_bytes.get() as u64,
        bytes + files(folder.path(), "segment").1
    );
    let mut stored = 2;
    while open.append(&runtime, "", &[100 + stored; HALF]).is_ok() {
        stored += 1;
    }
    assert_eq!(stored, 16, "as many as without spares");
    assert_eq!(files(folder.path(), "spare").0, 0);
    open.close(&runtime);
}

#[test]
fn a_segment_of_a_few_requests_is_not_kept() {
    let runtime = Runtime::new().unwrap();
    let (folder, _) = with(&runtime, 3);
    let mut open = open(folder.path(), SMALL);
    confirm(&mut open, 1, 4);
    open.reader.reclaim();
    assert_eq!(
        (files(folder.path(), "segment").0, files(folder.path(), "spare").0),
        (0, 0)
    );
    open.close(&runtime);
}

#[test]
fn a_spare_that_is_too_small_makes_room() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut open = open(folder.path(), SMALL);
    fill(&mut open, &runtime, 5);
    assert_eq!(files(folder.path(), "spare").0, 2);
    let most = SMALL as usize - 600_000;
    assert_eq!(open.append(&runtime, "", &vec![1; most]), Ok(Appended::Stored));
    assert_eq!(files(folder.path(), "spare").0, 0);
    assert!(files(folder.path(), "segment").1 <= SMALL);
    open.close(&runtime);
}

#[test]
fn spares_are_gone_after_a_start() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path(), SMALL);
    fill(&mut first, &runtime, 3);
    first.close(&runtime);
    assert_eq!(files(folder.path(), "spare").0, 2);
    let again = open(folder.path(), SMALL);
    assert_eq!(files(folder.path(), "spare").0, 0);
    assert_eq!(again.metrics.rows_queued.get(), 2);
    again.close(&runtime);
}

#[test]
fn a_segment_whose_new_name_was_forgotten_is_found() {
    let runtime = Runtime::new().unwrap();
    let crash = Crash::new(&runtime, vec![100, 200], vec![300]);
    let spare = segment::spare_path(crash.folder.path(), 1);
    for (case, damage, there, damaged) in [
        ("it is whole", 0, crash.bodies.len(), 0),
        ("its header cannot be read", 1, 0, 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        copy(crash.folder.path(), &folder);
        fs::remove_file(folder.path().join(crash.path.file_name().unwrap())).unwrap();
        let path = folder.path().join(spare.file_name().unwrap());
        let mut bytes = crash.after.clone();
        bytes[20] ^= damage;
        fs::write(&path, bytes).unwrap();
        let mut open = open(folder.path(), SMALL);
        let first = segment::first_of(&crash.path).unwrap();
        assert_eq!(open.bodies(first).len(), there, "{case}");
        assert_eq!(open.metrics.corrupt_segments.get(), damaged, "{case}");
        assert!(!path.exists(), "{case}");
        open.close(&runtime);
    }
}

#[test]
fn a_record_of_the_file_s_earlier_life_is_none_even_where_its_number_is_right() {
    let runtime = Runtime::new().unwrap();
    let (folder, size) = with(&runtime, 3);
    let path = segment::path(folder.path(), 1);
    let before = fs::read(&path).unwrap();
    let seed = segment::read_identity(&File::open(&path).unwrap(), 1)
        .unwrap()
        .unwrap()
        .seed;
    segment::make_spare(folder.path(), 1).unwrap();
    let (file, identity) = segment::overwrite(folder.path(), 1, 1, "collector").unwrap();
    file.write_all_at(&before[SEGMENT_HEADER as usize..], SEGMENT_HEADER)
        .unwrap();
    for (lsn, offset) in (1..=3).map(|lsn| (lsn, SEGMENT_HEADER + (lsn - 1) * size)) {
        assert!(segment::read_record(&file, offset, lsn, seed).unwrap().is_ok(), "{lsn}");
        assert!(
            segment::read_record(&file, offset, lsn, identity.seed)
                .unwrap()
                .is_err(),
            "{lsn}"
        );
    }
    let mut open = open(folder.path(), SMALL);
    assert_eq!((open.bodies(1), open.metrics.corrupt_segments.get()), (vec![], 0));
    open.close(&runtime);
}

/// Writes the requests of a segment once more, with this seed and time of arrival.
fn rewrite(path: &Path, count: usize, seed: u32, arrival: u64) {
    let (mut bytes, mut records) = (fs::read(path).unwrap(), Vec::new());
    for (lsn, (tenant, body)) in (1..).zip(model(0..count)) {
        let header = record::Header::new(lsn, arrival, record::digest(&tenant, &body), 1, 0);
        record::encode(&header, seed, &tenant, &body, &mut records);
    }
    let start = SEGMENT_HEADER as usize;
    bytes[start..start + records.len()].copy_from_slice(&records);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_request_that_comes_again_is_known_after_a_start_whatever_the_clock_said_when_it_came() {
    let (runtime, hour) = (Runtime::new().unwrap(), 3_600_000_000);
    for (case, arrival) in [
        ("the clock has gone forward since", record::now() - hour),
        ("it has been set back since", record::now() + hour),
        ("it was not set then", 0),
    ] {
        let (folder, _) = with(&runtime, 1);
        let path = segment::path(folder.path(), 1);
        let identity = segment::read_identity(&File::open(&path).unwrap(), 1).unwrap();
        rewrite(&path, 1, identity.unwrap().seed, arrival);
        let open = open(folder.path(), SMALL);
        let (tenant, body) = model(0..1).remove(0);
        let again = open.append(&runtime, &tenant, &body);
        assert_eq!(again, Ok(Appended::Duplicate), "{case}");
        open.close(&runtime);
    }
}

#[test]
fn a_segment_of_the_format_before_is_read() {
    let runtime = Runtime::new().unwrap();
    let (folder, _) = with(&runtime, 3);
    let path = segment::path(folder.path(), 1);
    rewrite(&path, 3, 0, record::now());
    let mut bytes = fs::read(&path).unwrap();
    bytes[..8].copy_from_slice(b"tsspool1");
    fs::write(&path, bytes).unwrap();
    let mut open = open(folder.path(), SMALL);
    assert_eq!((open.bodies(1), open.metrics.corrupt_segments.get()), (model(0..3), 0));
    open.close(&runtime);
}

/// Which sectors of a write the disk had when the machine stopped.
#[derive(Clone, Debug)]
enum Written {
    First(usize),
    AllBut(usize),
    Some(Vec<bool>),
}

impl Written {
    fn has(&self, sector: usize, sectors: usize) -> bool {
        match self {
            Self::First(count) => sector < count % (sectors + 1),
            Self::AllBut(other) => sector != other % sectors,
            Self::Some(some) => some[sector % some.len()],
        }
    }
}

fn written() -> impl Strategy<Value = Written> {
    prop_oneof![
        any::<usize>().prop_map(Written::First),
        any::<usize>().prop_map(Written::AllBut),
        prop::collection::vec(any::<bool>(), 1..97).prop_map(Written::Some),
    ]
}

/// A segment in the place of a spare: requests that were acknowledged, and the write that the machine may stop in.
struct Crash {
    folder: TempDir,
    path: PathBuf,
    /// The file before the write.
    before: Vec<u8>,
    /// And after it.
    after: Vec<u8>,
    /// Where the write begins and ends.
    write: std::ops::Range<usize>,
    /// All bodies of the segment, and how many of them were acknowledged before.
    bodies: Vec<Vec<u8>>,
    acknowledged: usize,
}

impl Crash {
    fn new(runtime: &Runtime, one_by_one: Vec<usize>, together: Vec<usize>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config::Spool {
            durability: config::Durability::Os,
            ..config(SMALL)
        };
        let mut open = open_with(&config, folder.path());
        // Small records, so that many of the old ones stand behind the new ones.
        for number in 0..350_u64 {
            let mut body = vec![0xee; 1_500];
            body[..8].copy_from_slice(&number.to_le_bytes());
            open.append(runtime, "", &body).unwrap();
        }
        confirm(&mut open, 1, 351);
        open.reader.reclaim();
        assert_eq!(files(folder.path(), "spare").0, 1);
        let first_of = |open: &Open| *open.reader.shared.lock().segments.last_key_value().unwrap().0;
        let filled = first_of(&open);
        let mut number = 0_u64;
        let mut body = |size: usize| {
            number += 1;
            let mut body = vec![0x11; size + 8];
            body[..8].copy_from_slice(&number.to_le_bytes());
            body
        };
        while first_of(&open) == filled {
            open.append(runtime, "", &body(1_500)).unwrap();
        }
        let first = first_of(&open);
        let mut bodies: Vec<_> = open.bodies(first).into_iter().map(|(_, body)| body).collect();
        for size in one_by_one {
            bodies.push(body(size));
            open.append(runtime, "", bodies.last().unwrap()).unwrap();
        }
        let path = segment::path(folder.path(), first);
        let stale = fs::read(&path).unwrap();
        let appended: Vec<_> = together.into_iter().map(|size| Bytes::from(body(size))).collect();
        runtime.block_on(async {
            let appends = appended.iter().map(|body| open.spool.append("", body.clone(), 1));
            for stored in futures_util::future::join_all(appends).await {
                stored.unwrap();
            }
        });
        let after = fs::read(&path).unwrap();
        // They may have been written in more than one go: the last of them is the one that is interrupted.
        let file = File::open(&path).unwrap();
        let (mut offset, mut lsn, mut start, mut acknowledged) = (SEGMENT_HEADER, first, 0, 0);
        let behind = loop {
            let header = match segment::read_header(&file, offset, lsn).unwrap() {
                Ok(header) => header,
                Err(none) => break none,
            };
            if header.place == 0 {
                (start, acknowledged) = (offset as usize, (lsn - first) as usize);
            }
            (offset, lsn) = (offset + header.size(), lsn + 1);
        };
        assert_eq!(
            behind,
            NoRecord::End,
            "what was there before does not look like an interrupted write"
        );
        bodies.clear();
        bodies.extend(open.bodies(first).into_iter().map(|(_, body)| body));
        assert_eq!(bodies.len() as u64, lsn - first);
        let mut before = stale;
        before[..start].copy_from_slice(&after[..start]);
        before[start..start + record::END.len()].copy_from_slice(&record::END);
        let image = killed(&open);
        open.close(runtime);
        Self {
            path: segment::path(image.path(), first),
            folder: image,
            before,
            after,
            write: start..offset as usize + record::END.len(),
            bodies,
            acknowledged,
        }
    }

    /// The file with these sectors of the write.
    fn image(&self, written: &Written, sector: usize) -> Vec<u8> {
        let mut image = self.before.clone();
        let first = self.write.start / sector;
        let sectors = self.write.end.div_ceil(sector) - first;
        for index in (0..sectors).filter(|index| written.has(*index, sectors)) {
            let start = (first + index) * sector;
            let end = (start + sector).min(image.len());
            image[start..end].copy_from_slice(&self.after[start..end]);
        }
        image
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_machine_that_stops_in_the_middle_of_a_write_costs_nothing_that_was_acknowledged_and_brings_back_nothing_old(
        one_by_one in prop::collection::vec(0..3_000_usize, 0..4),
        together in prop::collection::vec(0..9_000_usize, 1..8),
        images in prop::collection::vec((written(), prop::sample::select(vec![512, 4096])), 30),
    ) {
        let runtime = Runtime::new().unwrap();
        let crash = Crash::new(&runtime, one_by_one, together);
        for (written, sector) in images {
            let folder = tempfile::tempdir().unwrap();
            copy(crash.folder.path(), &folder);
            let path = folder.path().join(crash.path.file_name().unwrap());
            fs::write(&path, crash.image(&written, sector)).unwrap();
            let mut open = open(folder.path(), SMALL);
            let first = segment::first_of(&path).unwrap();
            let there: Vec<_> = open.bodies(first).into_iter().map(|(_, body)| body).collect();
            prop_assert!(there.len() >= crash.acknowledged, "{} of {}", there.len(), crash.acknowledged);
            prop_assert_eq!(&there[..], &crash.bodies[..there.len()]);
            prop_assert_eq!(open.metrics.corrupt_segments.get(), 0);
            open.close(&runtime);
        }
    }
}

#[test]
fn damage_in_the_middle_of_an_overwritten_segment_is_told_from_an_interrupted_write() {
    let runtime = Runtime::new().unwrap();
    let crash = Crash::new(&runtime, vec![100, 200, 300, 400], vec![500]);
    let count = crash.bodies.len();
    for (case, record, damaged) in [
        ("the last but one", count - 2, 1),
        ("the last", count - 1, 0),
        ("the first", 0, 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        copy(crash.folder.path(), &folder);
        let path = folder.path().join(crash.path.file_name().unwrap());
        let sizes = crash.bodies[..record].iter().map(|body| record::size("", body));
        let at = SEGMENT_HEADER + sizes.sum::<u64>() + HEADER as u64;
        let mut bytes = crash.after.clone();
        bytes[at as usize] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        let mut open = open(folder.path(), SMALL);
        let first = segment::first_of(&path).unwrap();
        assert_eq!(open.bodies(first).len(), record, "{case}");
        assert_eq!(open.metrics.corrupt_segments.get(), damaged, "{case}");
        open.close(&runtime);
    }
}
