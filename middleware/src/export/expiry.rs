//! Ends what has been waited for too long. It has a clock of its own, which goes on while metrics are not due or an export
//! is tried again.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
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
        let Some(recorder) = caught_up(&recorder).await else {
            return;
        };
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

/// The recorder once all is read that has passed by now: what is not read yet must not be taken for missing.
async fn caught_up(recorder: &Weak<Recorder>) -> Option<Arc<Recorder>> {
    loop {
        let recorder = recorder.upgrade()?;
        if recorder.catch_up() {
            return Some(recorder);
        }
        let queue = recorder.queue.sender()?;
        drop(recorder);
        let _ = queue.reserve().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::export::Queue;
    use crate::identity::Users;
    use crate::observe::{Conversation, Observation, Observer, RequestHead};
    use crate::stdio::pair_of;

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

    #[tokio::test(start_paused = true)]
    async fn what_is_not_read_yet_is_not_lost_in_a_short_queue() {
        let observer = Observer::new(None, Users::default(), 1);
        let (queue, mut receiver) = Queue::new(1);
        let recorder = Arc::new(Recorder::new(observer.into(), queue));
        for _ in 0..3 {
            let (_, mut write) = pair_of(recorder.clone(), tokio::io::empty(), Vec::<u8>::new());
            write.write_all(ASK.as_bytes()).await.unwrap();
        }
        let counts = recorder.queue.counts();
        let expiry = tokio::spawn(expire(Arc::downgrade(&recorder)));
        for _ in 0..3 {
            let record = tokio::time::timeout(PERIOD, receiver.recv()).await;
            assert!(matches!(record, Ok(Some(Observation::Call(_)))));
        }
        assert_eq!(counts.read().total(), 0);
        drop(recorder);
        expiry.await.unwrap();
    }
}
