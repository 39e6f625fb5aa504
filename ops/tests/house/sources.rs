//! How the code reads: lengths, openings, and the purity of the rules.

use super::{files, none};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;
const EXCEPTIONS: &str = "ops/house/exceptions.toml";

/// The exceptions of one kind: a path, or a path and a function, each with its reason.
fn is_excepted(kind: &str, what: &str) -> bool {
    let list = files::toml(EXCEPTIONS);
    list.get(kind)
        .and_then(|table| table.get(what))
        .and_then(|reason| reason.as_str())
        .is_some_and(|reason| reason.trim().len() >= 12)
}

#[test]
fn a_file_is_at_most_400_lines_long() {
    let offenders: Vec<String> = files::sources()
        .into_iter()
        .filter(|(path, text)| text.lines().count() > FILE_LINES && !is_excepted("files", path))
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    none(&offenders, &format!("split these by meaning, or name them with a reason in {EXCEPTIONS}:"));
}

#[test]
fn a_function_is_at_most_70_lines_long() {
    let mut offenders = Vec::new();
    for (path, text) in files::sources() {
        for (line, name, length) in functions(&text) {
            if length > FUNCTION_LINES && !is_excepted("functions", &format!("{path} {name}")) {
                offenders.push(format!("{path}:{line}: {name} has {length} lines"));
            }
        }
    }
    none(&offenders, &format!("split these by meaning, or name them with a reason in {EXCEPTIONS}:"));
}

#[test]
fn each_exception_is_still_needed() {
    let sources = files::sources();
    let list = files::toml(EXCEPTIONS);
    let mut offenders = Vec::new();
    let named = |kind: &str| {
        let table = list.get(kind).and_then(|table| table.as_table());
        table.map_or_else(Vec::new, |table| table.keys().cloned().collect::<Vec<_>>())
    };
    for path in named("files") {
        if !sources.iter().any(|(known, text)| *known == path && text.lines().count() > FILE_LINES) {
            offenders.push(path);
        }
    }
    for function in named("functions") {
        let long = sources.iter().any(|(path, text)| {
            functions(text)
                .iter()
                .any(|(_, name, length)| *length > FUNCTION_LINES && format!("{path} {name}") == function)
        });
        if !long {
            offenders.push(function);
        }
    }
    none(&offenders, &format!("{EXCEPTIONS} names what is short enough by now, or gone:"));
}

#[test]
fn each_package_opens_with_what_it_is() {
    let offenders: Vec<String> = files::sources()
        .into_iter()
        .filter(|(path, _)| path.ends_with("src/lib.rs"))
        .filter(|(_, text)| {
            let documentation = text.lines().take_while(|line| line.starts_with("//!")).count();
            documentation < 3
        })
        .map(|(path, _)| path)
        .collect();
    none(
        &offenders,
        "say what the package is, what it must not know, and a reading order, in three lines or more:",
    );
}

#[test]
fn the_rules_know_no_clock_no_chance_no_float_and_no_machine() {
    const FORBIDDEN: [&str; 14] = [
        "f32",
        "f64",
        "Utc::now",
        "Local::now",
        "SystemTime",
        "Instant::now",
        "now_v7",
        "new_v4",
        "rand::",
        "std::fs",
        "std::net",
        "std::env",
        "async fn",
        "tokio",
    ];
    let mut offenders = Vec::new();
    for (path, text) in files::sources().into_iter().filter(|(path, _)| path.starts_with("domain/src/")) {
        for (at, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in FORBIDDEN.iter().filter(|word| names(code, word)) {
                offenders.push(format!("{path}:{}: {word}", at + 1));
            }
        }
    }
    none(&offenders, "time, ids and looked-up facts come in with the command, and quantities are integers:");
}

#[test]
fn the_write_side_knows_no_database_and_no_transport() {
    const FORBIDDEN: [&str; 7] = [
        "tokio_postgres",
        "rusqlite",
        "sea_query",
        "axum",
        "async_graphql",
        "adapters_store::",
        "adapters_speech::",
    ];
    let mut offenders = Vec::new();
    let inner = |path: &str| {
        path.starts_with("commands/") || path.starts_with("projections/") || path.starts_with("domain/")
    };
    for (path, text) in files::sources().into_iter().filter(|(path, _)| inner(path)) {
        for (at, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in FORBIDDEN.iter().filter(|word| names(code, word)) {
                offenders.push(format!("{path}:{}: {word}", at + 1));
            }
        }
    }
    none(&offenders, "ports keep these out:");
}

/// Whether a line names a word, not just a longer one that holds it.
fn names(code: &str, word: &str) -> bool {
    let letter =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    code.match_indices(word).any(|(at, _)| {
        let open_end = word.ends_with(':');
        !letter(code[..at].chars().next_back())
            && (open_end || !letter(code[at + word.len()..].chars().next()))
    })
}

/// Line, name and length of every function. Formatting is checked too, so a function ends at the first brace that
/// stands as far left as its beginning.
fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let end = format!("{}}}", &line[..indent]);
        let ends = |line: &&str| **line == end || line.starts_with(&format!("{end} "));
        let one_line = line.ends_with('}') || line.ends_with(';');
        let length =
            if one_line { 1 } else { lines[at..].iter().position(ends).map_or(1, |length| length + 1) };
        found.push((at + 1, name, length));
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let words = line.trim_start();
    let (before, after) = words.split_once("fn ")?;
    let opens = before.split_whitespace().all(|word| {
        word.starts_with("pub") || matches!(word, "const" | "async" | "extern" | "in" | "super)" | "crate)")
    });
    let name: String =
        after.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    (opens && !name.is_empty()).then_some(name)
}

#[test]
fn functions_are_found_and_measured() {
    let text = "impl X {\n    pub(crate) async fn long(\n        self,\n    ) {\n        if x {\n        }\n    }\n    fn short() {}\n}\n// fn no\n";
    assert_eq!(functions(text), [(2, "long".to_owned(), 6), (8, "short".to_owned(), 1)]);
}
