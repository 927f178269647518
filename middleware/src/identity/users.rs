//! Whose call it is, in the form that the operator chose.

use http::{Extensions, HeaderMap, HeaderName};

use super::clients::KnownClients;
use super::keys::HashKeys;
use super::token::{Payload, bearer};
use super::{Tenant, UserId};
use crate::record::{Text, User};
use crate::wire::{NAME_LIMIT, cut};

/// Where the user is read from, and in which form it is recorded.
///
/// Sources are asked in this order: a [`UserId`] extension, the JWT claim, the header, the bearer token; of a pipe, the
/// [`UserId`] that it was opened for, then the variable. With no source configured only the [`UserId`] counts. A plain user is cut
/// to 256 bytes.
///
/// A JWT is decoded and not verified: that is the server's job, and the user of a call that failed for its credentials
/// ([`Fault::Auth`](crate::Fault::Auth)) is not recorded.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Users {
    source: Source,
    token: Option<HashKeys>,
    form: UserForm,
}

/// Where the tenant, the organisation that a user belongs to, is read from, and in which form it is recorded.
///
/// Sources are asked in this order: a [`Tenant`] extension, the JWT claim, the header; of a pipe, the [`Tenant`] that it was
/// opened for, then the variable. With no source configured only the [`Tenant`] counts. A plain tenant is cut to 256 bytes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Tenants {
    source: Source,
    form: UserForm,
}

/// In which form a user or tenant is recorded.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum UserForm {
    /// As it is.
    #[default]
    Plain,
    /// As 128 bits of a BLAKE3 hash under the newest of these keys, so that the same user can be followed and not be
    /// named.
    Hashed(HashKeys),
    /// Not at all.
    Off,
}

#[derive(Clone, Debug, Default)]
struct Source {
    claim: Option<Box<str>>,
    header: Option<HeaderName>,
    variable: Option<Box<str>>,
}

impl Users {
    /// Reads the user from this claim of the bearer token, usually `sub`: a text or a number. Default: from none.
    #[must_use]
    pub fn from_jwt_claim(mut self, claim: impl Into<Box<str>>) -> Self {
        self.source.claim = Some(claim.into());
        self
    }

    /// Reads the user from this header, which something in front of the server has to set. Default: from none.
    #[must_use]
    pub fn from_header(mut self, header: HeaderName) -> Self {
        self.source.header = Some(header);
        self
    }

    /// Reads the user of a pipe from this variable of the environment, such as `TOOLSIGHT_USER`: the client that starts the
    /// server can be told to set it. Default: from none.
    #[must_use]
    pub fn from_env(mut self, variable: impl Into<Box<str>>) -> Self {
        self.source.variable = Some(variable.into());
        self
    }

    /// Takes a hash of the bearer token for the user where nothing else tells one, for tokens that are no JWT. It is
    /// hashed under these keys whatever the form; a new token is a new user.
    #[must_use]
    pub fn from_bearer_token(mut self, keys: HashKeys) -> Self {
        self.token = Some(keys);
        self
    }

    /// Records the user in this form; the default is [`UserForm::Plain`].
    #[must_use]
    pub fn recorded_as(mut self, form: UserForm) -> Self {
        self.form = form;
        self
    }
}

impl Tenants {
    /// Reads the tenant from this claim of the bearer token, such as `org_id`: a text or a number. Default: from none.
    #[must_use]
    pub fn from_jwt_claim(mut self, claim: impl Into<Box<str>>) -> Self {
        self.source.claim = Some(claim.into());
        self
    }

    /// Reads the tenant from this header, which something in front of the server has to set. Default: from none.
    #[must_use]
    pub fn from_header(mut self, header: HeaderName) -> Self {
        self.source.header = Some(header);
        self
    }

    /// Reads the tenant of a pipe from this variable of the environment, such as `TOOLSIGHT_TENANT`: the client that starts the
    /// server can be told to set it. Default: from none.
    #[must_use]
    pub fn from_env(mut self, variable: impl Into<Box<str>>) -> Self {
        self.source.variable = Some(variable.into());
        self
    }

    /// Records the tenant in this form; the default is [`UserForm::Plain`].
    #[must_use]
    pub fn recorded_as(mut self, form: UserForm) -> Self {
        self.form = form;
        self
    }
}

impl Source {
    fn of_pipe(&self, environment: impl Fn(&str) -> Option<String>) -> Option<String> {
        Some(environment(self.variable.as_deref()?)?.trim().to_owned())
    }

    fn find(&self, headers: &HeaderMap, payload: &mut Lazy<'_>) -> Option<String> {
        let claim = self.claim.as_deref().and_then(|claim| payload.get()?.claim(claim));
        let header = || Some(headers.get(self.header.as_ref()?)?.to_str().ok()?.trim().to_owned());
        claim.filter(|text| !text.is_empty()).or_else(header)
    }
}

/// The payload of a request's JWT, decoded at most once and only when a claim is asked for.
struct Lazy<'a> {
    headers: &'a HeaderMap,
    payload: Option<Option<Payload>>,
}

impl Lazy<'_> {
    fn get(&mut self) -> Option<&Payload> {
        let headers = self.headers;
        self.payload
            .get_or_insert_with(|| Payload::of(bearer(headers)?))
            .as_ref()
    }
}

impl UserForm {
    fn apply(&self, identifier: &str) -> Option<User> {
        match self {
            _ if identifier.is_empty() => None,
            Self::Plain => Some(User::Plain(cut(identifier, NAME_LIMIT).into())),
            Self::Hashed(keys) => Some(User::Hashed(keys.hash(identifier))),
            Self::Off => None,
        }
    }

    const fn is_off(&self) -> bool {
        matches!(self, Self::Off)
    }
}

/// Where user and tenant of a request are read from, and by which name its client is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    pub(crate) users: Users,
    pub(crate) tenants: Tenants,
    pub(crate) clients: KnownClients,
}

impl From<Users> for Identity {
    fn from(users: Users) -> Self {
        Self {
            users,
            ..Self::default()
        }
    }
}

impl Identity {
    /// User and tenant as far as headers and extensions tell them.
    pub(crate) fn find(&self, headers: &HeaderMap, extensions: &Extensions) -> (Option<User>, Option<Text>) {
        let mut payload = Lazy { headers, payload: None };
        let user = self.user(headers, extensions, &mut payload);
        (user, self.tenant(headers, extensions, &mut payload))
    }

    /// The same of a pipe, of which `caller` tells what the application knows.
    pub(crate) fn of_pipe(
        &self,
        caller: &Extensions,
        environment: impl Fn(&str) -> Option<String> + Copy,
    ) -> (Option<User>, Option<Text>) {
        let Self { users, tenants, .. } = self;
        let user = caller.get::<UserId>().map(|user| user.0.to_string());
        let user = user.or_else(|| users.source.of_pipe(environment));
        let tenant = caller.get::<Tenant>().map(|tenant| tenant.0.to_string());
        let tenant = tenant.or_else(|| tenants.source.of_pipe(environment));
        (
            user.and_then(|user| users.form.apply(&user)),
            tenant
                .and_then(|tenant| tenants.form.apply(&tenant))
                .map(User::into_text),
        )
    }

    fn user(&self, headers: &HeaderMap, extensions: &Extensions, payload: &mut Lazy<'_>) -> Option<User> {
        let Users { source, token, form } = &self.users;
        if form.is_off() {
            return None;
        }
        let told = extensions.get::<UserId>().map(|user| user.0.to_string());
        let told = told.or_else(|| source.find(headers, payload));
        told.and_then(|user| form.apply(&user))
            .or_else(|| Some(User::Hashed(token.as_ref()?.hash_token(bearer(headers)?))))
    }

    fn tenant(&self, headers: &HeaderMap, extensions: &Extensions, payload: &mut Lazy<'_>) -> Option<Text> {
        let Tenants { source, form } = &self.tenants;
        if form.is_off() {
            return None;
        }
        let told = extensions.get::<Tenant>().map(|tenant| tenant.0.to_string());
        let told = told.or_else(|| source.find(headers, payload))?;
        form.apply(&told).map(User::into_text)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use http::header::AUTHORIZATION;

    use super::*;

    fn with_token(payload: &str) -> HeaderMap {
        let token = format!("Bearer e30.{}.sig", URL_SAFE_NO_PAD.encode(payload));
        HeaderMap::from_iter([(AUTHORIZATION, token.parse().unwrap())])
    }

    fn plain(text: &str) -> Option<User> {
        Some(User::Plain(text.into()))
    }

    fn user(users: &Users, headers: &HeaderMap, extensions: &Extensions) -> Option<User> {
        Identity::from(users.clone()).find(headers, extensions).0
    }

    #[test]
    fn each_source_comes_before_the_next() {
        let users = Users::default()
            .from_jwt_claim("sub")
            .from_header(HeaderName::from_static("x-user"))
            .from_bearer_token(HashKeys::new("t", [1; 32]));
        let mut extensions = Extensions::new();
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, "Bearer opaque".parse().unwrap())]);
        let hashed = user(&users, &headers, &extensions);
        assert!(
            matches!(&hashed, Some(User::Hashed(hash)) if hash.starts_with("t:")),
            "{hashed:?}"
        );
        headers.insert("x-user", "header".parse().unwrap());
        assert_eq!(user(&users, &headers, &extensions), plain("header"));
        headers.extend(with_token(r#"{"sub":"claim"}"#));
        assert_eq!(user(&users, &headers, &extensions), plain("claim"));
        extensions.insert(UserId::new("extension"));
        assert_eq!(user(&users, &headers, &extensions), plain("extension"));
        assert_eq!(user(&Users::default(), &headers, &Extensions::new()), None);
    }

    #[test]
    fn tokens_that_are_no_jwt_tell_nobody() {
        let users = Users::default().from_jwt_claim("sub");
        for value in [
            "Bearer opaque",
            "Bearer a.b.c",
            "Basic YTpi",
            "Bearer",
            "Bearer e30.e30.x",
        ] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
            assert_eq!(user(&users, &headers, &Extensions::new()), None, "{value}");
        }
        for (payload, expected) in [
            (r#"{"sub":42}"#, plain("42")),
            (r#"{"sub":"","x":[1]}"#, None),
            (r#"{"sub":{"id":1}}"#, None),
            (r#"{"s\u0075b":"a"}"#, plain("a")),
        ] {
            assert_eq!(
                user(&users, &with_token(payload), &Extensions::new()),
                expected,
                "{payload}"
            );
        }
    }

    #[test]
    fn a_hash_hides_the_user_and_off_hides_the_token_too() {
        let headers = with_token(r#"{"sub":"ada"}"#);
        let hash = |key| {
            let form = UserForm::Hashed(HashKeys::new("k", [key; 32]));
            let users = Users::default().from_jwt_claim("sub").recorded_as(form);
            user(&users, &headers, &Extensions::new())
        };
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
        let off = Users::default()
            .from_jwt_claim("sub")
            .from_bearer_token(HashKeys::new("t", [1; 32]))
            .recorded_as(UserForm::Off);
        assert_eq!(user(&off, &headers, &Extensions::new()), None);
    }

    #[test]
    fn a_tenant_is_found_like_a_user() {
        let headers = with_token(r#"{"sub":"ada","org_id":"acme"}"#);
        let tenant = |tenants: &Tenants, extensions: &Extensions| {
            let identity = Identity {
                tenants: tenants.clone(),
                ..Identity::default()
            };
            identity.find(&headers, extensions).1
        };
        let none = Extensions::new();
        let mut told = Extensions::new();
        told.insert(Tenant::new("told"));
        let claim = Tenants::default().from_jwt_claim("org_id");
        let hashed = claim.clone().recorded_as(UserForm::Hashed(HashKeys::new("k", [1; 32])));
        for (case, tenants, extensions, expected) in [
            ("no source", &Tenants::default(), &none, None),
            ("the application tells it", &Tenants::default(), &told, Some("told")),
            ("the token tells it", &claim, &none, Some("acme")),
            ("both tell it", &claim, &told, Some("told")),
            ("off", &claim.clone().recorded_as(UserForm::Off), &told, None),
        ] {
            assert_eq!(tenant(tenants, extensions).as_deref(), expected, "{case}");
        }
        assert!(tenant(&hashed, &none).unwrap().starts_with("k:"));
    }

    #[test]
    fn a_pipe_is_of_whom_it_was_opened_for_or_of_whom_the_environment_names() {
        let none = Extensions::new();
        let mut told = Extensions::new();
        told.insert(UserId::new("ada"));
        told.insert(Tenant::new("acme"));
        let variables = |form: UserForm| Identity {
            users: Users::default().from_env("USER_OF_IT").recorded_as(form.clone()),
            tenants: Tenants::default().from_env("TENANT_OF_IT").recorded_as(form),
            ..Identity::default()
        };
        let hashed = UserForm::Hashed(HashKeys::new("k", [1; 32]));
        for (case, identity, caller, expected) in [
            ("nobody tells", Identity::default(), &none, (None, None)),
            (
                "the application tells",
                Identity::default(),
                &told,
                (Some("ada"), Some("acme")),
            ),
            (
                "the environment tells",
                variables(UserForm::Plain),
                &none,
                (Some("bob"), Some("initech")),
            ),
            (
                "both tell",
                variables(UserForm::Plain),
                &told,
                (Some("ada"), Some("acme")),
            ),
            ("off", variables(UserForm::Off), &told, (None, None)),
        ] {
            let environment = |name: &str| match name {
                "USER_OF_IT" => Some(" bob ".to_owned()),
                "TENANT_OF_IT" => Some("initech".to_owned()),
                _ => None,
            };
            let (user, tenant) = identity.of_pipe(caller, environment);
            assert_eq!(user, expected.0.and_then(plain), "{case}");
            assert_eq!(tenant.as_deref(), expected.1, "{case}");
        }
        let (user, tenant) = variables(hashed).of_pipe(&told, |_| None);
        assert!(matches!(user, Some(User::Hashed(hash)) if hash.starts_with("k:")));
        assert!(tenant.unwrap().starts_with("k:"));
    }
}
