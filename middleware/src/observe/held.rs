//! A connection as one exchange has it.

use std::ops::Deref;
use std::sync::Arc;

use super::connection::Connection;

/// Most exchanges of the era without sessions share theirs with nobody, so it is a part of them.
#[derive(Debug)]
pub(super) enum Held {
    Alone(Connection),
    Shared(Arc<Connection>),
}

impl Held {
    /// The connection for others to have as well.
    pub(super) fn share(&mut self) -> Arc<Connection> {
        match self {
            Self::Shared(connection) => connection.clone(),
            Self::Alone(connection) => {
                let connection = Arc::new(connection.take_over());
                *self = Self::Shared(connection.clone());
                connection
            }
        }
    }

    pub(super) fn is(&self, other: &Arc<Connection>) -> bool {
        std::ptr::eq::<Connection>(&**self, &**other)
    }
}

impl Deref for Held {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Self::Alone(connection) => connection,
            Self::Shared(connection) => connection,
        }
    }
}

impl From<Connection> for Held {
    fn from(connection: Connection) -> Self {
        Self::Alone(connection)
    }
}

impl From<Arc<Connection>> for Held {
    fn from(connection: Arc<Connection>) -> Self {
        Self::Shared(connection)
    }
}
