//! The acceptance cases of the rules each have a test that names its number.

use super::{files, none};

/// Of the rules of lots, the cases that stand.
const LOTS: [u32; 9] = [1, 2, 3, 5, 6, 7, 9, 12, 17];

#[test]
fn each_acceptance_case_is_named_by_a_test() {
    let sources = files::sources();
    let offenders: Vec<String> = LOTS
        .iter()
        .filter(|case| {
            let name = format!("fn case_{case:02}_");
            !sources.iter().any(|(_, text)| has_test(text, &name))
        })
        .map(|case| format!("lots, case {case}: no test is named case_{case:02}_…"))
        .collect();
    none(&offenders, "acceptance cases without a test:");
}

/// Whether a function of that beginning stands under a test's attribute that is not ignored.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(at, line)| {
        let attributes =
            lines[..at].iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("//"));
        let attributes: Vec<_> = attributes.collect();
        let is_test = attributes.iter().any(|line| line.contains("test]") || line.contains("test("));
        let is_ignored = attributes.iter().any(|line| line.starts_with("#[ignore"));
        line.contains(name) && is_test && !is_ignored
    })
}

#[test]
fn no_test_is_ignored() {
    let mut offenders = Vec::new();
    for (path, text) in files::sources() {
        for (at, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("#[ignore") {
                offenders.push(format!("{path}:{}", at + 1));
            }
        }
    }
    none(&offenders, "a test that does not run proves nothing:");
}
