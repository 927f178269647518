//! Where rows end up: the seam between the pipeline and the store.

use crate::row::Row;
use crate::store::Block;

/// Keeps rows for good.
pub trait Sink: Send + Sync + 'static {
    /// Waits until the sink has been made ready for the first time, for ever if need be: what is derived from rows may be
    /// made anew before that, and would lack those that come meanwhile.
    fn prepared(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Stores all rows or none, answers once they are safe and within bounded time.
    ///
    /// The same rows with the same token may come again, because an answer was lost: a sink stores them once. Dropping
    /// the future gives the answer up, not the rows.
    ///
    /// # Errors
    /// [`InsertError`] tells whether the same rows may succeed later.
    fn insert(&self, block: &Block, token: &str) -> impl Future<Output = Result<(), InsertError>> + Send;

    /// Whether the sink answers, as it was seen last: then what it does not take is the batch's affair.
    fn answers(&self) -> bool {
        true
    }

    /// Waits until the sink can be used again, having been seen to be out of use after this call; for ever where it cannot
    /// tell.
    fn recovered(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Who calls in these sessions, as far as the sink knows; answers within bounded time, and with nothing where it
    /// cannot tell now.
    fn clients_of(&self, sessions: &[Session]) -> impl Future<Output = Vec<(Session, Caller)>> + Send {
        let _ = sessions;
        std::future::ready(Vec::new())
    }
}

/// A session of a legacy protocol version; servers give out their ids independently of each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Session {
    /// Organisation that the session belongs to.
    pub tenant: Box<str>,
    /// Server that gave it out.
    pub server: Box<str>,
    /// Its id.
    pub id: Box<str>,
}

/// The client of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Its name.
    pub name: Box<str>,
    /// Its version.
    pub version: Box<str>,
    /// The protocol version that it agreed on with the server.
    pub protocol_version: Box<str>,
}

impl Session {
    /// The session of a call.
    #[must_use]
    pub fn of(row: &Row<'_>) -> Self {
        Self {
            tenant: (*row.tenant).into(),
            server: (*row.server).into(),
            id: (*row.session_id).into(),
        }
    }
}

impl Caller {
    /// The client of a call.
    #[must_use]
    pub fn of(row: &Row<'_>) -> Self {
        Self {
            name: (*row.client).into(),
            version: (*row.client_version).into(),
            protocol_version: (*row.protocol_version).into(),
        }
    }

    /// Whether a call says the same of its client.
    #[must_use]
    pub fn is_that_of(&self, row: &Row<'_>) -> bool {
        *self.name == *row.client
            && *self.version == *row.client_version
            && *self.protocol_version == *row.protocol_version
    }
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
