use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Pos, Positioned,
    indexmap::IndexMap,
    parser::types::{
        BaseType, Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition,
        FragmentSpread, InlineFragment, OperationDefinition, OperationType, Selection, SelectionSet, Type,
        TypeCondition, VariableDefinition,
    },
};
use async_graphql_value::Value as AstValue;

use super::{
    lexer::{Token, tokens},
    problem::{Code, Problem},
};

/// Brackets within brackets, of any kind: the parser's own recursion. Far above what the depth limit lets through.
const DEEPEST_NESTING: usize = 100;

/// Reads an executable document, as strictly as the specification: the stock parser lets `queryFoo{a}`, `query(){a}` and
/// doubled keys of objects through, refuses `[ Int ]`, and overflows its stack on deep nesting.
pub(super) fn parse(source: &str, token_limit: usize) -> Result<ExecutableDocument, Problem> {
    let tokens = tokens(source, token_limit)?;
    let mut parser = Parser { tokens, next: 0, nesting: 0 };
    let mut anonymous = None;
    let mut named = HashMap::new();
    let mut fragments = HashMap::new();
    loop {
        let pos = parser.pos();
        match parser.peek() {
            Token::Punctuator('{') | Token::Name("query" | "mutation" | "subscription") => {
                let (name, operation) = parser.operation()?;
                let operation = Positioned::new(operation, pos);
                let twice = match name {
                    Some(name) => named.insert(name, operation).is_some(),
                    None => anonymous.replace(operation).is_some(),
                };
                if twice {
                    return Err(invalid(pos, "two operations have the same name, or none"));
                }
            }
            Token::Name("fragment") => {
                let (name, fragment) = parser.fragment()?;
                if fragments.insert(name, Positioned::new(fragment, pos)).is_some() {
                    return Err(invalid(pos, "two fragments have the same name"));
                }
            }
            Token::End if anonymous.is_some() || !named.is_empty() || !fragments.is_empty() => break,
            _ => return Err(parser.unexpected("an operation or a fragment")),
        }
    }
    let operations = match anonymous {
        Some(operation) if named.is_empty() => DocumentOperations::Single(operation),
        Some(operation) => return Err(invalid(operation.pos, "an operation without a name must be alone")),
        None if named.is_empty() => {
            return Err(Problem::new(Code::Operation, "the document has no operation"));
        }
        None => DocumentOperations::Multiple(named),
    };
    Ok(ExecutableDocument { operations, fragments })
}

fn invalid(pos: Pos, message: &str) -> Problem {
    Problem::at(Code::Invalid, pos, message)
}

type Arguments = Vec<(Positioned<Name>, Positioned<AstValue>)>;

struct Parser<'a> {
    tokens: Vec<(Token<'a>, Pos)>,
    next: usize,
    nesting: usize,
}

impl<'a> Parser<'a> {
    /// The stream ends with [`Token::End`], which is never passed.
    fn peek(&self) -> &Token<'a> {
        self.tokens.get(self.next).map_or(&Token::End, |(token, _pos)| token)
    }

    fn pos(&self) -> Pos {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(Pos::default(), |(_token, pos)| *pos)
    }

    fn unexpected(&self, wanted: &str) -> Problem {
        let found = match self.peek() {
            Token::End => "the end".to_owned(),
            Token::Punctuator(character) => format!("{character:?}"),
            Token::Spread => "\"...\"".to_owned(),
            Token::Name(_) => "a name".to_owned(),
            Token::Int(_) | Token::Float(_) => "a number".to_owned(),
            Token::String(_) => "a string".to_owned(),
        };
        Problem::at(Code::Syntax, self.pos(), format!("{wanted} is expected here, not {found}"))
    }

    fn skip(&mut self, punctuator: char) -> bool {
        let found = *self.peek() == Token::Punctuator(punctuator);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, punctuator: char) -> Result<(), Problem> {
        if self.skip(punctuator) { Ok(()) } else { Err(self.unexpected(&format!("{punctuator:?}"))) }
    }

    fn name(&mut self) -> Result<Positioned<Name>, Problem> {
        let pos = self.pos();
        let Token::Name(name) = self.peek() else { return Err(self.unexpected("a name")) };
        let name = Name::new(name);
        self.next += 1;
        Ok(Positioned::new(name, pos))
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Problem>) -> Result<T, Problem> {
        if self.nesting == DEEPEST_NESTING {
            let message = format!("brackets are nested more than {DEEPEST_NESTING} deep");
            return Err(Problem::at(Code::Depth, self.pos(), message));
        }
        self.nesting += 1;
        let read = read(self);
        self.nesting -= 1;
        read
    }

    /// One or more, up to the closing punctuator.
    fn many<T>(
        &mut self,
        close: char,
        mut read: impl FnMut(&mut Self) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        let mut items = vec![read(self)?];
        while !self.skip(close) {
            items.push(read(self)?);
        }
        Ok(items)
    }

    fn operation(&mut self) -> Result<(Option<Name>, OperationDefinition), Problem> {
        let ty = match self.peek() {
            Token::Name("mutation") => OperationType::Mutation,
            Token::Name("subscription") => OperationType::Subscription,
            _ => OperationType::Query,
        };
        let mut name = None;
        let mut variable_definitions = Vec::new();
        let mut directives = Vec::new();
        if *self.peek() != Token::Punctuator('{') {
            self.next += 1;
            if let Token::Name(_) = self.peek() {
                name = Some(self.name()?.node);
            }
            if self.skip('(') {
                variable_definitions = self.many(')', Self::variable_definition)?;
            }
            directives = self.directives(false)?;
        }
        let selection_set = self.selection_set()?;
        Ok((name, OperationDefinition { ty, variable_definitions, directives, selection_set }))
    }

    fn fragment(&mut self) -> Result<(Name, FragmentDefinition), Problem> {
        self.next += 1;
        if *self.peek() == Token::Name("on") {
            return Err(self.unexpected("a fragment's name, which is not \"on\","));
        }
        let name = self.name()?.node;
        let type_condition = self.type_condition()?;
        let directives = self.directives(false)?;
        let selection_set = self.selection_set()?;
        Ok((name, FragmentDefinition { type_condition, directives, selection_set }))
    }

    fn type_condition(&mut self) -> Result<Positioned<TypeCondition>, Problem> {
        let pos = self.pos();
        if *self.peek() != Token::Name("on") {
            return Err(self.unexpected("\"on\""));
        }
        self.next += 1;
        Ok(Positioned::new(TypeCondition { on: self.name()? }, pos))
    }

    fn variable_definition(&mut self) -> Result<Positioned<VariableDefinition>, Problem> {
        let pos = self.pos();
        self.expect('$')?;
        let name = self.name()?;
        self.expect(':')?;
        let type_pos = self.pos();
        let var_type = Positioned::new(self.type_reference()?, type_pos);
        let default_value = if self.skip('=') {
            let pos = self.pos();
            let value = self.value(true)?.into_const().ok_or_else(|| self.unexpected("a constant"))?;
            Some(Positioned::new(value, pos))
        } else {
            None
        };
        let directives = self.directives(true)?;
        Ok(Positioned::new(VariableDefinition { name, var_type, directives, default_value }, pos))
    }

    fn type_reference(&mut self) -> Result<Type, Problem> {
        let base = if self.skip('[') {
            let inner = self.nested(Self::type_reference)?;
            self.expect(']')?;
            BaseType::List(Box::new(inner))
        } else {
            BaseType::Named(self.name()?.node)
        };
        Ok(Type { base, nullable: !self.skip('!') })
    }

    fn directives(&mut self, constant: bool) -> Result<Vec<Positioned<Directive>>, Problem> {
        let mut directives = Vec::new();
        loop {
            let pos = self.pos();
            if !self.skip('@') {
                return Ok(directives);
            }
            let name = self.name()?;
            let arguments = self.arguments(constant)?;
            directives.push(Positioned::new(Directive { name, arguments }, pos));
        }
    }

    fn arguments(&mut self, constant: bool) -> Result<Arguments, Problem> {
        if !self.skip('(') {
            return Ok(Vec::new());
        }
        self.many(')', |parser| {
            let name = parser.name()?;
            parser.expect(':')?;
            let pos = parser.pos();
            Ok((name, Positioned::new(parser.value(constant)?, pos)))
        })
    }

    fn selection_set(&mut self) -> Result<Positioned<SelectionSet>, Problem> {
        let pos = self.pos();
        self.expect('{')?;
        let items = self.nested(|parser| parser.many('}', Self::selection))?;
        Ok(Positioned::new(SelectionSet { items }, pos))
    }

    fn selection(&mut self) -> Result<Positioned<Selection>, Problem> {
        let pos = self.pos();
        if *self.peek() != Token::Spread {
            let field = Positioned::new(self.field()?, pos);
            return Ok(Positioned::new(Selection::Field(field), pos));
        }
        self.next += 1;
        let selection = match self.peek() {
            Token::Name(name) if *name != "on" => {
                let fragment_name = self.name()?;
                let directives = self.directives(false)?;
                Selection::FragmentSpread(Positioned::new(FragmentSpread { fragment_name, directives }, pos))
            }
            condition => {
                let has_condition = matches!(condition, Token::Name(_));
                let type_condition = has_condition.then(|| self.type_condition()).transpose()?;
                let directives = self.directives(false)?;
                let selection_set = self.selection_set()?;
                let fragment = InlineFragment { type_condition, directives, selection_set };
                Selection::InlineFragment(Positioned::new(fragment, pos))
            }
        };
        Ok(Positioned::new(selection, pos))
    }

    fn field(&mut self) -> Result<Field, Problem> {
        let mut name = self.name()?;
        let mut alias = None;
        if self.skip(':') {
            alias = Some(name);
            name = self.name()?;
        }
        let arguments = self.arguments(false)?;
        let directives = self.directives(false)?;
        let selection_set = if *self.peek() == Token::Punctuator('{') {
            self.selection_set()?
        } else {
            Positioned::new(SelectionSet::default(), self.pos())
        };
        Ok(Field { alias, name, arguments, directives, selection_set })
    }

    fn value(&mut self, constant: bool) -> Result<AstValue, Problem> {
        let value = match self.peek().clone() {
            Token::Punctuator('$') if !constant => {
                self.next += 1;
                return Ok(AstValue::Variable(self.name()?.node));
            }
            Token::Punctuator('[') => {
                self.next += 1;
                return self.nested(|parser| parser.list(constant));
            }
            Token::Punctuator('{') => {
                self.next += 1;
                return self.nested(|parser| parser.object(constant));
            }
            Token::Int(text) => AstValue::Number(self.whole_number(text)?),
            Token::Float(text) => AstValue::Number(self.float(text)?),
            Token::String(text) => AstValue::String(text),
            Token::Name("true") => AstValue::Boolean(true),
            Token::Name("false") => AstValue::Boolean(false),
            Token::Name("null") => AstValue::Null,
            Token::Name(name) => AstValue::Enum(Name::new(name)),
            _ => return Err(self.unexpected("a value")),
        };
        self.next += 1;
        Ok(value)
    }

    fn list(&mut self, constant: bool) -> Result<AstValue, Problem> {
        let mut items = Vec::new();
        while !self.skip(']') {
            items.push(self.value(constant)?);
        }
        Ok(AstValue::List(items))
    }

    fn object(&mut self, constant: bool) -> Result<AstValue, Problem> {
        let mut fields = IndexMap::new();
        let mut doubled = HashSet::new();
        while !self.skip('}') {
            let name = self.name()?;
            self.expect(':')?;
            let value = self.value(constant)?;
            if fields.insert(name.node.clone(), value).is_some() && doubled.insert(name.node) {
                return Err(invalid(name.pos, "an input object names a field twice"));
            }
        }
        Ok(AstValue::Object(fields))
    }

    fn whole_number(&self, text: &str) -> Result<serde_json::Number, Problem> {
        match (text.parse::<i64>(), text.parse::<u64>()) {
            (Ok(number), _) => Ok(number.into()),
            (_, Ok(number)) => Ok(number.into()),
            // Beyond 64 bits it can only serve as a `Float`.
            _ => self.float(text),
        }
    }

    fn float(&self, text: &str) -> Result<serde_json::Number, Problem> {
        text.parse()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .ok_or_else(|| Problem::at(Code::Invalid, self.pos(), "a number is too large for any type"))
    }
}
