//! An OTLP trace request as spans, read in place.

use std::fmt;

use super::attributes::{Attributes, Value};
use super::wire::{self, Fields, Malformed};

/// One span as it stands in a request; nothing is copied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span<'a> {
    pub(crate) trace_id: &'a [u8],
    pub(crate) span_id: &'a [u8],
    pub(crate) parent_span_id: &'a [u8],
    pub(crate) name: &'a [u8],
    /// Name of the instrumentation scope that made the span.
    pub(crate) scope: &'a [u8],
    /// `SpanKind`, 0 where absent.
    pub(crate) kind: u32,
    /// Nanoseconds since the Unix epoch, 0 where absent.
    pub(crate) start: u64,
    /// Nanoseconds since the Unix epoch, 0 where absent.
    pub(crate) end: u64,
    /// Whether the status is `ERROR`.
    pub(crate) failed: bool,
    pub(crate) status_message: &'a [u8],
    pub(crate) attributes: Attributes<'a>,
    /// Attributes that were left out, since their bytes are broken.
    pub(crate) left_out: u64,
}

/// A request that is not an OTLP trace request; nothing of it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    message: &'static str,
    cause: Malformed,
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "invalid protobuf in {}: {}", self.message, self.cause)
    }
}

/// Calls `each` for every span of an `ExportTraceServiceRequest`, with its resource's attributes; a span whose own bytes
/// are broken arrives as an error and leaves the others alone, and a broken attribute is left out. All are read into clones
/// of `attributes`; those of a span only until there is `enough` of it, which no further attribute may change. Gives how
/// many attributes of resources were left out.
///
/// # Errors
/// When the framing around the spans is broken, so that it is not known which spans there are.
pub(crate) fn spans<'a>(
    request: &'a [u8],
    attributes: Attributes<'a>,
    enough: impl Fn(&Span<'a>) -> bool,
    mut each: impl FnMut(&Attributes<'a>, Result<&Span<'a>, Malformed>),
) -> Result<u64, Broken> {
    let mut left_out = 0;
    // Their attributes are kilobytes, so all spans are read into the same one.
    let mut resource = attributes.clone();
    let mut span = Span {
        attributes,
        ..Span::default()
    };
    for resource_spans in messages(request, "ExportTraceServiceRequest", 1) {
        let resource_spans = resource_spans?;
        // A resource may be written after the spans that it describes.
        resource.clear();
        for message in messages(resource_spans, "ResourceSpans", 1) {
            for attribute in messages(message?, "Resource", 1) {
                left_out += u64::from(key_value(attribute?, &mut resource).is_err());
            }
        }
        for scope_spans in messages(resource_spans, "ResourceSpans", 2) {
            let scope_spans = scope_spans?;
            span.scope = scope_name(scope_spans)?;
            for message in messages(scope_spans, "ScopeSpans", 2) {
                let read = span.read(message?, &enough);
                each(&resource, read.map(|()| &span));
            }
        }
    }
    Ok(left_out)
}

/// The name of the scope, empty where there is none.
fn scope_name(scope_spans: &[u8]) -> Result<&[u8], Broken> {
    let mut name = &[][..];
    for scope in messages(scope_spans, "ScopeSpans", 1) {
        for last in messages(scope?, "InstrumentationScope", 1) {
            name = last?;
        }
    }
    Ok(name)
}

/// Checks the outermost framing of a request whose content is not used.
pub(crate) fn check(request: &[u8], message: &'static str) -> Result<(), Broken> {
    messages(request, message, 1).try_for_each(|inner| inner.map(drop))
}

/// The embedded messages in the field of this number; `message` is whose field it is.
pub(super) fn messages<'a>(
    bytes: &'a [u8],
    message: &'static str,
    number: u32,
) -> impl Iterator<Item = Result<&'a [u8], Broken>> {
    Fields::new(bytes).filter_map(move |field| match field {
        Ok((found, value)) if found == number => Some(
            value
                .bytes("an embedded message")
                .map_err(|cause| Broken { message, cause }),
        ),
        Ok(_) => None,
        Err(cause) => Some(Err(Broken { message, cause })),
    })
}

impl<'a> Span<'a> {
    /// Becomes the span of this message. Once there is enough of it, further attributes are passed over.
    fn read(&mut self, message: &'a [u8], enough: &impl Fn(&Self) -> bool) -> Result<(), Malformed> {
        if self.read_until(message, enough)? && !enough(self) {
            // A field that stands twice has changed what was enough.
            self.read_until(message, &|_| false)?;
        }
        Ok(())
    }

    /// As [`Span::read`]; tells whether there was enough at some point.
    fn read_until(&mut self, message: &'a [u8], enough: &impl Fn(&Self) -> bool) -> Result<bool, Malformed> {
        const ATTRIBUTES: u8 = wire::key_of_bytes(9);
        self.clear();
        let (mut fields, mut passing) = (Fields::new(message), false);
        loop {
            while let Some(attribute) = fields.short(ATTRIBUTES) {
                passing = passing || self.keep(attribute) && enough(self);
            }
            let Some(field) = fields.next() else {
                return Ok(passing);
            };
            let (number, value) = field?;
            match number {
                1 => self.trace_id = value.bytes("trace_id")?,
                2 => self.span_id = value.bytes("span_id")?,
                4 => self.parent_span_id = value.bytes("parent_span_id")?,
                5 => self.name = value.bytes("name")?,
                6 => self.kind = value.varint("kind")? as u32,
                7 => self.start = value.fixed64("start_time_unix_nano")?,
                8 => self.end = value.fixed64("end_time_unix_nano")?,
                9 => {
                    let attribute = value.bytes("attributes")?;
                    passing = passing || self.keep(attribute) && enough(self);
                }
                15 => self.read_status(value.bytes("status")?)?,
                _ => {}
            }
        }
    }

    /// Keeps an attribute if it is wanted, and tells whether it is.
    #[inline]
    fn keep(&mut self, attribute: &'a [u8]) -> bool {
        key_value(attribute, &mut self.attributes).unwrap_or_else(|_| {
            self.left_out += 1;
            false
        })
    }

    fn read_status(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        for field in Fields::new(message) {
            match field? {
                (2, value) => self.status_message = value.bytes("status.message")?,
                (3, value) => self.failed = value.varint("status.code")? as u32 == 2,
                _ => {}
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        [self.trace_id, self.span_id, self.parent_span_id] = [&[]; 3];
        [self.name, self.status_message] = [&[]; 2];
        [self.start, self.end] = [0; 2];
        (self.kind, self.failed, self.left_out) = (0, false, 0);
        self.attributes.clear();
    }
}

/// Offers an attribute, and tells whether it was kept.
#[inline]
pub(super) fn key_value<'a>(message: &'a [u8], attributes: &mut Attributes<'a>) -> Result<bool, Malformed> {
    let (name, value) = match plain(message) {
        Some(attribute) => attribute,
        None => match any_key_value(message)? {
            (name, Some(value)) => (name, value),
            (_, None) => return Ok(false),
        },
    };
    Ok(attributes.offer(name, value))
}

/// An attribute as every SDK writes it: the key, the value, and nothing else; `None` if it is written otherwise, is long,
/// or broken.
#[inline]
fn plain(message: &[u8]) -> Option<(&[u8], Value<'_>)> {
    const KEY: u8 = wire::key_of_bytes(1);
    const VALUE: u8 = wire::key_of_bytes(2);
    const STRING: u8 = wire::key_of_bytes(1);
    let [KEY, length @ ..0x80, rest @ ..] = message else {
        return None;
    };
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let [VALUE, length @ ..0x80, value @ ..] = rest else {
        return None;
    };
    if value.len() != usize::from(*length) {
        return None;
    }
    let value = match value {
        [STRING, length @ ..0x80, text @ ..] if text.len() == usize::from(*length) => Value::Text(text),
        // `bool_value` and `int_value`.
        [0x10, flag @ ..=1] => Value::Boolean(*flag == 1),
        [0x18, integer @ ..] => Value::Integer(wire::whole_varint(integer)?.cast_signed()),
        _ => return None,
    };
    Some((name, value))
}

/// Any attribute; of fields that are written several times the last one counts.
#[cold]
pub(super) fn any_key_value(message: &[u8]) -> Result<(&[u8], Option<Value<'_>>), Malformed> {
    let mut name = &[][..];
    let mut found = None;
    for field in Fields::new(message) {
        match field? {
            (1, value) => name = value.bytes("key")?,
            (2, value) => found = any_value(value.bytes("value")?)?.or(found),
            _ => {}
        }
    }
    Ok((name, found))
}

fn any_value(message: &[u8]) -> Result<Option<Value<'_>>, Malformed> {
    let mut found = None;
    for field in Fields::new(message) {
        found = Some(match field? {
            (1, value) => Value::Text(value.bytes("string_value")?),
            (2, value) => Value::Boolean(value.varint("bool_value")? != 0),
            (3, value) => Value::Integer(value.varint("int_value")?.cast_signed()),
            (4, value) => Value::Double(f64::from_bits(value.fixed64("double_value")?)),
            (5..=7, wire::Value::Bytes(_)) => Value::Compound,
            (5..=7, _) => return Err(Malformed::Type("value")),
            _ => continue,
        });
    }
    Ok(found)
}
