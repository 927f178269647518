//! Who goes first where the processor is short: requests, whose senders wait, before all that can be done later.

/// How much less the rest gets: as nice as this, a thread has a tenth of one that is not.
const NICE: i32 = 10;

/// Lets all others go before this thread and those that it starts.
pub(crate) fn give_way() {
    // Everybody may do this, and where a sandbox forbids it, all are as they were.
    let _ = rustix::process::nice(NICE);
}
