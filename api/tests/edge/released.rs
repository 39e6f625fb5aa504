//! What clients were promised: the SDL of the last release, `schema/graphql/released.graphql`. Nothing in it may be taken
//! away or changed so that a document which was valid is valid no longer. A release copies `schema.graphql` over it.

use std::{collections::HashMap, path::Path};

use async_graphql::{
    Positioned,
    parser::{
        parse_schema,
        types::{FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
    },
};

/// Every type by its name.
struct Contract(HashMap<String, TypeKind>);

impl Contract {
    fn read(sdl: &str) -> Self {
        let types =
            parse_schema(sdl).unwrap().definitions.into_iter().filter_map(|definition| match definition {
                TypeSystemDefinition::Type(definition) => {
                    Some((definition.node.name.node.to_string(), definition.node.kind))
                }
                TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
            });
        Self(types.collect())
    }
}

/// Whatever is read as `now` is fit for somebody who expects `then`: the same, or never null any more.
fn narrows(then: &Type, now: &Type) -> bool {
    let (then, now) = (then.to_string(), now.to_string());
    now == then
        || now.replace('!', "") == then.replace('!', "")
            && now.matches('!').count() > then.matches('!').count()
}

fn inputs(
    place: &str,
    then: &[Positioned<InputValueDefinition>],
    now: &[Positioned<InputValueDefinition>],
    broken: &mut Vec<String>,
) {
    for before in then {
        let name = &before.node.name.node;
        match now.iter().find(|after| after.node.name.node == *name) {
            None => broken.push(format!("{place}.{name} is gone")),
            // What was sent must still be taken: an input may become nullable, never the other way.
            Some(after) if !narrows(&after.node.ty.node, &before.node.ty.node) => {
                broken.push(format!("{place}.{name} was {}, is {}", before.node.ty.node, after.node.ty.node));
            }
            Some(_) => {}
        }
    }
    for after in now.iter().filter(|after| then.iter().all(|before| before.node.name != after.node.name)) {
        if !after.node.ty.node.nullable && after.node.default_value.is_none() {
            broken.push(format!("{place}.{} is new and required", after.node.name.node));
        }
    }
}

fn fields(
    place: &str,
    then: &[Positioned<FieldDefinition>],
    now: &[Positioned<FieldDefinition>],
    broken: &mut Vec<String>,
) {
    for before in then {
        let place = format!("{place}.{}", before.node.name.node);
        let Some(after) = now.iter().find(|after| after.node.name.node == before.node.name.node) else {
            broken.push(format!("{place} is gone"));
            continue;
        };
        if !narrows(&before.node.ty.node, &after.node.ty.node) {
            broken.push(format!("{place} was {}, is {}", before.node.ty.node, after.node.ty.node));
        }
        inputs(&place, &before.node.arguments, &after.node.arguments, broken);
    }
}

fn names<T: ToString>(
    place: &str,
    then: impl Iterator<Item = T>,
    now: impl Iterator<Item = T>,
    broken: &mut Vec<String>,
) {
    let now: Vec<String> = now.map(|name| name.to_string()).collect();
    let gone = then.map(|name| name.to_string()).filter(|name| !now.contains(name));
    broken.extend(gone.map(|name| format!("{place} no longer has {name}")));
}

/// What a client of `then` would miss in `now`.
fn breaches(then: &str, now: &str) -> Vec<String> {
    let (then, now, mut broken) = (Contract::read(then), Contract::read(now), Vec::new());
    for (name, before) in &then.0 {
        match (before, now.0.get(name)) {
            (TypeKind::Object(before), Some(TypeKind::Object(after))) => {
                fields(name, &before.fields, &after.fields, &mut broken);
                let kinds = |known: &[Positioned<async_graphql::Name>]| {
                    known.iter().map(|kind| kind.node.clone()).collect::<Vec<_>>()
                };
                names(
                    name,
                    kinds(&before.implements).into_iter(),
                    kinds(&after.implements).into_iter(),
                    &mut broken,
                );
            }
            (TypeKind::Interface(before), Some(TypeKind::Interface(after))) => {
                fields(name, &before.fields, &after.fields, &mut broken);
            }
            (TypeKind::InputObject(before), Some(TypeKind::InputObject(after))) => {
                inputs(name, &before.fields, &after.fields, &mut broken);
            }
            (TypeKind::Enum(before), Some(TypeKind::Enum(after))) => {
                let values = before.values.iter().map(|value| &value.node.value.node);
                names(name, values, after.values.iter().map(|value| &value.node.value.node), &mut broken);
            }
            (TypeKind::Union(before), Some(TypeKind::Union(after))) => {
                let members = before.members.iter().map(|member| &member.node);
                names(name, members, after.members.iter().map(|member| &member.node), &mut broken);
            }
            (TypeKind::Scalar, Some(TypeKind::Scalar)) => {}
            (_, None) => broken.push(format!("{name} is gone")),
            (_, Some(_)) => broken.push(format!("{name} is of another kind")),
        }
    }
    broken.sort();
    broken
}

#[test]
fn nothing_that_was_released_is_taken_away() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/graphql/released.graphql");
    let released = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        breaches(&released, &api::graphql::sdl()),
        [""; 0],
        "a client of the last release would break"
    );
}

#[test]
fn what_would_break_a_client_is_named() {
    let then = "type Query { lot(id: ID, code: String!): Lot lots: [Lot!] }
        type Lot { code: String! weight: Int } enum Status { NEW OLD } union Any = Lot | Query
        input Make { code: String size: Int! }";
    let now = "type Query { lot(id: ID!, size: Int!): Lot lots: [Lot!]! }
        type Lot { code: String weight: Int! more: Int } enum Status { NEW OTHER } union Any = Lot
        input Make { code: String! size: Int shape: String! }";
    let expected = [
        "Any no longer has Query",
        "Lot.code was String!, is String",
        "Make.code was String, is String!",
        "Make.shape is new and required",
        "Query.lot.code is gone",
        "Query.lot.id was ID, is ID!",
        "Query.lot.size is new and required",
        "Status no longer has OLD",
    ];
    assert_eq!(breaches(then, now), expected);
    assert_eq!(breaches(then, then), [""; 0]);
}
