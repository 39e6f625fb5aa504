use std::collections::BTreeSet;

use api::contexts::categories;

use super::{assert_stands, schema_folder};

#[test]
fn every_event_type_has_its_schema_in_the_repository() {
    for category in categories() {
        for event in (category.events)() {
            let mut schema = (event.schema)();
            schema.insert(
                "$id".to_owned(),
                format!("cairn:{}.v{}", event.event_type, event.schema_version).into(),
            );
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            let file = format!("{}.v{}.schema.json", event.event_type, event.schema_version);
            assert_stands(schema_folder().join("events").join(category.name).join(file), &text);
        }
    }
}

#[test]
fn no_event_type_belongs_to_two_categories() {
    let mut seen = BTreeSet::new();
    for category in categories() {
        for event in (category.events)() {
            assert!(seen.insert(event.event_type), "{} is declared twice", event.event_type);
        }
    }
}

#[test]
fn event_types_are_a_noun_and_a_past_participle() {
    let irregular = ["Shipped", "Held", "Taken", "WrittenOff", "Overridden"];
    for category in categories() {
        for event in (category.events)() {
            let name = event.event_type;
            assert!(name.ends_with("ed") || irregular.iter().any(|end| name.ends_with(end)), "{name}");
        }
    }
}
