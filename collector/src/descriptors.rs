//! How many files and connections the system lets the program have open at a time.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// What connections leave to everything else: the spool's files, the ways to the store, the engine's pipes, and what the
/// runtime has for itself. About 40 are in use where the page asks as much at once as it may.
const KEPT: u64 = 64;
/// Each has its own share, so that a flood over one leaves connections to the others, and probes find the page's.
const LISTENERS: u64 = 3;
/// Connections that a listener takes however little the system allows.
const LEAST: u64 = 4;

/// Lets this process have as many open files as it may give itself. Shells and service managers begin with 1,024 for the
/// sake of old programs, and let each go beyond.
pub fn allow_most() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(cause) = setrlimit(Resource::Nofile, most) {
        let open_files = limit.current;
        warn!(%cause, open_files, "the limit of open files cannot be raised and stays as it is");
    }
}

/// Connections that each listener may have, of those that were asked for.
pub(crate) fn connections(wanted: usize) -> usize {
    share(getrlimit(Resource::Nofile).current, wanted)
}

/// What to tell somebody who gets fewer connections than were asked for.
pub(crate) fn warning(wanted: usize) -> Option<String> {
    let limit = getrlimit(Resource::Nofile).current;
    let share = share(limit, wanted);
    let needed = (wanted as u64).saturating_mul(LISTENERS).saturating_add(KEPT);
    (share < wanted).then(|| {
        format!(
            "The system allows {} open files, so that each address takes {share} connections at a time in place of \
            {wanted}: allow {needed} (LimitNOFILE in systemd, --ulimit nofile in Docker), or lower max_connections.",
            limit.unwrap_or(u64::MAX)
        )
    })
}

fn share(limit: Option<u64>, wanted: usize) -> usize {
    let Some(limit) = limit else {
        return wanted;
    };
    let share = (limit.saturating_sub(KEPT) / LISTENERS).max(LEAST);
    wanted.min(usize::try_from(share).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn connections_leave_descriptors_to_everything_else() {
        for (limit, wanted, expected) in [
            (None, 1024, 1024),
            (Some(1 << 20), 1024, 1024),
            (Some(3 * 1024 + 64), 1024, 1024),
            (Some(1024), 1024, 320),
            (Some(128), 1024, 21),
            (Some(128), 10, 10),
            (Some(70), 1024, 4),
            (Some(0), 1024, 4),
        ] {
            assert_eq!(share(limit, wanted), expected, "{limit:?}");
        }
    }
}
