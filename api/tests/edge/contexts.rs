//! What exists is made known: whatever the sources declare stands in the list of contexts.

use std::{collections::BTreeSet, fs, path::Path};

use api::contexts;

/// The sources below a folder, line by line; comments and tests left out.
fn lines(folder: &str) -> Vec<String> {
    fn walk(path: &Path, found: &mut dyn FnMut(&str)) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                text.lines().filter(|line| !line.trim_start().starts_with("//")).for_each(&mut *found);
            }
        }
    }
    let mut lines = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    walk(&root, &mut |line| lines.push(line.to_owned()));
    lines
}

/// What stands between two texts, wherever both stand in one line of the sources below a folder.
fn declared(folder: &str, before: &str, after: &str) -> BTreeSet<String> {
    let lines = lines(folder);
    let between = |line: &'_ String| {
        let (_, rest) = line.split_once(before)?;
        rest.split_once(after).map(|(name, _)| name.to_owned())
    };
    let names: BTreeSet<_> = lines.iter().filter_map(between).collect();
    assert!(!names.is_empty(), "{folder} declares none");
    names
}

/// What a macro declares that is called with a name in front: `mutations! { PartnerMutations … { … } }`.
fn declared_by(folder: &str, call: &str) -> BTreeSet<String> {
    let lines: Vec<_> =
        lines(folder).into_iter().filter(|line| !line.trim_start().starts_with("///")).collect();
    let behind = |pair: &[String]| {
        let name = pair[1].split_whitespace().next()?;
        (pair[0].trim() == call).then(|| name.to_owned())
    };
    let names: BTreeSet<_> = lines.windows(2).filter_map(behind).collect();
    assert!(!names.is_empty(), "{folder} declares none by {call}");
    names
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_aggregate_is_known_with_its_events_and_its_past() {
    let categories = contexts::categories();
    let known = names(categories.iter().map(|category| category.name));
    assert_eq!(known.len(), categories.len(), "a category is named twice");
    assert_eq!(declared("domain/src", "const CATEGORY: &'static str = \"", "\""), known);
}

#[test]
fn every_category_has_a_read_model_or_is_internal() {
    let models = contexts::models();
    for category in contexts::categories() {
        let is_read = models.iter().any(|model| model.reads(category.name));
        assert_ne!(is_read, category.is_internal, "{}", category.name);
    }
}

#[test]
fn every_read_model_is_known() {
    let known = names(contexts::models().iter().map(|model| model.name));
    let mut declared = declared("projections/src", "const NAME: &'static str = \"", "\"");
    declared.extend(self::declared("projections/src", " answers \"", "\""));
    declared.remove("test_model");
    assert_eq!(declared, known);
}

#[test]
fn every_entity_is_a_node() {
    let sdl = api::graphql::sdl();
    for declaration in sdl.split("\n}\n").filter(|text| text.contains("\n\t\"Global id.\"\n\tid: ID!")) {
        let head = declaration.lines().find(|line| line.starts_with("type ")).unwrap_or_default();
        assert!(head.contains("implements Node"), "{head} has a global id and is no node");
    }
}

#[test]
fn every_process_manager_runs() {
    struct Names(BTreeSet<String>);
    impl contexts::EachProcess for Names {
        fn process<P: commands::process::ProcessManager + Default>(&mut self) {
            self.0.extend(std::any::type_name::<P>().rsplit("::").next().map(str::to_owned));
        }
    }
    let mut known = Names(BTreeSet::new());
    contexts::each_process(&mut known);
    assert_eq!(declared("commands/src", "impl ProcessManager for ", " {"), known.0);
}

#[test]
fn every_list_query_and_mutation_is_a_field_of_its_root() {
    const MODULES: &str = "api/src/graphql";
    let mut declared = self::declared(MODULES, "    lists ", " {");
    declared.extend(declared_by(MODULES, "crate::mutations! {"));
    declared
        .extend(self::declared(MODULES, "impl ", "Queries {").iter().map(|name| format!("{name}Queries")));
    assert_eq!(declared, names(contexts::roots()));
}

#[test]
fn every_command_that_is_stored_is_known_when_it_is_due() {
    let known = contexts::commands_run_later();
    assert_eq!(declared("commands/src", "impl RunLater for ", " {"), names(known.names()));
}
