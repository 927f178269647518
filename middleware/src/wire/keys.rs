//! The keys of the members that are looked at.
//!
//! They stand in a table, since that is less to fetch for a server that does other things between two calls than the code
//! that compares each key with each byte of those that may stand in its place.

use super::member::Member;
use crate::semconv;

/// The object that a member stands in, its key, and the member.
type Row = (Member, &'static str, Member);

const ROWS: &[Row] = &[
    (Member::Root, "jsonrpc", Member::Jsonrpc),
    (Member::Root, "id", Member::Id),
    (Member::Root, "method", Member::Method),
    (Member::Root, "params", Member::Params),
    (Member::Root, "result", Member::Result),
    (Member::Root, "error", Member::Error),
    (Member::Params, "name", Member::ParamsName),
    (Member::Params, "uri", Member::ParamsUri),
    (Member::Params, "cursor", Member::ParamsCursor),
    (Member::Params, "protocolVersion", Member::ParamsProtocolVersion),
    (Member::Params, "clientInfo", Member::ParamsClient),
    (Member::Params, "requestId", Member::ParamsRequestId),
    (Member::Params, "progressToken", Member::ParamsProgressToken),
    (Member::Params, "_meta", Member::ParamsMeta),
    (Member::Params, "taskId", Member::ParamsTaskId),
    (Member::Params, "status", Member::ParamsStatus),
    (Member::Params, "result", Member::TaskResult),
    (Member::Params, "requestState", Member::ParamsRequestState),
    (Member::Params, "inputResponses", Member::ParamsInputResponses),
    (Member::Params, "arguments", Member::Arguments),
    (
        Member::ParamsMeta,
        semconv::META_PROTOCOL_VERSION,
        Member::MetaProtocolVersion,
    ),
    (Member::ParamsMeta, semconv::META_CLIENT_INFO, Member::MetaClient),
    (Member::ParamsMeta, semconv::META_TRACEPARENT, Member::MetaTraceparent),
    (Member::ParamsMeta, semconv::META_TRACESTATE, Member::MetaTracestate),
    (
        Member::ParamsMeta,
        semconv::META_PROGRESS_TOKEN,
        Member::MetaProgressToken,
    ),
    (
        Member::ParamsMeta,
        semconv::META_SUBSCRIPTION_ID,
        Member::MetaSubscriptionId,
    ),
    (Member::Result, "isError", Member::IsError),
    (Member::Result, "resultType", Member::ResultType),
    (Member::Result, "protocolVersion", Member::ResultProtocolVersion),
    (Member::Result, "serverInfo", Member::ResultServer),
    (Member::Result, "_meta", Member::ResultMeta),
    (Member::Result, "task", Member::ResultTask),
    (Member::Result, "status", Member::ResultStatus),
    (Member::Result, "taskId", Member::ResultTaskId),
    (Member::Result, "createdAt", Member::ResultCreatedAt),
    (Member::Result, "lastUpdatedAt", Member::ResultLastUpdatedAt),
    (Member::Result, "requestState", Member::ResultRequestState),
    (Member::Result, "inputRequests", Member::ResultInputRequests),
    (Member::Result, "result", Member::TaskResult),
    (Member::Result, "content", Member::Content),
    (Member::Result, "structuredContent", Member::Structured),
    (Member::Result, "nextCursor", Member::NextCursor),
    (Member::Result, "tools", Member::Tools),
    (Member::Result, "resourceTemplates", Member::Templates),
    (Member::ResultMeta, semconv::META_SERVER_INFO, Member::ResultServer),
    (Member::ClientResult, "task", Member::ResultTask),
    (Member::ClientResult, "status", Member::ResultStatus),
    (Member::ClientResult, "taskId", Member::ResultTaskId),
    (Member::ResultTask, "status", Member::ResultStatus),
    (Member::ResultTask, "taskId", Member::ResultTaskId),
    (Member::Params, "error", Member::TaskError),
    (Member::Result, "error", Member::TaskError),
    (Member::TaskError, "code", Member::ErrorCode),
    (Member::TaskError, "message", Member::ErrorMessage),
    (Member::TaskResult, "isError", Member::TaskIsError),
    (Member::TaskResult, "content", Member::Content),
    (Member::TaskResult, "structuredContent", Member::Structured),
    (Member::Block, "type", Member::BlockType),
    (Member::Block, "text", Member::BlockText),
    (Member::Template, "uriTemplate", Member::UriTemplate),
    (Member::Tool, "name", Member::ToolName),
    (Member::Tool, "inputSchema", Member::InputSchema),
    (Member::Tool, "outputSchema", Member::InputSchema),
    (Member::InputSchema, "type", Member::SchemaTypes),
    (Member::InputSchema, "required", Member::Required),
    (
        Member::InputSchema,
        "additionalProperties",
        Member::AdditionalProperties,
    ),
    (Member::InputSchema, "properties", Member::Properties),
    (Member::InputSchema, "patternProperties", Member::PatternProperties),
    (Member::Property, "type", Member::PropertyTypes),
    (Member::Property, "x-mcp-header", Member::PropertyHeader),
    (Member::ParamsClient, "name", Member::PeerName),
    (Member::ParamsClient, "version", Member::PeerVersion),
    (Member::MetaClient, "name", Member::PeerName),
    (Member::MetaClient, "version", Member::PeerVersion),
    (Member::ResultServer, "name", Member::PeerName),
    (Member::ResultServer, "version", Member::PeerVersion),
    (Member::Error, "code", Member::ErrorCode),
    (Member::Error, "message", Member::ErrorMessage),
];

/// Several times as many as there are rows, so that cheap factors do in [`place`].
const PLACES: usize = 512;

/// For each [`place`] the number of its row, from one on.
static NUMBERS: [u8; PLACES] = {
    let mut numbers = [0; PLACES];
    let mut row = 0;
    while row < ROWS.len() {
        let (parent, key, _) = ROWS[row];
        let place = place(parent, key.as_bytes());
        assert!(
            numbers[place] == 0,
            "two rows have the same place: it takes other factors"
        );
        row += 1;
        numbers[place] = row as u8;
    }
    numbers
};

/// Where a key stands, by its length and what it begins and ends with. The factors are such that no two rows stand in the
/// same place.
const fn place(parent: Member, key: &[u8]) -> usize {
    let (first, last) = match key {
        [first, .., last] => (*first, *last),
        _ => (0, 0),
    };
    (parent as usize * 2 + key.len() * 64 + first as usize * 8 + last as usize * 5) % PLACES
}

/// The member `key` of the object at `parent`, if it is looked at.
pub(super) fn member(parent: Member, key: &[u8]) -> Option<Member> {
    let number = NUMBERS[place(parent, key)];
    let (within, name, member) = ROWS.get(usize::from(number).wrapping_sub(1))?;
    (*within == parent && is_same(key, name.as_bytes())).then_some(*member)
}

/// Whether both are the same: most are so short that their first and last bytes are all there is, and a call takes longer.
#[inline(always)]
pub(super) fn is_same(key: &[u8], name: &[u8]) -> bool {
    if key.len() != name.len() {
        return false;
    }
    match key.len() {
        4..8 => name.first_chunk::<4>() == key.first_chunk() && name.last_chunk::<4>() == key.last_chunk(),
        8..=16 => name.first_chunk::<8>() == key.first_chunk() && name.last_chunk::<8>() == key.last_chunk(),
        _ => name == key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_tells_its_member_in_its_object_only() {
        for (parent, key, expected) in ROWS {
            assert_eq!(member(*parent, key.as_bytes()), Some(*expected), "{key}");
            assert_eq!(member(Member::Outside, key.as_bytes()), None, "{key}");
            for at in 0..key.len() {
                let mut other = key.as_bytes().to_vec();
                other[at] ^= 1;
                let row = ROWS.iter().find(|row| row.0 == *parent && row.1.as_bytes() == other);
                assert_eq!(member(*parent, &other), row.map(|row| row.2), "{key} but for one byte");
            }
        }
        assert_eq!(member(Member::Root, b""), None);
    }
}
