//! Who goes first where the processor is short: requests, whose senders wait, before all that can be done later.

use thread_priority::{
    NormalThreadSchedulePolicy::Other,
    RealtimeThreadSchedulePolicy::RoundRobin,
    ThreadPriority::Min,
    ThreadSchedulePolicy::{Normal, Realtime},
    set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
};

/// How much less the rest gets: as nice as this, a thread has a tenth of one that is not.
const NICE: i32 = 10;

/// Puts this thread, and those that it starts, before all others of the machine without real-time priority.
///
/// # Errors
/// The process may not do that; says what to do.
pub fn go_first() -> Result<(), String> {
    set_thread_priority_and_policy(thread_native_id(), Min, Realtime(RoundRobin)).map_err(|error| {
        format!(
            "priority = \"real-time\" is not permitted ({error}): give the collector the capability CAP_SYS_NICE, or a limit \
             RLIMIT_RTPRIO of 1 or more (systemd: LimitRTPRIO=1 and RestrictRealtime=no), or leave the setting out"
        )
    })
}

/// Lets all others go before this thread and those that it starts.
pub(crate) fn give_way() {
    // Everybody may do this, and where a sandbox forbids it, all are as they were.
    if let Ok(Realtime(_)) = thread_schedule_policy() {
        let _ = set_thread_priority_and_policy(thread_native_id(), Min, Normal(Other));
    }
    let _ = rustix::process::nice(NICE);
}
