use serde_json::Value;

use super::{assert_stands, schema_folder};

#[test]
fn the_graphql_schema_in_the_repository_is_the_one_that_is_served() {
    assert_stands(schema_folder().join("graphql/schema.graphql"), &api::graphql::sdl());
}

const DESCRIBE: &str = "{ __schema { types { name kind description
    fields { name description args { name description } }
    inputFields { name description } enumValues { name description } } } }";

/// What Relay and the specification describe for us.
fn is_generated(name: &str) -> bool {
    name.starts_with("__") || name == "ID" || ["Edge", "PageInfo"].iter().any(|end| name.ends_with(end))
}

#[tokio::test]
async fn every_type_field_and_argument_is_described() {
    let answer = api::graphql::unconnected_schema().execute(DESCRIBE).await.into_result().unwrap();
    let answer = answer.data.into_json().unwrap();
    let mut naked = Vec::new();
    let mut check = |owner: &str, member: &Value| {
        let name = member["name"].as_str().unwrap();
        if member["description"].as_str().is_none_or(str::is_empty) {
            naked.push(format!("{owner}{name}"));
        }
    };
    for one in answer["__schema"]["types"].as_array().unwrap() {
        let name = one["name"].as_str().unwrap();
        let is_root = ["Query", "Mutation"].contains(&name);
        if is_generated(name) {
            continue;
        }
        if !is_root && !name.ends_with("Connection") {
            check("", one);
        }
        for list in ["fields", "inputFields", "enumValues"] {
            for member in one[list].as_array().into_iter().flatten() {
                check(&format!("{name}."), member);
                for argument in member["args"].as_array().into_iter().flatten() {
                    check(&format!("{name}.{}.", member["name"]), argument);
                }
            }
        }
    }
    assert!(naked.is_empty(), "without a description: {naked:#?}");
}
