/// What a document may ask for. Counted once fragments are spread out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Levels of fields.
    pub depth: u64,
    /// Aliases.
    pub aliases: u64,
    /// Fields at the root.
    pub root_fields: u64,
    /// Directives.
    pub directives: u64,
    /// Lexical tokens.
    pub tokens: usize,
    /// Static cost: one for each object, times the rows of the lists it stands in.
    pub cost: u64,
}

impl Default for Limits {
    /// Depth 12, aliases 30, root fields 20, directives 10, tokens 2,000, cost 50,000.
    fn default() -> Self {
        Self { depth: 12, aliases: 30, root_fields: 20, directives: 10, tokens: 2_000, cost: 50_000 }
    }
}
