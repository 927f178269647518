//! Who calls: the user and tenant as the operator wants to see them, the client behind a bridge, and where it is.

use std::net::{IpAddr, SocketAddr};

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

/// The user of a request, put by the application's own authentication into the extensions of the response where it stands
/// inside of the layer, or of the request where it stands outside.
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

/// The organisation of a request, put by the application where it puts a [`UserId`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant(Box<str>);

impl Tenant {
    /// Wraps the identifier; cut to 256 bytes when it is recorded.
    pub fn new(id: impl Into<Box<str>>) -> Self {
        Self(id.into())
    }
}

/// The address of the client of a request, put into the request's extensions by the application, and recorded as
/// `client.address` and `client.port` of the span.
///
/// Nothing else tells it: the layer sees no connection, headers such as `X-Forwarded-For` say what anybody likes, and an address
/// may be that of a person. The application knows whether the peer is the client, and which proxies to believe; with axum,
/// `ConnectInfo<SocketAddr>` is the peer.
///
/// ```
/// use std::net::SocketAddr;
///
/// let peer = SocketAddr::from(([192, 0, 2, 7], 50_443));
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(toolsight::ClientAddress::from(peer));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress {
    pub(crate) address: IpAddr,
    /// None where only the address is known, as behind a proxy.
    pub(crate) port: Option<u16>,
}

impl From<SocketAddr> for ClientAddress {
    fn from(peer: SocketAddr) -> Self {
        Self {
            port: Some(peer.port()),
            ..Self::from(peer.ip())
        }
    }
}

impl From<IpAddr> for ClientAddress {
    /// An IPv4 address that a socket of IPv6 shows as its own is told as what it is.
    fn from(address: IpAddr) -> Self {
        Self {
            address: address.to_canonical(),
            port: None,
        }
    }
}
