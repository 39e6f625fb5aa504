//! What is written about the code is true of it.

use super::{files, none};

fn documents() -> Vec<String> {
    files::all().into_iter().filter(|path| path.ends_with(".md") && !path.contains("/fixtures/")).collect()
}

/// Targets of `[text](target)` with their line; fenced code does not count.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for (open, _) in line.match_indices("](") {
            let rest = &line[open + 2..];
            if let Some(end) = rest.find(')') {
                found.push((at + 1, rest[..end].trim().to_owned()));
            }
        }
    }
    found
}

#[test]
fn links_to_files_of_the_project_resolve() {
    let mut offenders = Vec::new();
    for path in documents() {
        let text = files::text(&path);
        let root = files::root();
        let folder = root.join(&path).parent().unwrap().to_owned();
        for (line, target) in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            if !folder.join(file).exists() {
                offenders.push(format!("{path}:{line}: {target}"));
            }
        }
    }
    none(&offenders, "nothing stands at:");
}

#[test]
fn the_readme_maps_every_folder() {
    let readme = files::text("README.md");
    let manifest = files::toml("Cargo.toml");
    let members = manifest["workspace"]["members"].as_array().unwrap().clone();
    let offenders: Vec<String> = members
        .iter()
        .filter_map(|member| member.as_str())
        .filter(|member| !readme.contains(&format!("[`{member}`]({member})")))
        .map(str::to_owned)
        .collect();
    none(&offenders, "README.md's map has no row for:");
}

#[test]
fn paths_that_the_documents_name_exist() {
    let mut offenders = Vec::new();
    for path in documents() {
        for (at, line) in files::text(&path).lines().enumerate() {
            for name in line.split('`').skip(1).step_by(2) {
                let first = name.split('/').next().unwrap_or_default();
                let inside = name.contains('/') && files::root().join(first).is_dir() && !first.is_empty();
                let plain =
                    name.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter));
                if inside && plain && !files::root().join(name).exists() {
                    offenders.push(format!("{path}:{}: {name}", at + 1));
                }
            }
        }
    }
    none(&offenders, "nothing stands at:");
}
