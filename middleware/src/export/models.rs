//! The queue and what wakes the export thread, in every order of their steps.

use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use super::{Queue, Queued};
use crate::observe::{Observation, SessionEnd};

fn observation() -> Observation {
    let session = SessionEnd {
        duration: Duration::ZERO,
        protocol_version: None,
    };
    Observation::Session(session.into())
}

/// What the export thread does, until it has got `count`; it would wait for ever for a wake-up that is lost.
fn receive(queue: &Queue, receiver: &mut tokio::sync::mpsc::Receiver<Queued>, count: usize) {
    let pressure = queue.pressure();
    let mut got = 0;
    loop {
        pressure.fall();
        while receiver.try_recv().is_ok() {
            got += 1;
        }
        if got == count {
            return;
        }
        loom::future::block_on(pressure.risen());
    }
}

#[test]
fn no_wake_up_of_the_export_thread_is_lost() {
    loom::model(|| {
        let (queue, mut receiver) = Queue::new(2);
        let queue = Arc::new(queue);
        let senders = [queue.clone(), queue.clone()].map(|queue| thread::spawn(move || queue.push(observation())));
        receive(&queue, &mut receiver, 2);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        assert_eq!(queue.counts().read().total(), 0);
    });
}

#[test]
fn what_does_not_fit_is_counted_and_nothing_else() {
    loom::model(|| {
        let (queue, mut receiver) = Queue::new(1);
        let queue = Arc::new(queue);
        let sender = thread::spawn({
            let queue = queue.clone();
            move || (0..2).for_each(|_| queue.push(observation()))
        });
        queue.push(observation());
        sender.join().unwrap();
        assert_eq!(queue.counts().read().queue_full, 2);
        receive(&queue, &mut receiver, 1);
    });
}
