//! The fetch with packages and an npm client of the test.

use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::{Compression, write::GzEncoder};

use super::*;

const SMALL: Release = Release {
    package: "@chdb/lib-linux-x64-gnu",
    version: "26.7.3-stable.1",
    integrity: "sha512-8HqhRYUNp4jJMLQQHyvJjQ==",
    packed_bytes: 100,
    library: "libchdb.so",
    library_bytes: 7,
};

fn package(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join("package.tgz");
    let mut archive = tar::Builder::new(GzEncoder::new(File::create(&path).unwrap(), Compression::fast()));
    for (name, content) in [("package/package.json", &b"{}"[..]), (name, content)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
    path
}

#[tokio::test]
async fn a_library_that_cannot_be_fetched_is_explained_and_leaves_nothing() {
    let missing = Npm {
        program: "/no/such/npm".into(),
        arguments: Vec::new(),
    };
    let offline = Npm {
        arguments: vec!["--offline"],
        ..Npm::default()
    };
    let unknown = Npm {
        arguments: vec!["--registry=http://127.0.0.1:9/"],
        ..Npm::default()
    };
    for (npm, message) in [
        (missing, "/no/such/npm cannot be run (No such file"),
        (
            offline,
            "npm could not fetch @chdb/lib-linux-x64-gnu@26.7.3-stable.1: code ENOTCACHED",
        ),
        (
            unknown,
            "npm could not fetch @chdb/lib-linux-x64-gnu@26.7.3-stable.1: code ECONNREFUSED",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        // Left behind by a process that was killed, and by a disk that was full.
        fs::create_dir(folder.path().join("partial")).unwrap();
        fs::write(folder.path().join("libchdb.so"), "cut").unwrap();
        let error = cached_or_fetched(folder.path(), &SMALL, &npm, &|_| {})
            .await
            .unwrap_err();
        assert!(error.contains(message), "{error}");
        assert!(!folder.path().join("partial").exists());
    }
}

#[tokio::test]
async fn a_whole_library_is_used_without_npm() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("libchdb.so"), "library").unwrap();
    let npm = Npm {
        program: "/no/such/npm".into(),
        arguments: Vec::new(),
    };
    let found = cached_or_fetched(folder.path(), &SMALL, &npm, &|_| {}).await;
    assert_eq!(found, Ok(folder.path().join("libchdb.so")));
}

#[test]
fn waiting_for_another_process_that_fetches_can_be_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let other = File::create(folder.path().join("lock")).unwrap();
    other.lock().unwrap();
    let (awaited, runtime) = (AtomicUsize::new(0), tokio::runtime::Runtime::new().unwrap());
    let waited = runtime.block_on(async {
        let progress = |progress| {
            assert_eq!(progress, Progress::EngineAwaited);
            awaited.fetch_add(1, Ordering::Relaxed);
        };
        let npm = Npm::default();
        let waiting = cached_or_fetched(folder.path(), &SMALL, &npm, &progress);
        tokio::time::timeout(LOOK * 3, waiting).await
    });
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(awaited.load(Ordering::Relaxed), 1);
    // Waits for threads that block, for ever if need be.
    let (ended, end) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        drop(runtime);
        ended.send(())
    });
    assert_eq!(end.recv_timeout(Duration::from_secs(10)), Ok(()));
}

#[test]
fn a_package_with_another_integrity_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = package(folder.path(), "package/libchdb.so", b"library");
    let error = check_integrity(&path, &SMALL).unwrap_err();
    assert!(
        error.contains("is not what was published") && error.contains(SMALL.integrity),
        "{error}"
    );
    let integrity = error
        .split_whitespace()
        .find(|word| word.starts_with("sha512-"))
        .unwrap()
        .to_owned();
    assert_eq!(
        check_integrity(
            &path,
            &Release {
                integrity: integrity.leak(),
                ..SMALL
            }
        ),
        Ok(())
    );
}

#[test]
fn only_a_library_of_the_known_size_is_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("libchdb.so");
    for (name, content, message) in [
        ("package/libchdb.so", &b"library"[..], None),
        ("package/libchdb.so", b"librar", Some("unexpected size")),
        ("package/libchdb.so", b"library.", Some("unexpected size")),
        ("package/other.so", b"library", Some("holds no libchdb.so")),
    ] {
        let path = package(folder.path(), name, content);
        let error = unpack(&path, &SMALL, &target).err().map(|error| error.to_string());
        assert_eq!(error.is_some(), message.is_some(), "{error:?}");
        assert!(message.is_none_or(|message| error.unwrap().contains(message)), "{name}");
        if message.is_none() {
            assert_eq!(fs::read(&target).unwrap(), content);
        }
    }
}
