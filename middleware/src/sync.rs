//! What threads meet at: the locks of `std`, or those of `loom` where every order in which they can meet is tried
//! (`middleware/tests/loom`).

#[cfg(not(toolsight_loom))]
pub(crate) use {
    std::sync::{Mutex, MutexGuard, atomic},
    tokio::sync::Notify,
};

#[cfg(toolsight_loom)]
pub(crate) use {
    loom::sync::{Mutex, MutexGuard, atomic},
    looming::Notify,
};

#[cfg(toolsight_loom)]
mod looming {
    /// As much of tokio's as is used: one who waits, and a notification that is kept until then.
    #[derive(Debug)]
    pub(crate) struct Notify(loom::sync::Notify);

    impl Default for Notify {
        fn default() -> Self {
            Self(loom::sync::Notify::new())
        }
    }

    impl Notify {
        pub(crate) fn notify_one(&self) {
            self.0.notify();
        }

        /// Blocks its thread instead of being pending.
        pub(crate) async fn notified(&self) {
            self.0.wait();
        }
    }
}
