//! A signal that is cheap to give again and again, and wakes its receiver once.

use crate::sync::Notify;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Risen or not. Rising wakes who waits for it; rising again before it has fallen does nothing.
#[derive(Debug, Default)]
pub(crate) struct Pressure {
    risen: AtomicBool,
    notify: Notify,
}

impl Pressure {
    pub(crate) fn rise(&self) {
        // The load keeps the cache line shared while the receiver is busy.
        if !self.risen.load(Ordering::SeqCst) && !self.risen.swap(true, Ordering::SeqCst) {
            self.notify.notify_one();
        }
    }

    /// To be called before looking at what the pressure came from, so that a rise after the look is not lost.
    pub(crate) fn fall(&self) {
        self.risen.store(false, Ordering::SeqCst);
    }

    pub(crate) async fn risen(&self) {
        self.notify.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[test]
    fn it_wakes_once_until_it_has_fallen() {
        let pressure = Pressure::default();
        let is_woken = || {
            pin!(pressure.risen())
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_ready()
        };
        assert!(!is_woken());
        pressure.rise();
        pressure.rise();
        assert_eq!((is_woken(), is_woken()), (true, false));
        pressure.rise();
        assert!(!is_woken(), "who was woken has not looked yet");
        pressure.fall();
        pressure.rise();
        assert!(is_woken());
    }
}
