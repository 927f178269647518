//! Finds the engine's library, and has the npm client fetch it where it is missing.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use directories::ProjectDirs;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha512};
use tokio::{process::Command, task::spawn_blocking};

use super::{Progress, error::StoreError};

/// One release of the engine as an npm package.
struct Release {
    package: &'static str,
    version: &'static str,
    /// As in a lock file of npm.
    integrity: &'static str,
    packed_bytes: u64,
    library: &'static str,
    library_bytes: u64,
}

const RELEASE: Release = Release {
    package: "@chdb/lib-linux-x64-gnu",
    version: "26.7.3-stable.1",
    integrity: "sha512-XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==",
    packed_bytes: 177_817_999,
    library: "libchdb.so",
    library_bytes: 566_330_096,
};

/// Time without a further byte after which the download is given up.
const STALLED: Duration = Duration::from_secs(120);
/// Between two looks at how far the download is, or whether that of another process is over.
const LOOK: Duration = Duration::from_millis(250);

/// The library's path: `named`, else the one in the cache folder, after fetching it where it is missing or not whole.
pub(super) async fn library(
    named: Option<&Path>,
    progress: &(impl Fn(Progress) + Send + Sync),
) -> Result<PathBuf, StoreError> {
    let failed = |reason: String| StoreError::Fetch { reason };
    if let Some(path) = named {
        return match fs::metadata(path) {
            Ok(file) if file.is_file() => path.canonicalize().map_err(|error| failed(error.to_string())),
            Ok(_) => Err(failed(format!("{} is not a file", path.display()))),
            Err(error) => Err(failed(format!("{}: {error}", path.display()))),
        };
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        return Err(failed("it is only made for Linux with glibc on x86-64".to_owned()));
    }
    let folders = ProjectDirs::from("", "", "toolsight").ok_or_else(|| failed("no cache folder".to_owned()))?;
    let folder = folders.cache_dir().join("engine").join(RELEASE.version);
    cached_or_fetched(&folder, &RELEASE, &Npm::default(), progress)
        .await
        .map_err(failed)
}

/// How the npm client is called.
struct Npm {
    program: PathBuf,
    arguments: Vec<&'static str>,
}

impl Default for Npm {
    fn default() -> Self {
        Self {
            program: "npm".into(),
            arguments: Vec::new(),
        }
    }
}

async fn cached_or_fetched(
    folder: &Path,
    release: &'static Release,
    npm: &Npm,
    progress: &(impl Fn(Progress) + Send + Sync),
) -> Result<PathBuf, String> {
    let library = folder.join(release.library);
    if is_whole(&library, release) {
        return Ok(library);
    }
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let lock = File::create(folder.join("lock")).map_err(failed)?;
    let mut waiting = false;
    // Polled: a thread that waits for the lock could not be told to stop.
    while let Err(error) = lock.try_lock() {
        if let TryLockError::Error(error) = error {
            return Err(failed(error));
        }
        if !waiting {
            progress(Progress::EngineAwaited);
        }
        waiting = true;
        tokio::time::sleep(LOOK).await;
    }
    if is_whole(&library, release) {
        return Ok(library);
    }

    // Under the lock, so what is there was left behind.
    let work = folder.join("partial");
    clear(&work).map_err(failed)?;
    fs::create_dir(&work).map_err(failed)?;
    let fetched = fetch(&work, library.clone(), release, npm, progress).await;
    clear(&work).map_err(failed)?;
    fetched.map(|()| library)
}

/// Downloads, checks, unpacks within `work`, and only then gives the library its name.
async fn fetch(
    work: &Path,
    library: PathBuf,
    release: &'static Release,
    npm: &Npm,
    progress: &(impl Fn(Progress) + Send + Sync),
) -> Result<(), String> {
    let package = download(work, release, npm, progress).await?;
    progress(Progress::EngineUnpack);
    let unpacked = work.join(release.library);
    let unpack = move || {
        check_integrity(&package, release)?;
        unpack(&package, release, &unpacked).map_err(|error| format!("{}: {error}", package.display()))?;
        fs::rename(&unpacked, &library).map_err(|error| format!("{}: {error}", library.display()))
    };
    spawn_blocking(unpack).await.map_err(|error| error.to_string())?
}

/// A library gets its name only when it is complete, so its size tells whether somebody has cut it since.
fn is_whole(library: &Path, release: &Release) -> bool {
    fs::metadata(library).is_ok_and(|file| file.is_file() && file.len() == release.library_bytes)
}

fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Has npm put the package into `work` and gives its path.
async fn download(
    work: &Path,
    release: &Release,
    npm: &Npm,
    progress: &(impl Fn(Progress) + Send + Sync),
) -> Result<PathBuf, String> {
    let name = format!("{}@{}", release.package, release.version);
    // A cache of its own shows how many bytes have come, and leaves no second copy behind.
    let mut child = Command::new(&npm.program)
        .args([
            "pack",
            &name,
            "--fetch-retries=1",
            "--loglevel=error",
            "--pack-destination",
        ])
        .arg(work)
        .arg("--cache")
        .arg(work.join("cache"))
        .args(&npm.arguments)
        .current_dir(work)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(work.join("errors")).map_err(|error| error.to_string())?)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            format!(
                "{} cannot be run ({error}), and it is what fetches {name}",
                npm.program.display()
            )
        })?;
    let (mut bytes, mut since) = (0, tokio::time::Instant::now());
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(|error| error.to_string())?,
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = size(work).min(release.packed_bytes);
        if now > bytes {
            (bytes, since) = (now, tokio::time::Instant::now());
            progress(Progress::EngineDownload(bytes, release.packed_bytes));
        } else if since.elapsed() > STALLED {
            return Err(format!("the download of {name} stands still at {bytes} bytes"));
        }
    };
    if !status.success() {
        let errors = fs::read_to_string(work.join("errors")).unwrap_or_default();
        let errors = errors.lines().map(|line| line.trim_start_matches("npm error ").trim());
        let errors: Vec<_> = errors.filter(|line| !line.is_empty()).take(4).collect();
        return Err(format!("npm could not fetch {name}: {}", errors.join(", ")));
    }
    let packages = fs::read_dir(work)
        .map_err(|error| error.to_string())?
        .filter_map(Result::ok);
    let package = packages
        .map(|file| file.path())
        .find(|path| path.extension().is_some_and(|end| end == "tgz"));
    package.ok_or_else(|| format!("npm fetched no package {name}"))
}

/// Bytes of all files below a folder. Files come and go meanwhile, so what cannot be read counts as nothing.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(file) if file.is_dir() => size(&entry.path()),
        Ok(file) => file.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

fn check_integrity(package: &Path, release: &Release) -> Result<(), String> {
    let mut sha = Sha512::new();
    let copied = File::open(package).and_then(|mut file| io::copy(&mut file, &mut sha));
    copied.map_err(|error| format!("{}: {error}", package.display()))?;
    let found = format!("sha512-{}", STANDARD.encode(sha.finalize()));
    if found == release.integrity {
        return Ok(());
    }
    let Release {
        package,
        version,
        integrity,
        ..
    } = release;
    Err(format!(
        "{package}@{version} is not what was published: its integrity is {found} and should be {integrity}"
    ))
}

/// Writes the library out of the package, down to the disk.
fn unpack(package: &Path, release: &Release, target: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(package)?));
    for entry in archive.entries()? {
        let entry = entry?;
        if entry.path()?.file_name().is_none_or(|name| name != release.library) {
            continue;
        }
        let mut file = File::create(target)?;
        let bytes = io::copy(&mut entry.take(release.library_bytes + 1), &mut file)?;
        file.flush()?;
        file.sync_all()?;
        if bytes != release.library_bytes {
            return Err(io::Error::other(format!("{} has an unexpected size", release.library)));
        }
        return Ok(());
    }
    Err(io::Error::other(format!("holds no {}", release.library)))
}

#[cfg(test)]
mod tests;
