//! What is wrong with the collector, in sentences that say what to do. Alerts in `dashboards/prometheus/rules.yml` go by
//! the same thresholds, over time.

use serde::Serialize;
use utoipa::ToSchema;

use super::collector::Numbers;
use super::metrics::STUCK;
use super::status::StoreStatus;
use crate::pipeline::LONG_REFUSED;
use crate::spool::SET_ASIDE_LIMIT;

/// Age of the oldest request in seconds from which the store does not keep up.
const BEHIND: f64 = 60.0;
/// Share of the spool's bound, in per cent, from which it is nearly full.
const NEARLY_FULL: i64 = 70;
/// Milliseconds that one of a hundred waits for the disk may take.
const SLOW_DISK_MS: f64 = 50.0;
/// Seconds after which nobody can trust the health of tools; it is looked at every ten.
const STALE: f64 = 60.0;
/// What to do before rows that were set aside are replaced.
const STORE_OLDER: &str = "Mend what the store has against them, then run `toolsight-collector store-again` for \
    set_aside.1.ndjson in the spool's folder, or move it away.";

/// Something that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// A word for it that stays the same.
    kind: &'static str,
    severity: Severity,
    /// What it is, and what to do.
    message: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Severity {
    /// Calls are refused or lost, or numbers are wrong.
    Error,
    /// They will be if it goes on, or others may do what they should not.
    Warning,
}

/// All problems, errors first. `warnings` are those of the configuration.
pub(super) fn problems(numbers: &Numbers, store: &StoreStatus, warnings: &[String]) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut add = |severity, kind, message: String| {
        found.push(Problem {
            kind,
            severity,
            message,
        });
    };
    let (spool, ledger) = (&numbers.spool, &numbers.ledger);
    for worker in numbers.workers.iter().filter(|worker| worker.silent_seconds > STUCK) {
        let (name, seconds) = (&worker.worker, worker.silent_seconds);
        let message = format!(
            "The worker “{name}” has not moved for {seconds:.0} s. Look at the log and at the disk, then start the collector \
            again: what it has acknowledged is on disk."
        );
        add(Severity::Error, "worker_silent", message);
    }
    if !spool.writable {
        let message = "Requests are refused, since the spool or its disk is full or has failed. Look at the log; make \
            room on the disk, let the store catch up, or raise spool_bytes.";
        add(Severity::Error, "spool_unwritable", message.to_owned());
    } else if spool.limit_bytes > 0 && spool.bytes.saturating_mul(100) > spool.limit_bytes.saturating_mul(NEARLY_FULL) {
        let percent = spool.bytes.saturating_mul(100) / spool.limit_bytes;
        let message = format!(
            "The spool takes {percent} % of its bound; when it is full, requests are refused. Let the store catch up, or \
            raise spool_bytes."
        );
        add(Severity::Warning, "spool_nearly_full", message);
    }
    match numbers.memory {
        "scarce" => {
            let message = "Requests are refused, since there is too little memory. Give the collector more, or lower \
                batch_bytes and max_concurrent_requests.";
            add(Severity::Error, "memory_scarce", message.to_owned());
        }
        "little" => {
            let message =
                "There is little memory left; when there is none, requests are refused. Give the collector more.";
            add(Severity::Warning, "memory_little", message.to_owned());
        }
        _ => {}
    }
    if store.is_unreachable() {
        let message =
            "The store cannot be reached. Calls wait on disk; look at whether ClickHouse runs, and at the log.";
        add(Severity::Error, "store_unreachable", message.to_owned());
    } else if let Some(refused) = &numbers.inserts.refused
        && refused.seconds >= LONG_REFUSED.as_secs()
    {
        let (batch, seconds, reason) = (&refused.batch, refused.seconds, &refused.reason);
        let message = format!(
            "The store answers, but has not taken the batch at the head for {seconds} s, and all others wait behind it on \
            disk: {reason}. Mend what this says; or put the batch into a file and go on without it, by \
            `toolsight-collector set-aside '{batch}'` with the settings of this collector."
        );
        add(Severity::Error, "batch_refused", message);
    } else if numbers.lag.oldest_waiting_seconds > BEHIND {
        let seconds = numbers.lag.oldest_waiting_seconds;
        let message = format!(
            "The store is {seconds:.0} s behind, and so is every page. Nothing is lost until the spool is full. Look at \
            the log for batches that are sent again, and at the load of ClickHouse."
        );
        add(Severity::Warning, "store_behind", message);
    }
    if ledger.set_aside > 0 {
        let message = format!(
            "The store would not take {} calls since the start. They and the reasons are in set_aside.*ndjson in the \
            spool's folder; once the cause is mended, `toolsight-collector store-again` stores them.",
            ledger.set_aside
        );
        add(Severity::Error, "rows_set_aside", message);
    }
    if spool.set_aside_replaced > 0 {
        let message = format!(
            "Since the start {} calls that the store would not take are gone for good, as newer ones needed their room, and \
            those of set_aside.1.ndjson go next. {STORE_OLDER}",
            spool.set_aside_replaced
        );
        add(Severity::Error, "set_aside_replaced", message);
    } else if spool.set_aside_bytes as u64 >= SET_ASIDE_LIMIT / 2 {
        let message = format!(
            "Calls that the store would not take fill {} of {} MiB; after that the oldest of them are lost. {STORE_OLDER}",
            spool.set_aside_bytes >> 20,
            SET_ASIDE_LIMIT >> 20
        );
        add(Severity::Warning, "set_aside_nearly_full", message);
    }
    if ledger.unreadable > 0 || spool.quarantined_segments > 0 || spool.requests_lost > 0 {
        let message = format!(
            "Since the start {} calls could not be read from the spool, {} whole requests were gone from it, and {} of its \
            segments were damaged. Check the disk; damaged segments are in quarantine/ in the spool's folder.",
            ledger.unreadable, spool.requests_lost, spool.quarantined_segments
        );
        add(Severity::Error, "spool_damaged", message);
    }
    if numbers.layers.lost_lately {
        let by_reason = numbers.layers.records_dropped.iter().filter(|(_, count)| **count > 0);
        let by_reason: Vec<_> = by_reason.map(|(reason, count)| format!("{reason} {count}")).collect();
        let message = format!(
            "Observed servers have lost records before they reached the collector, some of them lately: {}. Look at \
            whether the collector is always reachable for them and takes what they send, or raise their queue \
            (OTEL_BSP_MAX_QUEUE_SIZE).",
            by_reason.join(", ")
        );
        add(Severity::Error, "layers_losing", message);
    }
    if ledger.holds == Some(false) {
        let message = "The ledger below does not add up, so counts cannot be trusted. Please report this with the log.";
        add(Severity::Error, "ledger_broken", message.to_owned());
    }
    if let Some(milliseconds) = spool.fsync_p99_ms.filter(|milliseconds| *milliseconds > SLOW_DISK_MS) {
        let message = format!(
            "The spool's disk is slow: one of a hundred waits for it took {milliseconds:.0} ms or more since the start. \
            Put spool_folder on a faster disk."
        );
        add(Severity::Warning, "disk_slow", message);
    }
    if let Some(seconds) = numbers
        .tool_health_age_seconds
        .filter(|age| *age > STALE && store.is_ready())
    {
        let message = format!(
            "Which tools are flaky or broken was last looked at {seconds:.0} s ago. Look at the log for queries that fail."
        );
        add(Severity::Warning, "tool_health_stale", message);
    }
    for (setting, failures) in &numbers.reload_failures {
        if *failures > 0 {
            let message = format!(
                "The file that {setting} names has changed and could not be used {failures} times since the start; the \
                one before it may still be in force. The log says what is wrong with it."
            );
            add(Severity::Warning, "reload_failed", message);
        }
    }
    for warning in warnings {
        add(Severity::Warning, "configuration", warning.clone());
    }
    found.sort_by_key(|problem| problem.severity);
    found
}
