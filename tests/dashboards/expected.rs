//! What a panel has to show of the seed, computed from the seed itself and not by SQL.

use std::collections::{BTreeMap, BTreeSet};

use super::seed::{Calls, SEED};

/// One call of the seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// Milliseconds since the start of the seed.
    pub(super) time_ms: i64,
    pub(super) of: Calls,
}

/// The seed's calls from one second to before another that a condition holds for.
pub(super) fn calls(from_s: i64, to_s: i64, chosen: impl Fn(&Calls) -> bool) -> Vec<Call> {
    let groups = SEED.iter().filter(|of| chosen(of));
    let all = groups.flat_map(|of| {
        (0..of.count).map(|n| Call {
            time_ms: of.first_ms + n * of.every_ms,
            of: *of,
        })
    });
    all.filter(|call| (from_s * 1_000..to_s * 1_000).contains(&call.time_ms))
        .collect()
}

/// How many calls these rows stand for.
pub(super) fn count(calls: &[Call]) -> f64 {
    calls.iter().map(|call| call.of.weight as f64).sum()
}

/// How many of them have this fault.
pub(super) fn with_fault(calls: &[Call], fault: &str) -> f64 {
    calls
        .iter()
        .filter(|call| call.of.fault == fault)
        .map(|call| call.of.weight as f64)
        .sum()
}

pub(super) fn users(calls: &[Call]) -> f64 {
    let users: BTreeSet<_> = calls
        .iter()
        .map(|call| call.of.user)
        .filter(|user| !user.is_empty())
        .collect();
    users.len() as f64
}

/// Lowest and highest latency in milliseconds that may be shown as a percentile: a digest may be off by one percent of
/// the ranks.
pub(super) fn latency(calls: &[Call], percentile: f64) -> [f64; 2] {
    let mut each: Vec<_> = calls
        .iter()
        .flat_map(|call| (0..call.of.weight).map(|_| call.of.duration_us))
        .collect();
    each.sort_unstable();
    [-0.01, 0.01].map(|error| {
        let place = (percentile / 100.0 + error).clamp(0.0, 1.0) * (each.len() - 1) as f64;
        each[place.round() as usize] as f64 / 1_000.0
    })
}

/// The calls by what `key` says of them.
pub(super) fn by<K: Ord>(calls: &[Call], key: impl Fn(&Call) -> K) -> BTreeMap<K, Vec<Call>> {
    let mut groups = BTreeMap::<K, Vec<Call>>::new();
    for call in calls {
        groups.entry(key(call)).or_default().push(*call);
    }
    groups
}
