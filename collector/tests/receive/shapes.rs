//! Requests of any shape: several resources and scopes, fields that nobody knows, values nested deeply, spans that are none.

use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use proptest::prelude::*;
use prost::Message as _;
use toolsight_collector::receive::{Encoding, rows};

use crate::any_bytes::{field, ignored};
use crate::support::{call, targets};

/// A field that no version of OTLP has, of any wire type that can be skipped.
fn unknown_field() -> impl Strategy<Value = Vec<u8>> {
    (
        50_u32..500,
        any::<u64>(),
        prop::collection::vec(any::<u8>(), 0..40),
        0..4,
    )
        .prop_map(|(number, value, content, kind)| {
            let mut bytes = Vec::new();
            let mut tag =
                |wire_type: u32| prost::encoding::encode_varint(u64::from(number << 3 | wire_type), &mut bytes);
            match kind {
                0 => {
                    tag(0);
                    prost::encoding::encode_varint(value, &mut bytes);
                }
                1 => {
                    tag(1);
                    bytes.extend_from_slice(&value.to_le_bytes());
                }
                2 => {
                    tag(2);
                    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
                    bytes.extend_from_slice(&content);
                }
                _ => {
                    tag(5);
                    bytes.extend_from_slice(&(value as u32).to_le_bytes());
                }
            }
            bytes
        })
}

/// A value within so many others.
fn nested(depth: usize) -> Vec<u8> {
    let mut value = AnyValue {
        value: Some(Value::IntValue(1)),
    }
    .encode_to_vec();
    for level in 0..depth {
        // An array of one value, or a list of one pair.
        value = if level % 2 == 0 {
            field(5, &field(1, &value))
        } else {
            field(6, &field(1, &[field(1, b"key"), field(2, &value)].concat()))
        };
    }
    value
}

/// What stands where a span should.
#[derive(Clone, Debug)]
enum Item {
    /// A call whose target is its place.
    Good,
    /// The same, with a value nested so deep and a field that nobody knows.
    Deep(usize, Vec<u8>),
    /// Anything.
    Bytes(Vec<u8>),
}

fn any_item() -> impl Strategy<Value = Item> {
    prop_oneof![
        3 => Just(Item::Good),
        1 => (0_usize..400, unknown_field()).prop_map(|(depth, unknown)| Item::Deep(depth, unknown)),
        2 => any::<Vec<u8>>().prop_map(Item::Bytes),
    ]
}

proptest! {
    #[test]
    fn whatever_the_shape_of_a_request_every_good_call_is_a_row_in_its_order_and_the_sum_is_right(
        resources in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any_item(), 0..6), 0..4),
            0..4,
        ),
        unknown in prop::collection::vec(unknown_field(), 3),
    ) {
        let (mut body, mut spans, mut expected) = (unknown[0].clone(), 0_u64, Vec::new());
        for scopes in &resources {
            let mut resource = unknown[1].clone();
            for items in scopes {
                let mut scope = unknown[2].clone();
                for item in items {
                    let target = format!("good{spans}");
                    let mut bytes = match item {
                        Item::Good | Item::Deep(..) => call(&target).encode_to_vec(),
                        Item::Bytes(bytes) => bytes.clone(),
                    };
                    if let Item::Deep(depth, unknown) = item {
                        // Attributes of a span are its ninth field.
                        bytes.extend(field(9, &[field(1, b"app.deep"), field(2, &nested(*depth))].concat()));
                        bytes.extend_from_slice(unknown);
                    }
                    if !matches!(item, Item::Bytes(_)) {
                        expected.push(target);
                    }
                    scope.extend(field(2, &bytes));
                    spans += 1;
                }
                resource.extend(field(2, &scope));
            }
            body.extend(field(1, &resource));
        }
        let (rows, tally) = rows(&body, Encoding::Protobuf, SystemTime::now()).unwrap();
        let found: Vec<&str> = targets(&rows).into_iter().filter(|target| target.starts_with("good")).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(tally.spans, spans);
        prop_assert_eq!(spans, rows.len() as u64 + ignored(&tally) + tally.rejected);
    }
}
