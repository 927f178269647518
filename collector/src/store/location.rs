//! Where the store is: a folder of the embedded engine, or a ClickHouse that runs elsewhere.

use std::{fmt, path::PathBuf, str::FromStr};

use directories::ProjectDirs;
use percent_encoding::percent_decode_str;
use url::Url;

/// The database that is used where the address names none, and the only one of the embedded engine.
pub const DEFAULT_DATABASE: &str = "toolsight";

/// Where the store is, parsed from `embedded`, `embedded:FOLDER` or `http(s)://user:password@host:8123/database`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// The embedded engine, with its data in this folder.
    Embedded(PathBuf),
    /// A ClickHouse server, reached over HTTP.
    Remote(Remote),
}

/// The HTTP interface of a ClickHouse server and who to be there.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    /// `http` or `https`.
    pub scheme: String,
    /// Host name or address, as it stands in a URL.
    pub host: String,
    /// Port of the HTTP interface.
    pub port: u16,
    /// User name.
    pub user: String,
    /// Password, empty for none. Never printed.
    pub password: String,
    /// Database that holds the tables.
    pub database: String,
}

impl Remote {
    /// The address without user, password and database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}:{}", self.scheme, self.host, self.port)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("url", &self.url())
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(folder) => write!(f, "embedded:{}", folder.display()),
            Self::Remote(remote) => write!(f, "{}/{}", remote.url(), remote.database),
        }
    }
}

/// Why a store's address cannot be used. The text never repeats the address, since it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// Neither of the known forms.
    #[error("the store is neither embedded, embedded:FOLDER nor http(s)://user:password@host:8123/database")]
    UnknownForm,
    /// `embedded:` without a folder.
    #[error("embedded: needs a folder behind the colon; write embedded alone for the default one")]
    NoFolder,
    /// The platform has no data folder for this user.
    #[error(
        "this user has no data folder; name one with embedded:FOLDER, or with --spool-folder for a store elsewhere"
    )]
    NoDefaultFolder,
    /// Not a URL.
    #[error("the store's address cannot be read: {0}")]
    Url(#[from] url::ParseError),
    /// User or password is not UTF-8 after percent decoding.
    #[error("the {0} in the store's address is not UTF-8 once its %-escapes are decoded")]
    NotUtf8(&'static str),
    /// A name of a database that would need quoting.
    #[error(
        "the database in the store's address may only have letters, digits and _, as in http://host:8123/toolsight"
    )]
    Database,
    /// Query or fragment in the address.
    #[error("the store's address must end after the database; a ? or # in the password is written %3F or %23")]
    Trailing,
}

impl Location {
    /// The embedded engine in the folder `name` of this user's data folder.
    ///
    /// # Errors
    /// [`LocationError::NoDefaultFolder`] where the user has none.
    pub fn in_data_folder(name: &str) -> Result<Self, LocationError> {
        Ok(Self::Embedded(data_folder()?.join(name)))
    }

    /// Where calls wait for this store: in the embedded engine's folder, else in this user's data folder.
    ///
    /// # Errors
    /// [`LocationError::NoDefaultFolder`] where the user has none and one is needed.
    pub fn spool_folder(&self) -> Result<PathBuf, LocationError> {
        match self {
            Self::Embedded(folder) => Ok(folder.join("spool")),
            Self::Remote(_) => Ok(data_folder()?.join("spool")),
        }
    }
}

fn data_folder() -> Result<PathBuf, LocationError> {
    let folders = ProjectDirs::from("", "", "toolsight").ok_or(LocationError::NoDefaultFolder)?;
    Ok(folders.data_local_dir().to_owned())
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "embedded" {
            return Self::in_data_folder("store");
        }
        if let Some(folder) = text.strip_prefix("embedded:") {
            if folder.is_empty() {
                return Err(LocationError::NoFolder);
            }
            return Ok(Self::Embedded(folder.into()));
        }
        if !text.starts_with("http://") && !text.starts_with("https://") {
            return Err(LocationError::UnknownForm);
        }
        remote(text).map(Self::Remote)
    }
}

fn remote(text: &str) -> Result<Remote, LocationError> {
    let url = Url::parse(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(LocationError::Trailing);
    }
    let database = match url.path().trim_matches('/') {
        "" => DEFAULT_DATABASE,
        name if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => name,
        _ => return Err(LocationError::Database),
    };
    let user = match url.username() {
        "" => "default".to_owned(),
        name => decoded(name, "user")?,
    };
    // `Url` drops a port that is the scheme's own, though here 80 is not the same as none.
    let own_port = text
        .split('/')
        .nth(2)
        .is_some_and(|host| host.ends_with(":80") || host.ends_with(":443"));
    let default_port = match url.scheme() {
        "https" if own_port => 443,
        "https" => 8443,
        _ if own_port => 80,
        _ => 8123,
    };
    Ok(Remote {
        scheme: url.scheme().to_owned(),
        host: url.host_str().ok_or(url::ParseError::EmptyHost)?.to_owned(),
        port: url.port().unwrap_or(default_port),
        user,
        password: decoded(url.password().unwrap_or_default(), "password")?,
        database: database.to_owned(),
    })
}

fn decoded(text: &str, part: &'static str) -> Result<String, LocationError> {
    let text = percent_decode_str(text).decode_utf8();
    Ok(text.map_err(|_| LocationError::NotUtf8(part))?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Remote {
        match text.parse() {
            Ok(Location::Remote(remote)) => remote,
            other => panic!("{text} gave {other:?}"),
        }
    }

    #[test]
    fn a_url_is_taken_apart_and_gaps_are_filled() {
        let cases = [
            ("http://h", "http://h:8123", "default", "", "toolsight"),
            ("https://h", "https://h:8443", "default", "", "toolsight"),
            ("http://h:80/", "http://h:80", "default", "", "toolsight"),
            ("https://h:443/a_1", "https://h:443", "default", "", "a_1"),
            ("http://u:p@h:9/db", "http://h:9", "u", "p", "db"),
            ("http://u%40x:p%3A%2F%3f@h/db/", "http://h:8123", "u@x", "p:/?", "db"),
            ("http://[::1]:8123", "http://[::1]:8123", "default", "", "toolsight"),
        ];
        for (text, url, user, password, database) in cases {
            let remote = parsed(text);
            assert_eq!(remote.url(), url, "{text}");
            assert_eq!(remote.user, user, "{text}");
            assert_eq!(remote.password, password, "{text}");
            assert_eq!(remote.database, database, "{text}");
        }
    }

    #[test]
    fn a_wrong_address_is_named_without_repeating_it() {
        let cases = [
            ("", "neither embedded"),
            ("tcp://u:secret@h", "neither embedded"),
            ("embedded:", "needs a folder"),
            ("http://u:secret@", "empty host"),
            ("http://u:secret@h:notaport", "invalid port"),
            ("http://u:secret@h/a-b", "letters, digits"),
            ("http://u:secret@h/a/b", "letters, digits"),
            ("http://u:secret@h/db?secure=1", "must end after the database"),
            ("http://u:%ff@h", "password in the store's address is not UTF-8"),
        ];
        for (text, message) in cases {
            let error = text.parse::<Location>().unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
            assert!(!error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn the_password_is_in_no_printed_form() {
        let location: Location = "http://u:secret@h/db".parse().unwrap();
        assert_eq!(location.to_string(), "http://h:8123/db");
        assert!(!format!("{location:?}").contains("secret"), "{location:?}");
    }

    #[test]
    fn embedded_takes_any_folder_and_has_a_default_one() {
        assert_eq!("embedded:/a b/c".parse(), Ok(Location::Embedded("/a b/c".into())));
        let default = "embedded".parse::<Location>().unwrap();
        assert!(default.to_string().ends_with("toolsight/store"), "{default}");
    }
}
