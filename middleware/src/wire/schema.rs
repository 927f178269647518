//! As much of a tool's input schema as tells whether a call's arguments can be right.

use super::visitor::ValueKind;
use crate::record::Text;
use crate::semconv;

/// Name and kind of one argument of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Argument {
    pub(crate) name: Text,
    pub(crate) kind: ValueKind,
}

/// The kinds that a property may have; none stands for any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

/// The top level of an input or output schema (JSON Schema: `properties`, `required`, `additionalProperties`, `type`).
///
/// What it does not understand it allows, so a violation that it finds is one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct InputSchema {
    /// Of the value itself.
    pub(crate) kinds: Kinds,
    pub(crate) properties: Vec<(Text, Kinds)>,
    pub(crate) required: Vec<Text>,
    /// Headers that mirror a property, in small letters behind their prefix, with its name (`x-mcp-header`, since 2026-07-28).
    pub(crate) headers: Vec<(Text, Text)>,
    /// `additionalProperties` is false.
    pub(crate) closed: bool,
    /// There are more properties than are kept.
    pub(crate) cut: bool,
}

impl Kinds {
    /// Allows the kind that JSON Schema calls `name`; a name it does not know allows everything.
    pub(crate) fn allow(&mut self, name: &str) {
        self.0 |= match name {
            "null" => bit(ValueKind::Null),
            "boolean" => bit(ValueKind::Boolean),
            "integer" => bit(ValueKind::Integer),
            "number" => bit(ValueKind::Number) | bit(ValueKind::Integer),
            "string" => bit(ValueKind::String),
            "array" => bit(ValueKind::Array),
            "object" => bit(ValueKind::Object),
            _ => u8::MAX,
        };
    }

    pub(crate) fn allows(self, kind: ValueKind) -> bool {
        self.0 == 0 || self.0 & bit(kind) != 0
    }
}

const fn bit(kind: ValueKind) -> u8 {
    1 << kind as u8
}

impl InputSchema {
    /// Names of the arguments that are required and missing, of a wrong kind, or not allowed, sorted; those that the schema
    /// does not know are one, `_OTHER`, since the caller has made them up.
    pub(crate) fn violations(&self, arguments: &[Argument]) -> Vec<&str> {
        let given = |name: &str| arguments.iter().any(|argument| &*argument.name == name);
        let cut = arguments.len() >= super::ARGUMENTS_LIMIT;
        let missing = self
            .required
            .iter()
            .filter(|name| !cut && !given(name))
            .map(|name| &**name);
        let wrong = arguments.iter().filter_map(|argument| {
            let known = self.properties.iter().find(|(name, _)| *name == argument.name);
            match known {
                Some((name, kinds)) => (!kinds.allows(argument.kind)).then_some(&**name),
                None => (self.closed && !self.cut).then_some(semconv::OTHER),
            }
        });
        let mut names: Vec<_> = missing.chain(wrong).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether these arguments lack a required one, have one of a wrong kind, or one that is not allowed.
    pub(crate) fn is_violated_by(&self, arguments: &[Argument]) -> bool {
        !self.violations(arguments).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::{Reader, Side};

    fn violated(schema: &str, arguments: &str) -> bool {
        let list =
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{{"inputSchema":{schema},"name":"t"}}]}}}}"#);
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","arguments":{arguments}}}}}"#
        );
        let read = |side, document: &str| {
            let mut reader = Reader::new(side);
            let message = reader.read(&mut document.as_bytes()).map(std::mem::take);
            assert!(reader.finish());
            message.unwrap()
        };
        let list = read(Side::Answer, &list).result.unwrap();
        let call = read(Side::Request, &call);
        list.tools.unwrap()[0].input.is_violated_by(&call.params.arguments)
    }

    #[test]
    fn arguments_are_compared_with_the_schema() {
        let numbers = r#"{"type":"object","properties":{"a":{"type":"integer"},"b":{"description":"type","type":["number","null"]},
            "c":{"anyOf":[{"type":"string"}]},"d":{"type":"object","properties":{"type":{"type":"string"}}}},"required":["a"]}"#;
        let closed = r#"{"properties":{"a":{"type":"string"}},"additionalProperties":false}"#;
        for (schema, arguments, expected) in [
            (numbers, r#"{"a":1}"#, false),
            (numbers, r#"{"a":1.0,"b":2.5,"c":[],"d":{"type":1},"other":1}"#, false),
            (numbers, r#"{"a":1,"b":null}"#, false),
            (numbers, r#"{}"#, true),
            (numbers, r#"{"b":1}"#, true),
            (numbers, r#"{"a":"1"}"#, true),
            (numbers, r#"{"a":1.5}"#, true),
            (numbers, r#"{"a":1,"b":"x"}"#, true),
            (numbers, r#"{"a":1,"d":[]}"#, true),
            (closed, r#"{"a":"x"}"#, false),
            (closed, r#"{"a":"x","b":1}"#, true),
            (
                r#"{"properties":{"a":{}},"patternProperties":{"^x":{}},"additionalProperties":false}"#,
                r#"{"x1":1}"#,
                false,
            ),
            (r#"{"type":"object"}"#, r#"{"anything":1}"#, false),
            ("true", r#"{"anything":1}"#, false),
            (
                r#"{"properties":{"a":true,"b":{"type":"mystery"}}}"#,
                r#"{"a":1,"b":2}"#,
                false,
            ),
        ] {
            assert_eq!(violated(schema, arguments), expected, "{schema} {arguments}");
        }
    }
}
