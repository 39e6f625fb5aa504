use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, Selection, SelectionSet};

use super::{
    limits::Limits,
    problem::{Code, Problem},
};

/// How large a selection set is once its fragments are spread out.
///
/// Each fragment is measured once, so that fragments which double each other (2 to the power of their number) cost no
/// more to measure than to read. Numbers stop at their type's end instead of overflowing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    depth: u64,
    aliases: u64,
    directives: u64,
    root_fields: u64,
    fields: u64,
    /// The deepest path within introspection, which has a limit of its own, and its deepest nesting of lists.
    introspection_depth: u64,
    introspection_lists: u64,
}

impl Size {
    fn beside(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            root_fields: self.root_fields.saturating_add(other.root_fields),
            fields: self.fields.saturating_add(other.fields),
            introspection_depth: self.introspection_depth.max(other.introspection_depth),
            introspection_lists: self.introspection_lists.max(other.introspection_lists),
        }
    }
}

/// Fields that an operation may have once its fragments are spread out. Bounds every later check.
const MOST_FIELDS: u64 = 5_000;
/// The introspection queries of the usual tools reach a depth of 15 and nest two lists.
const DEEPEST_INTROSPECTION: u64 = 20;
const NESTED_INTROSPECTION_LISTS: u64 = 3;

/// Refuses documents whose fragments contain themselves, then those that are too large.
pub(super) fn check(document: &ExecutableDocument, limits: &Limits) -> Result<(), Problem> {
    refuse_cycles(document)?;
    let mut measured = HashMap::new();
    for (_name, operation) in document.operations.iter() {
        let size = operation_size(document, &operation.node, &mut measured);
        let measures = [
            (Code::Depth, "a depth of", size.depth, limits.depth),
            (
                Code::Depth,
                "an introspection with a depth of",
                size.introspection_depth,
                DEEPEST_INTROSPECTION,
            ),
            (
                Code::Depth,
                "an introspection that nests lists to a depth of",
                size.introspection_lists,
                NESTED_INTROSPECTION_LISTS,
            ),
            (Code::Aliases, "a number of aliases of", size.aliases, limits.aliases),
            (Code::RootFields, "a number of root fields of", size.root_fields, limits.root_fields),
            (Code::Directives, "a number of directives of", size.directives, limits.directives),
            (Code::Cost, "a number of fields of", size.fields, MOST_FIELDS),
        ];
        if let Some((code, what, count, limit)) =
            measures.into_iter().find(|(_, _, count, limit)| count > limit)
        {
            return Err(Problem {
                locations: vec![operation.pos],
                ..Problem::too_much(code, what, count, limit)
            });
        }
    }
    Ok(())
}

type Measured<'a> = HashMap<(&'a str, bool), Size>;

fn operation_size<'a>(
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    measured: &mut Measured<'a>,
) -> Size {
    let mut size = set_size(document, &operation.selection_set.node, false, measured);
    let on_variables =
        operation.variable_definitions.iter().map(|definition| definition.node.directives.len());
    let directives = operation.directives.len() + on_variables.sum::<usize>();
    size.directives = size.directives.saturating_add(directives as u64);
    size
}

fn set_size<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    introspecting: bool,
    measured: &mut Measured<'a>,
) -> Size {
    let mut total = Size::default();
    for selection in &set.items {
        let mut size = match &selection.node {
            Selection::Field(field) => {
                let name = field.node.name.node.as_str();
                let inside = introspecting || name == "__schema" || name == "__type";
                let below = set_size(document, &field.node.selection_set.node, inside, measured);
                let lists = ["fields", "interfaces", "possibleTypes", "inputFields"].contains(&name);
                Size {
                    depth: if inside { below.depth } else { below.depth.saturating_add(1) },
                    introspection_depth: below.introspection_depth.saturating_add(u64::from(inside)),
                    introspection_lists: below
                        .introspection_lists
                        .saturating_add(u64::from(introspecting && lists)),
                    aliases: below.aliases.saturating_add(u64::from(field.node.alias.is_some())),
                    root_fields: 1,
                    fields: below.fields.saturating_add(1),
                    directives: below.directives,
                }
            }
            Selection::InlineFragment(fragment) => {
                set_size(document, &fragment.node.selection_set.node, introspecting, measured)
            }
            Selection::FragmentSpread(spread) => {
                fragment_size(document, &spread.node.fragment_name.node, introspecting, measured)
            }
        };
        let directives = selection.node.directives().len() as u64;
        size.directives = size.directives.saturating_add(directives);
        total = total.beside(size);
    }
    total
}

fn fragment_size<'a>(
    document: &'a ExecutableDocument,
    name: &'a str,
    introspecting: bool,
    measured: &mut Measured<'a>,
) -> Size {
    if let Some(size) = measured.get(&(name, introspecting)) {
        return *size;
    }
    // A fragment that is not there is validation's to refuse.
    let Some(fragment) = document.fragments.get(name) else { return Size::default() };
    let mut size = set_size(document, &fragment.node.selection_set.node, introspecting, measured);
    size.directives = size.directives.saturating_add(fragment.node.directives.len() as u64);
    measured.insert((name, introspecting), size);
    size
}

/// Fragments that lead on to each other in one chain: bounds the recursion of everything that follows spreads.
const LONGEST_CHAIN: usize = 100;

/// Walks the graph of fragments, each once.
fn refuse_cycles(document: &ExecutableDocument) -> Result<(), Problem> {
    let mut chains = HashMap::new();
    for name in document.fragments.keys() {
        longest_chain(document, name, &mut HashSet::new(), &mut chains)?;
    }
    Ok(())
}

fn longest_chain<'a>(
    document: &'a ExecutableDocument,
    name: &'a str,
    path: &mut HashSet<&'a str>,
    chains: &mut HashMap<&'a str, usize>,
) -> Result<usize, Problem> {
    let Some(fragment) = document.fragments.get(name) else { return Ok(0) };
    if let Some(length) = chains.get(name) {
        return Ok(*length);
    }
    if !path.insert(name) {
        return Err(Problem::at(Code::Invalid, fragment.pos, "a fragment contains itself"));
    }
    let mut spreads = Vec::new();
    collect_spreads(&fragment.node.selection_set.node, &mut spreads);
    let mut longest = 0;
    for spread in spreads {
        longest = longest.max(longest_chain(document, spread, path, chains)?);
    }
    path.remove(name);
    if longest >= LONGEST_CHAIN || path.len() >= LONGEST_CHAIN {
        let message = format!("more than {LONGEST_CHAIN} fragments lead on to each other");
        return Err(Problem::at(Code::Depth, fragment.pos, message));
    }
    chains.insert(name, longest + 1);
    Ok(longest + 1)
}

fn collect_spreads<'a>(set: &'a SelectionSet, spreads: &mut Vec<&'a str>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => collect_spreads(&field.node.selection_set.node, spreads),
            Selection::InlineFragment(fragment) => {
                collect_spreads(&fragment.node.selection_set.node, spreads);
            }
            Selection::FragmentSpread(spread) => spreads.push(&spread.node.fragment_name.node),
        }
    }
}
