use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{BaseType, OperationType, Type};
use serde::Deserialize;

use super::FitsScalar;

/// What is asked of a schema to know it: every type, also those of introspection itself.
pub(super) const QUESTION: &str =
    "{ __schema { queryType { name } mutationType { name } subscriptionType { name }
  directives { name isRepeatable locations args { ...Input } }
  types { name kind isOneOf fields(includeDeprecated: true) { name type { ...Ref } args { ...Input } }
    inputFields(includeDeprecated: true) { ...Input } enumValues(includeDeprecated: true) { name }
    possibleTypes { name } } } }
fragment Input on __InputValue { name defaultValue type { ...Ref } }
fragment Ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
  ofType { kind name ofType { kind name } } } } } } }";

/// A schema as the checks need it.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) types: HashMap<String, TypeDef>,
    pub(super) directives: HashMap<String, DirectiveDef>,
    pub(super) scalars: HashMap<&'static str, FitsScalar>,
    query: Option<String>,
    mutation: Option<String>,
    subscription: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Kind {
    Scalar,
    Object,
    Interface,
    Union,
    Enum,
    InputObject,
    List,
    NonNull,
}

#[derive(Debug)]
pub(super) struct TypeDef {
    pub(super) kind: Kind,
    pub(super) fields: HashMap<String, FieldDef>,
    pub(super) input_fields: Vec<InputDef>,
    pub(super) enum_values: HashSet<String>,
    /// The object types that a value of this type may have.
    pub(super) possible: HashSet<String>,
    pub(super) one_of: bool,
}

#[derive(Debug)]
pub(super) struct FieldDef {
    pub(super) ty: Type,
    pub(super) args: Vec<InputDef>,
}

#[derive(Debug)]
pub(super) struct InputDef {
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) has_default: bool,
}

#[derive(Debug)]
pub(super) struct DirectiveDef {
    pub(super) repeatable: bool,
    pub(super) locations: HashSet<String>,
    pub(super) args: Vec<InputDef>,
}

impl TypeDef {
    pub(super) fn is_leaf(&self) -> bool {
        matches!(self.kind, Kind::Scalar | Kind::Enum)
    }

    pub(super) fn is_composite(&self) -> bool {
        matches!(self.kind, Kind::Object | Kind::Interface | Kind::Union)
    }

    pub(super) fn is_input(&self) -> bool {
        matches!(self.kind, Kind::Scalar | Kind::Enum | Kind::InputObject)
    }
}

impl InputDef {
    pub(super) fn is_required(&self) -> bool {
        !self.ty.nullable && !self.has_default
    }
}

/// The type's name without lists and exclamation marks.
pub(super) fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

impl Model {
    /// Reads the answer to [`QUESTION`].
    pub(super) fn read(answer: serde_json::Value) -> Result<Self, String> {
        let answer: Answer = serde_json::from_value(answer).map_err(|error| error.to_string())?;
        let schema = answer.schema;
        let mut model = Self {
            query: schema.query_type.map(|ty| ty.name),
            mutation: schema.mutation_type.map(|ty| ty.name),
            subscription: schema.subscription_type.map(|ty| ty.name),
            ..Self::default()
        };
        for ty in schema.types {
            let (name, ty) = ty.read()?;
            model.types.insert(name, ty);
        }
        for directive in schema.directives {
            let args = read_inputs(directive.args)?;
            let locations = directive.locations.into_iter().collect();
            let directive_def = DirectiveDef { repeatable: directive.is_repeatable, locations, args };
            model.directives.insert(directive.name, directive_def);
        }
        model.add_meta_fields();
        Ok(model)
    }

    /// `__schema` and `__type` stand at the query's root without being listed there.
    fn add_meta_fields(&mut self) {
        let named_type = InputDef { name: "name".to_owned(), ty: type_of("String!"), has_default: false };
        let meta = [("__schema", "__Schema!", Vec::new()), ("__type", "__Type", vec![named_type])];
        if let Some(query) = self.query.as_ref().and_then(|query| self.types.get_mut(query)) {
            for (name, ty, args) in meta {
                query.fields.insert(name.to_owned(), FieldDef { ty: type_of(ty), args });
            }
        }
        let typename = FieldDef { ty: type_of("String!"), args: Vec::new() };
        let shared = std::iter::repeat_with(|| FieldDef { ty: typename.ty.clone(), args: Vec::new() });
        for (ty, field) in self.types.values_mut().filter(|ty| ty.is_composite()).zip(shared) {
            ty.fields.insert("__typename".to_owned(), field);
        }
    }

    /// The type at an operation's root.
    pub(super) fn root(&self, operation: OperationType) -> Option<&str> {
        match operation {
            OperationType::Query => self.query.as_deref(),
            OperationType::Mutation => self.mutation.as_deref(),
            OperationType::Subscription => self.subscription.as_deref(),
        }
    }

    pub(super) fn field(&self, parent: &str, name: &str) -> Option<&FieldDef> {
        self.types.get(parent)?.fields.get(name)
    }

    pub(super) fn is_leaf(&self, name: &str) -> bool {
        self.types.get(name).is_none_or(TypeDef::is_leaf)
    }

    /// Whether a value may have both types.
    pub(super) fn overlap(&self, left: &str, right: &str) -> bool {
        match (self.types.get(left), self.types.get(right)) {
            (Some(left), Some(right)) => !left.possible.is_disjoint(&right.possible),
            _ => true,
        }
    }
}

/// Reads a type that is known to be well formed.
fn type_of(text: &str) -> Type {
    Type::new(text).unwrap_or(Type { base: BaseType::Named(async_graphql::Name::new(text)), nullable: true })
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "__schema")]
    schema: SchemaAnswer,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaAnswer {
    query_type: Option<Named>,
    mutation_type: Option<Named>,
    subscription_type: Option<Named>,
    types: Vec<TypeAnswer>,
    directives: Vec<DirectiveAnswer>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DirectiveAnswer {
    name: String,
    #[serde(default)]
    is_repeatable: bool,
    locations: Vec<String>,
    args: Vec<InputAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeAnswer {
    name: String,
    kind: Kind,
    #[serde(default)]
    is_one_of: Option<bool>,
    fields: Option<Vec<FieldAnswer>>,
    input_fields: Option<Vec<InputAnswer>>,
    enum_values: Option<Vec<Named>>,
    possible_types: Option<Vec<Named>>,
}

#[derive(Deserialize)]
struct FieldAnswer {
    name: String,
    #[serde(rename = "type")]
    ty: Reference,
    args: Vec<InputAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InputAnswer {
    name: String,
    #[serde(rename = "type")]
    ty: Reference,
    default_value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    kind: Kind,
    name: Option<String>,
    of_type: Option<Box<Reference>>,
}

impl Reference {
    fn text(&self) -> Result<String, String> {
        let inner = || self.of_type.as_ref().ok_or("a type's reference is nested too deep")?.text();
        match self.kind {
            Kind::NonNull => Ok(format!("{}!", inner()?)),
            Kind::List => Ok(format!("[{}]", inner()?)),
            Kind::Scalar | Kind::Object | Kind::Interface | Kind::Union | Kind::Enum | Kind::InputObject => {
                self.name.clone().ok_or_else(|| "a type has no name".to_owned())
            }
        }
    }

    fn read(&self) -> Result<Type, String> {
        Ok(type_of(&self.text()?))
    }
}

fn read_inputs(inputs: Vec<InputAnswer>) -> Result<Vec<InputDef>, String> {
    let read = |input: InputAnswer| {
        let (ty, has_default) = (input.ty.read()?, input.default_value.is_some());
        Ok(InputDef { name: input.name, ty, has_default })
    };
    inputs.into_iter().map(read).collect()
}

impl TypeAnswer {
    fn read(self) -> Result<(String, TypeDef), String> {
        let mut fields = HashMap::new();
        for field in self.fields.unwrap_or_default() {
            let def = FieldDef { ty: field.ty.read()?, args: read_inputs(field.args)? };
            fields.insert(field.name, def);
        }
        let mut possible: HashSet<String> =
            self.possible_types.unwrap_or_default().into_iter().map(|ty| ty.name).collect();
        if self.kind == Kind::Object {
            possible.insert(self.name.clone());
        }
        let def = TypeDef {
            kind: self.kind,
            fields,
            input_fields: read_inputs(self.input_fields.unwrap_or_default())?,
            enum_values: self.enum_values.unwrap_or_default().into_iter().map(|value| value.name).collect(),
            possible,
            one_of: self.is_one_of.unwrap_or_default(),
        };
        Ok((self.name, def))
    }
}
