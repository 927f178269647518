//! Whatever became of the files of a spool, the collector starts, takes requests, and nobody has to delete anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prost::Message as _;

use crate::support::{Kept, PROTOBUF, Running, call, request, targets};

/// Requests of one call each that lie in the spool.
const CALLS: usize = 40;

/// A spool of several segments that a collector without a store has left.
async fn left_behind() -> Arc<tempfile::TempDir> {
    let sink = Kept::default();
    sink.set_down(true);
    let small = |config: &mut toolsight_collector::config::Config| config.spool.bytes = 4 << 20;
    let running = Running::with(sink, move |config| {
        small(config);
        config.batch.drain_time = std::time::Duration::ZERO;
    })
    .await;
    for number in 0..CALLS {
        let mut large = call(&format!("old{number}"));
        large.name = "x".repeat(50_000);
        let body = request(vec![large]).encode_to_vec();
        assert_eq!(running.post("/v1/traces", &[PROTOBUF], &body).await.status, 200);
    }
    let folder = Arc::clone(&running.folder);
    running.collector.shutdown().await;
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

#[tokio::test]
async fn no_file_of_the_spool_ever_has_to_be_deleted_by_hand() {
    let original = left_behind().await;
    let names: Vec<_> = files(original.path())
        .iter()
        .map(|path| path.file_name().unwrap().to_owned())
        .collect();
    let segments = names.iter().filter(|name| name.to_str().unwrap().ends_with(".segment"));
    assert!(segments.count() >= 3, "{names:?}");
    type Damage = fn(Vec<u8>) -> Vec<u8>;
    let damages: [(&str, Damage); 6] = [
        ("emptied", |_| Vec::new()),
        ("cut in half", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("zeroed", |bytes| vec![0; bytes.len()]),
        ("overwritten with ones", |bytes| vec![0xff; bytes.len()]),
        ("damaged in the middle", |mut bytes| {
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 1;
            }
            bytes
        }),
        ("followed by something else", |mut bytes| {
            bytes.extend_from_slice(&[0xa5; 5_000]);
            bytes
        }),
    ];
    for (name, (how, damage)) in names.iter().flat_map(|name| damages.map(|damage| (name, damage))) {
        let case = format!("{} {how}", name.display());
        let folder = Arc::new(tempfile::tempdir().unwrap());
        for path in files(original.path()) {
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
        let path = folder.path().join(name);
        fs::write(&path, damage(fs::read(&path).unwrap())).unwrap();

        let sink = Kept::default();
        let running = Running::in_folder(folder, sink.clone(), |config| config.spool.bytes = 4 << 20).await;
        let body = request(vec![call("new")]).encode_to_vec();
        let answer = running.post("/v1/traces", &[PROTOBUF], &body).await;
        assert_eq!(answer.status, 200, "{case}: {answer:?}");
        running.check_ledger().await;
        running.collector.shutdown().await;
        let rows = sink.rows();
        let targets = targets(&rows);
        assert_eq!(targets.iter().filter(|target| **target == "new").count(), 1, "{case}");
        let mut old: Vec<_> = targets.into_iter().filter(|target| *target != "new").collect();
        let found = old.len();
        old.sort_unstable();
        old.dedup();
        assert_eq!(old.len(), found, "{case}: a call is there twice");
        // At most what stood in the damaged file is missing.
        let is_segment = name.to_str().unwrap().ends_with(".segment");
        let least = if is_segment { CALLS - 12 } else { CALLS };
        assert!(found >= least, "{case}: {found} calls are left");
    }
}
