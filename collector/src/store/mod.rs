//! Where the calls are kept.

/// Whether the store can be asked and written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreState {
    /// Not ready yet: starting or migrating.
    Starting,
    /// Answers.
    Ready,
    /// Does not answer, for the reason given.
    Unreachable(String),
}
