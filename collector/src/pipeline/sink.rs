//! Where rows end up: the seam between the pipeline and the store.

use crate::store::Block;

/// Keeps rows for good.
pub trait Sink: Send + Sync + 'static {
    /// Stores all rows or none, answers once they are safe and within bounded time.
    ///
    /// The same rows with the same token may come again, because an answer was lost: a sink stores them once. Dropping
    /// the future gives the answer up, not the rows.
    ///
    /// # Errors
    /// [`InsertError`] tells whether the same rows may succeed later.
    fn insert(&self, block: &Block, token: &str) -> impl Future<Output = Result<(), InsertError>> + Send;
}

/// Why a sink did not store rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InsertError {
    /// The same rows may succeed later, or may even have been stored: unreachable, overloaded, no answer.
    #[error("{0}")]
    Retryable(String),
    /// These rows will never be stored as they are, and none of them was.
    #[error("{0}")]
    Permanent(String),
}
