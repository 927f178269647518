//! Ends what has been waited for too long. It has a clock of its own, which goes on while metrics are not due or an export
//! is tried again.

use std::sync::Weak;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::recorder::Recorder;

/// By how much a record may be late.
const PERIOD: Duration = Duration::from_secs(10);

/// Until nobody records any more. Waits where the queue is full: there is no hurry.
pub(super) async fn expire(recorder: Weak<Recorder>) {
    let mut tick = interval(PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(recorder) = recorder.upgrade() else {
            return;
        };
        // What is read later than others must not be taken for missing.
        recorder.backlog.catch_up(&mut || {});
        let expired = recorder.observer.expire(Instant::now().into_std());
        let (queue, counts) = (recorder.queue.sender(), recorder.queue.counts());
        // Who waits does not keep others from reading.
        drop(recorder);
        let Some(queue) = queue else {
            return;
        };
        for observation in expired {
            let sent = queue.send(observation.into()).await;
            counts.shutdown.fetch_add(u64::from(sent.is_err()), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;
    use crate::export::Queue;
    use crate::identity::Users;
    use crate::observe::{Conversation, Observation, Observer, RequestHead};

    const ASK: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"elicitation/create\"}\n";

    #[tokio::test(start_paused = true)]
    async fn what_nobody_answers_is_told_when_its_time_has_passed() {
        let start = Instant::now();
        let observer = Arc::new(Observer::new(None, Users::default(), 1));
        let head = RequestHead::of_pipe(start.into_std(), SystemTime::now(), None);
        let mut pipe = Conversation::begin(observer.clone(), head);
        (0..3).for_each(|_| pipe.server_data(ASK.as_bytes(), start.into_std()));
        // Fewer fit than expire at once.
        let (queue, mut receiver) = Queue::new(1);
        let recorder = Arc::new(Recorder::new(observer, queue));
        let counts = recorder.queue.counts();
        let expiry = tokio::spawn(expire(Arc::downgrade(&recorder)));
        for _ in 0..3 {
            assert!(matches!(receiver.recv().await, Some(Observation::Call(_))));
        }
        let late = start.elapsed().checked_sub(Duration::from_secs(30 * 60)).unwrap();
        assert!(late <= PERIOD, "{late:?}");
        assert_eq!(counts.read().total(), 0);
        drop(recorder);
        expiry.await.unwrap();
    }
}
