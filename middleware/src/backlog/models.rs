//! The backlog in every order in which those who write and those who read can meet.

use std::sync::Mutex;

use loom::thread;

use super::*;

/// Keeps how many bytes each piece had.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<usize>>);

impl Observed for Told {
    fn read(&self, passed: Passed<'_>, _: Instant) {
        self.0.lock().unwrap().push(passed.bytes().len());
    }

    fn cut(&self, _: &Passed<'_>) -> bool {
        false
    }
}

fn backlog() -> Arc<Backlog> {
    Backlog::new(Arc::default()).into()
}

/// What the export thread does, until it has read `count` pieces; it would wait for ever for a wake-up that is lost.
fn read(backlog: &Backlog, told: &Told, count: usize) {
    let passing = backlog.passing();
    while told.0.lock().unwrap().len() < count {
        loom::future::block_on(passing.risen());
        while backlog.steps() > 0 || {
            passing.fall();
            backlog.steps() > 0
        } {
            backlog.catch_up();
        }
    }
}

#[test]
fn no_wake_up_of_the_export_thread_is_lost() {
    loom::model(|| {
        let (backlog, told) = (backlog(), Arc::<Told>::default());
        let writers = [1, 2].map(|length| {
            let (backlog, told) = (backlog.clone(), told.clone());
            thread::spawn(move || backlog.write(&told, Passed::ClientData(&[b' '; 2][..length])))
        });
        read(&backlog, &told, 2);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
}

#[test]
fn pieces_long_and_short_are_read_in_their_order_whoever_reads() {
    loom::model(|| {
        let (backlog, told) = (backlog(), Arc::<Told>::default());
        let writer = thread::spawn({
            let (backlog, told) = (backlog.clone(), told.clone());
            move || {
                backlog.write(&told, Passed::ClientData(b" "));
                backlog.write(&told, Passed::ClientData(&vec![b' '; COPIED + 1]));
                backlog.write(&told, Passed::ClientData(b"  "));
            }
        });
        backlog.catch_up();
        writer.join().unwrap();
        backlog.catch_up();
        assert_eq!(*told.0.lock().unwrap(), [1, COPIED + 1, 2]);
    });
}

#[test]
fn nothing_is_left_unread_once_nobody_comes_to_read() {
    loom::model(|| {
        let (backlog, told) = (backlog(), Arc::<Told>::default());
        let writer = thread::spawn({
            let (backlog, told) = (backlog.clone(), told.clone());
            move || backlog.write(&told, Passed::ClientData(b" "))
        });
        backlog.read_at_once();
        backlog.catch_up();
        writer.join().unwrap();
        assert_eq!(*told.0.lock().unwrap(), [1]);
    });
}
