//! In which order the modules of a package stand. Beside each other they form layers: of two siblings, with all that lies
//! below them, at most one knows the other. What a module and the modules inside of it know of each other is their own.

use std::collections::{BTreeMap, BTreeSet};

use super::{files, none};

/// A module's path from its crate's root; the root's own is empty.
type Module = Vec<String>;

/// Folders of sources whose modules form layers. The others join them when their circles are undone.
const LAYERED: [&str; 3] = ["adapters/speech/src", "api/document/src", "api/drawing/src"];

#[test]
fn modules_that_stand_beside_each_other_form_no_circle() {
    let sources = files::sources();
    let mut offenders = Vec::new();
    for folder in LAYERED {
        let texts: BTreeMap<Module, String> =
            sources.iter().filter_map(|(path, text)| Some((module(folder, path)?, code(text)))).collect();
        assert!(!texts.is_empty(), "{folder} holds no module");
        offenders.extend(circles(&texts).into_iter().map(|circle| format!("{folder}: {circle}")));
    }
    none(&offenders, "move what two modules need of each other below both:");
}

/// The module that a file is; none for a test's.
fn module(folder: &str, path: &str) -> Option<Module> {
    let inside = path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".rs")?;
    let mut module: Module = inside.split('/').map(str::to_owned).collect();
    if module.iter().any(|name| name == "tests") {
        return None;
    }
    if module.last().is_some_and(|name| name == "mod" || name == "lib" || name == "main") {
        module.pop();
    }
    Some(module)
}

/// A file without its comments and its tests, which stand at its end.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    before_tests
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The circles among siblings, each once: `parent: one -> other -> one`.
fn circles(texts: &BTreeMap<Module, String>) -> Vec<String> {
    // By parent: which of its modules, or what lies in them, names which other.
    let mut known: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (module, text) in texts {
        for named in paths(text).iter().filter_map(|path| absolute(module, path)) {
            let target = defining(texts, named);
            let shared = module.iter().zip(&target).take_while(|(one, other)| one == other).count();
            if let (Some(one), Some(other)) = (module.get(shared), target.get(shared)) {
                let siblings = known.entry(module[..shared].to_vec()).or_default();
                siblings.entry(one.clone()).or_default().insert(other.clone());
            }
        }
    }
    let mut found = Vec::new();
    for (parent, mut siblings) in known {
        while let Some(circle) = circle(&siblings) {
            let parent = if parent.is_empty() { "crate".to_owned() } else { parent.join("::") };
            found.push(format!("in {parent}: {}", circle.join(" -> ")));
            // Without its last step it is none; there may be others.
            if let [.., from, to] = &circle[..]
                && let Some(others) = siblings.get_mut(from)
            {
                others.remove(to);
            }
        }
    }
    found
}

/// One circle, if there is one: whoever knows nobody else that is left is taken away, until only circles are left.
fn circle(siblings: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut left = siblings.clone();
    loop {
        let names: BTreeSet<String> = left.keys().cloned().collect();
        left.retain(|_, others| {
            others.retain(|other| names.contains(other));
            !others.is_empty()
        });
        if left.len() == names.len() {
            break;
        }
    }
    let mut way = vec![left.keys().next()?];
    loop {
        let next = left.get(*way.last()?)?.first()?;
        if let Some(at) = way.iter().position(|one| *one == next) {
            return Some(way[at..].iter().copied().chain([next]).cloned().collect());
        }
        way.push(next);
    }
}

/// The module in which something is defined: the longest part of its path that is a module, or the module's own child
/// from which it is passed on.
fn defining(texts: &BTreeMap<Module, String>, path: Module) -> Module {
    let length = (0..=path.len()).rev().find(|length| texts.contains_key(&path[..*length])).unwrap_or(0);
    let (module, name) = (&path[..length], path.get(length));
    let passed_on = texts.get(module).into_iter().flat_map(|text| paths(text)).find_map(|found| {
        let child: Module = module.iter().chain(found.first()).cloned().collect();
        (found.last() == name && found.len() > 1 && texts.contains_key(&child)).then_some(child)
    });
    passed_on.unwrap_or_else(|| module.to_vec())
}

/// A path that begins with `crate` or `super`, from the crate's root on.
fn absolute(module: &Module, path: &[String]) -> Option<Module> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let from = match path.first()?.as_str() {
        "crate" => &[][..],
        "super" => &module[..module.len().checked_sub(ups)?],
        _ => return None,
    };
    Some(from.iter().chain(&path[ups.max(1)..]).cloned().collect())
}

/// The paths that a text names, those in braces one by one.
fn paths(text: &str) -> Vec<Module> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("::") {
        let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        let begin = rest[..at].rfind(|letter| !is_name(letter)).map_or(0, |before| before + 1);
        rest = expand(&rest[begin..], &[], &mut found);
    }
    found
}

/// Takes one path, with what stands in its braces, from the beginning of a text; gives the text behind it.
fn expand<'t>(text: &'t str, before: &[String], found: &mut Vec<Module>) -> &'t str {
    let mut path = before.to_vec();
    let mut rest = text.trim_start();
    loop {
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        if end > 0 {
            path.push(rest[..end].to_owned());
        }
        rest = &rest[end..];
        let Some(after) = rest.strip_prefix("::") else { break };
        rest = after;
        if let Some(mut inside) = rest.strip_prefix('{') {
            loop {
                inside = expand(inside, &path, found).trim_start();
                match inside.strip_prefix(',') {
                    Some(more) if !more.trim_start().starts_with('}') => inside = more,
                    more => {
                        let inside = more.unwrap_or(inside).trim_start();
                        return inside.strip_prefix('}').unwrap_or(inside);
                    }
                }
            }
        }
    }
    found.push(path);
    // One letter further at least, so that a text always ends.
    if rest.len() == text.len() { rest.get(1..).unwrap_or_default() } else { rest }
}

#[test]
fn a_circle_is_found_through_braces_children_and_what_a_parent_passes_on() {
    let texts = |files: &[(&str, &str)]| -> BTreeMap<Module, String> {
        files.iter().map(|(path, text)| (module("src", path).unwrap(), code(text))).collect()
    };
    let root = ("src/lib.rs", "mod a;\nmod b;\npub use b::Thing;\n");
    let a = ("src/a.rs", "use crate::{Thing, c::{Other, Third}};\n");
    let straight = texts(&[root, a, ("src/b.rs", "mod deep;\n"), ("src/b/deep.rs", "use super::Thing;\n")]);
    assert!(circles(&straight).is_empty());
    let back = ("src/b/deep.rs", "fn f() { crate::a::f() }\n");
    assert_eq!(circles(&texts(&[root, a, ("src/b.rs", ""), back])), ["in crate: a -> b -> a"]);
    let siblings =
        [("src/lib.rs", ""), ("src/b/one.rs", "use super::two::X;"), ("src/b/two.rs", "use super::one::Y;")];
    assert_eq!(circles(&texts(&siblings)), ["in b: one -> two -> one"]);
    let in_tests = ("src/b.rs", "#[cfg(test)]\nmod tests {\n    use crate::a::X;\n}\n");
    assert!(circles(&texts(&[root, a, in_tests])).is_empty());
}
