//! The embedded engine's settings: who may do what, and how much memory it may take.

use std::{net::SocketAddr, path::Path};

use sha2::{Digest, Sha256};

use super::{client::READ_SECONDS, location::DEFAULT_DATABASE};

/// User of the collector itself.
pub(super) const WRITER: &str = "writer";
/// User of everyone who only asks.
pub(super) const READER: &str = "reader";

/// What differs between one engine and another.
pub(super) struct EngineConfig<'a> {
    pub(super) data: &'a Path,
    pub(super) http: SocketAddr,
    pub(super) tcp: SocketAddr,
    pub(super) memory_bytes: u64,
    pub(super) writer_password: &'a str,
    pub(super) reader_password: &'a str,
}

impl EngineConfig<'_> {
    /// The settings as XML. `config` is the file that they go to, since the users are read from it as well.
    ///
    /// The engine's own session has to be the user `default` without a password, and takes the only session that this
    /// user may have: nobody else on the machine can be `default`, and its rights are those that the session needs.
    /// Backups may go to any folder that this process may write to; only the writer may make them.
    pub(super) fn to_xml(&self, config: &Path) -> String {
        let Self {
            http,
            tcp,
            memory_bytes,
            ..
        } = self;
        format!(
            r#"<clickhouse>
  <path>{data}</path>
  <users_config>{config}</users_config>
  <listen_host>{host}</listen_host>
  <http_port>{http_port}</http_port>
  <tcp_port>{tcp_port}</tcp_port>
  <backups><allowed_path>/</allowed_path></backups>
  <max_server_memory_usage>{memory_bytes}</max_server_memory_usage>
  <mark_cache_size>{cache}</mark_cache_size>
  <primary_index_cache_size>{cache}</primary_index_cache_size>
  <index_mark_cache_size>{cache}</index_mark_cache_size>
  <access_control_improvements>
    <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
    <select_from_information_schema_requires_grant>true</select_from_information_schema_requires_grant>
    <settings_constraints_replace_previous>true</settings_constraints_replace_previous>
  </access_control_improvements>
  <profiles>
    <default/>
    <session><max_sessions_for_user>1</max_sessions_for_user></session>
    <reader>
      <readonly>1</readonly>
      <max_execution_time>{READ_SECONDS}</max_execution_time>
      <max_memory_usage>{query_memory}</max_memory_usage>
      <constraints>
        <max_execution_time><changeable_in_readonly/><min>1</min><max>300</max></max_execution_time>
      </constraints>
    </reader>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <no_password/>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>session</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT SYSTEM LISTEN ON *.*</query>
        <query>GRANT READ ON FILE</query>
        <query>GRANT TABLE ENGINE ON File</query>
        <query>GRANT CREATE TABLE, DROP TABLE, SELECT ON default.*</query>
      </grants>
    </default>
    <{WRITER}>
      <password_sha256_hex>{writer}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT SELECT, INSERT, ALTER, CREATE, DROP, TRUNCATE, OPTIMIZE, BACKUP ON {DEFAULT_DATABASE}.*</query>
        <query>GRANT SELECT ON system.*</query>
        <query>GRANT TABLE ENGINE ON *</query>
      </grants>
    </{WRITER}>
    <{READER}>
      <password_sha256_hex>{reader}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>reader</profile>
      <quota>default</quota>
      <grants><query>GRANT SELECT ON {DEFAULT_DATABASE}.*</query></grants>
    </{READER}>
  </users>
</clickhouse>
"#,
            data = escaped(self.data),
            config = escaped(config),
            host = http.ip(),
            http_port = http.port(),
            tcp_port = tcp.port(),
            cache = memory_bytes / 16,
            query_memory = memory_bytes / 2,
            writer = sha256_hex(self.writer_password),
            reader = sha256_hex(self.reader_password),
        )
    }
}

fn escaped(path: &Path) -> String {
    path.to_string_lossy()
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn sha256_hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
