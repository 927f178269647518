//! Whether a collector would start with some settings, as far as that can be told without starting it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::bail;
use rustix::fs::{Access as Rights, access};

use crate::auth::Access;
use crate::config::Config;
use crate::serve::store_config;
use crate::store::Location;
use crate::telemetry::Metrics;
use crate::tls::Tls;

/// Checks that the files which the settings name can be read as what they are for, that folders can be written, and that
/// settings do not contradict each other. Needs a tokio runtime.
///
/// # Errors
/// All that is wrong, a line each; each says what to do.
pub async fn check(config: &Config) -> anyhow::Result<()> {
    let metrics = Metrics::new()?;
    let (mut wrong, security) = (missing_files(config), &config.security);
    let are_there = |files: &[&Option<PathBuf>]| files.iter().copied().flatten().all(|file| file.is_file());
    if are_there(&[&security.tokens_file]) {
        let tokens = Access::open(security.tokens_file.as_deref(), &metrics).await;
        wrong.extend(tokens.err().map(|error| error.to_string()));
    }
    if are_there(&[&security.tls_certificate, &security.tls_key, &security.tls_client_ca]) {
        let tls = Tls::open(security, &metrics).await;
        wrong.extend(tls.err().map(|error| error.to_string()));
    }
    wrong.extend(unusable_folders(config));
    wrong.extend(same_addresses(config));
    wrong.extend(store_config(config).err().map(|error| error.to_string()));
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

fn missing_files(config: &Config) -> Vec<String> {
    let security = &config.security;
    let files = [
        (
            "engine_library",
            &config.store.engine_library,
            "leave the setting out to have it fetched",
        ),
        ("tokens_file", &security.tokens_file, "`token new` makes one"),
        ("tls_certificate", &security.tls_certificate, "name one in PEM"),
        ("tls_key", &security.tls_key, "name one in PEM"),
        ("tls_client_ca", &security.tls_client_ca, "name one in PEM"),
    ];
    let missing = |(setting, file, instead): (&str, &Option<PathBuf>, &str)| {
        let file = file.as_ref().filter(|file| !file.is_file())?;
        Some(format!("{setting}: there is no file {}; {instead}", file.display()))
    };
    files.into_iter().filter_map(missing).collect()
}

fn unusable_folders(config: &Config) -> Vec<String> {
    let store = match &config.store.location {
        Some(Location::Embedded(folder)) => Some(folder),
        _ => None,
    };
    let folders = [("store", store), ("spool_folder", config.spool.folder.as_ref())];
    let unusable = |(setting, folder): (&str, Option<&PathBuf>)| {
        let folder = folder?;
        if folder.exists() && !folder.is_dir() {
            return Some(format!("{setting}: {} is not a folder; name another", folder.display()));
        }
        // Where it is to be made, the folder around it has to let that happen.
        let place = folder.ancestors().find(|place| place.exists());
        let place = place.unwrap_or(Path::new("."));
        access(place, Rights::WRITE_OK | Rights::EXEC_OK).err().map(|cause| {
            format!(
                "{setting}: {} cannot be written by this user ({cause}); name another, or start as the user that it is for",
                place.display()
            )
        })
    };
    folders.into_iter().filter_map(unusable).collect()
}

fn same_addresses(config: &Config) -> Vec<String> {
    let listen = &config.listen;
    let pairs = [
        ("http_listen", listen.http, "grpc_listen", listen.grpc),
        ("page_listen", listen.page, "grpc_listen", listen.grpc),
        ("page_listen", listen.page, "http_listen", listen.http),
    ];
    let overlap = |one: SocketAddr, other: SocketAddr| {
        let all = one.ip().is_unspecified() || other.ip().is_unspecified();
        one.port() != 0 && one.port() == other.port() && (all || one.ip() == other.ip())
    };
    let taken = pairs.into_iter().filter(|(_, one, _, other)| overlap(*one, *other));
    taken
        .map(|(setting, address, other, _)| format!("{setting}: {address} is taken by {other}; name another port"))
        .collect()
}
