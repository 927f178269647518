//! What is recorded, and where it goes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use http::HeaderName;
use toolsight::{Capture, HashKeys, Protocol, Sampling, Tenants, Toolsight, UserForm, Users};

/// Of the end of a server, which a client may not wait for: what it has not sent by then is dropped.
const SHUTDOWN: Duration = Duration::from_secs(2);

#[derive(Args, Debug)]
#[command(next_help_heading = "What is recorded, and where it goes")]
pub(crate) struct Recording {
    /// Address of the collector, such as http://127.0.0.1:4317
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// How OTLP is spoken
    #[arg(long, value_enum)]
    protocol: Option<Spoken>,
    /// Header of every export, such as "authorization=Bearer toolsight_ingest_..."; others can see it, unlike
    /// OTEL_EXPORTER_OTLP_HEADERS
    #[arg(long = "header", value_name = "NAME=VALUE")]
    headers: Vec<String>,
    /// Name of the server, in place of what it says of itself
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Its version beside that name, in place of what it says of itself
    #[arg(long, value_name = "VERSION", requires = "server_name", default_value = "")]
    server_version: String,
    /// Claim of the bearer token that names the user, such as sub
    #[arg(long, value_name = "CLAIM")]
    user_claim: Option<String>,
    /// Header that names the user, set by something in front
    #[arg(long, value_name = "HEADER")]
    user_header: Option<HeaderName>,
    /// Variable that names the user of `wrap`, such as TOOLSIGHT_USER
    #[arg(long, value_name = "VARIABLE")]
    user_variable: Option<String>,
    /// Claim of the bearer token that names the tenant, such as org_id
    #[arg(long, value_name = "CLAIM")]
    tenant_claim: Option<String>,
    /// Header that names the tenant
    #[arg(long, value_name = "HEADER")]
    tenant_header: Option<HeaderName>,
    /// Variable that names the tenant of `wrap`, such as TOOLSIGHT_TENANT
    #[arg(long, value_name = "VARIABLE")]
    tenant_variable: Option<String>,
    /// How users are recorded; hashed needs --key-file
    #[arg(long, value_enum, default_value_t = Form::Plain)]
    users: Form,
    /// File with the key of all hashes, 64 hexadecimal digits, as `openssl rand -hex 32` makes them; the same for all
    /// replicas of a server
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Bytes of the arguments of a call of a tool that are recorded, redacted; at most 65536
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    capture_arguments: usize,
    /// The same of the results
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    capture_results: usize,
    /// Records one in so many quick successes, and all else
    #[arg(long, value_name = "CALLS", default_value_t = 1)]
    sample_one_in: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Spoken {
    Grpc,
    Http,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Plain,
    Hashed,
    Off,
}

impl Recording {
    /// Starts the export.
    ///
    /// # Errors
    /// If an option or a variable cannot be used; says which and what to do.
    pub(crate) fn start(self) -> anyhow::Result<Toolsight> {
        let key = self.key_file.as_deref().map(read_key).transpose()?;
        let mut builder = Toolsight::builder()
            .users(self.users(key)?)
            .tenants(self.tenants())
            .capture(
                Capture::default()
                    .arguments(self.capture_arguments)
                    .results(self.capture_results),
            )
            .sampling(Sampling::one_in(self.sample_one_in))
            .shutdown_timeout(SHUTDOWN);
        if let Some(key) = key {
            builder = builder.hash_key(key);
        }
        if let Some(endpoint) = self.endpoint {
            builder = builder.endpoint(endpoint);
        }
        if let Some(protocol) = self.protocol {
            builder = builder.protocol(match protocol {
                Spoken::Grpc => Protocol::Grpc,
                Spoken::Http => Protocol::HttpProtobuf,
            });
        }
        for header in &self.headers {
            let (name, value) = header
                .split_once('=')
                .with_context(|| format!("--header {header:?} has no \"=\" between name and value"))?;
            builder = builder.header(name, value);
        }
        if let Some(name) = self.server_name {
            builder = builder.server(name, self.server_version);
        }
        builder.build().context("start the export")
    }

    fn users(&self, key: Option<[u8; 32]>) -> anyhow::Result<Users> {
        let mut users = Users::default();
        if let Some(claim) = &self.user_claim {
            users = users.from_jwt_claim(claim.as_str());
        }
        if let Some(header) = &self.user_header {
            users = users.from_header(header.clone());
        }
        if let Some(variable) = &self.user_variable {
            users = users.from_env(variable.as_str());
        }
        Ok(users.recorded_as(match (self.users, key) {
            (Form::Plain, _) => UserForm::Plain,
            (Form::Hashed, Some(key)) => UserForm::Hashed(HashKeys::new("", key)),
            (Form::Hashed, None) => bail!("--users hashed needs --key-file, a file with 64 hexadecimal digits"),
            (Form::Off, _) => UserForm::Off,
        }))
    }

    fn tenants(&self) -> Tenants {
        let mut tenants = Tenants::default();
        if let Some(claim) = &self.tenant_claim {
            tenants = tenants.from_jwt_claim(claim.as_str());
        }
        if let Some(header) = &self.tenant_header {
            tenants = tenants.from_header(header.clone());
        }
        if let Some(variable) = &self.tenant_variable {
            tenants = tenants.from_env(variable.as_str());
        }
        tenants
    }
}

fn read_key(file: &Path) -> anyhow::Result<[u8; 32]> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read the key in {}", file.display()))?;
    blake3::Hash::from_hex(text.trim())
        .map(|hash| *hash.as_bytes())
        .ok()
        .with_context(|| format!("{} has to have 64 hexadecimal digits and nothing else", file.display()))
}
