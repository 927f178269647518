//! Who calls: the user and tenant as the operator wants to see them, and the client behind a bridge.

mod clients;
mod keys;
mod known;
mod token;
mod users;

pub use clients::Clients;
pub use keys::HashKeys;
pub use known::CLIENTS_VERSION;
pub use users::{Tenants, UserForm, Users};

pub(crate) use users::Identity;

/// The user of a request, put into the request's extensions by the application after its own authentication.
///
/// It is preferred over everything else that tells a user.
///
/// ```
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(toolsight::UserId::new("ada"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserId(Box<str>);

impl UserId {
    /// Wraps the identifier; cut to 256 bytes when it is recorded.
    pub fn new(id: impl Into<Box<str>>) -> Self {
        Self(id.into())
    }
}

/// The organisation of a request, put into the request's extensions by the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant(Box<str>);

impl Tenant {
    /// Wraps the identifier; cut to 256 bytes when it is recorded.
    pub fn new(id: impl Into<Box<str>>) -> Self {
        Self(id.into())
    }
}
