//! A small schema with one of everything that the edge must get right.

use std::{
    sync::atomic::{AtomicI32, Ordering},
    time::Duration,
};

use api::graphql::kernel::{FromRequest, Int64, PageArguments, PageRequest, Row, refused, requires};
use api::http::prepare_schema;
use async_graphql::{
    Context, EmptySubscription, Enum, ID, InputObject, Interface, Object, OneofObject, Result, Schema,
    SimpleObject, Union,
    connection::{Connection, EmptyFields},
};
use domain::identity::Permission;

pub type TestSchema = Schema<Query, Mutation, EmptySubscription>;

pub fn schema() -> TestSchema {
    prepare_schema(Schema::build(Query, Mutation, EmptySubscription))
        .register_output_type::<Animal>()
        .finish()
}

#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    Red,
    Green,
}

#[derive(SimpleObject, Clone)]
pub struct Dog {
    name: String,
    barks: bool,
    weight: i32,
}

#[derive(SimpleObject, Clone)]
pub struct Cat {
    name: String,
    meows: bool,
    weight: Option<i32>,
}

#[derive(Interface, Clone)]
#[graphql(field(name = "name", ty = "&String"))]
pub enum Animal {
    Dog(Dog),
    Cat(Cat),
}

#[derive(Union, Clone)]
pub enum Pet {
    Dog(Dog),
    Cat(Cat),
}

#[derive(InputObject)]
pub struct Line {
    lot: ID,
    used: i32,
    #[graphql(default = 1)]
    factor: i32,
    colors: Option<Vec<Color>>,
}

#[derive(InputObject)]
pub struct Filter {
    lines: Vec<Line>,
    ratio: Option<f64>,
    big: Option<Int64>,
}

#[derive(OneofObject)]
pub enum AsOf {
    Position(Int64),
    Time(String),
}

pub struct Node {
    level: i32,
}

#[Object]
impl Node {
    async fn level(&self) -> i32 {
        self.level
    }

    async fn broken(&self) -> Result<i32> {
        Err(refused("NOT_FOUND", "there is no such lot"))
    }

    async fn child(&self) -> Self {
        Self { level: self.level + 1 }
    }

    async fn children(&self) -> Vec<Self> {
        vec![Self { level: self.level + 1 }, Self { level: self.level + 1 }]
    }
}

pub struct Query;

#[Object]
impl Query {
    async fn ping(&self) -> &'static str {
        "pong"
    }

    async fn whoami(&self, context: &Context<'_>) -> Result<String> {
        let caller = &context.request()?.caller;
        Ok(format!("{}@{}", caller.actor, caller.tenant))
    }

    async fn echo(&self, text: Option<String>, #[graphql(default = 7)] number: i32) -> String {
        format!("{} {number}", text.unwrap_or_default())
    }

    async fn long(&self, number: Int64) -> Int64 {
        number
    }

    async fn color(&self, color: Option<Color>) -> Option<Color> {
        color
    }

    async fn filter(&self, filter: Filter) -> i32 {
        let ratio = filter.ratio.unwrap_or(1.0) > 0.0;
        let big = filter.big.is_none_or(|big| big.0 != 0);
        let sum = |line: &Line| {
            line.used * line.factor + i32::try_from(line.colors.as_ref().map_or(0, Vec::len)).unwrap()
        };
        filter.lines.iter().filter(|line| ratio && big && !line.lot.is_empty()).map(sum).sum()
    }

    async fn matrix(&self, rows: Vec<Vec<Option<i32>>>) -> i32 {
        i32::try_from(rows.concat().len()).unwrap()
    }

    async fn as_of(&self, at: AsOf) -> String {
        match at {
            AsOf::Position(position) => format!("position {}", position.0),
            AsOf::Time(time) => format!("time {time}"),
        }
    }

    async fn pets(&self) -> Vec<Pet> {
        let rex = Dog { name: "Rex".to_owned(), barks: true, weight: 30 };
        vec![Pet::Dog(rex), Pet::Cat(Cat { name: "Mia".to_owned(), meows: true, weight: None })]
    }

    async fn animal(&self) -> Animal {
        Animal::Dog(Dog { name: "Rex".to_owned(), barks: true, weight: 30 })
    }

    async fn tree(&self) -> Option<Node> {
        Some(Node { level: 0 })
    }

    async fn trees(&self) -> Vec<Option<Node>> {
        vec![Some(Node { level: 0 }), Some(Node { level: 1 })]
    }

    async fn later(&self) -> i32 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        1
    }

    async fn node(&self) -> Node {
        Node { level: 0 }
    }

    async fn numbers(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Dog, EmptyFields, EmptyFields>> {
        let page: PageRequest<i32> =
            PageRequest::try_new(PageArguments { first, after, last, before }, "numbers", 200)?;
        let from = page.from.unwrap_or(0);
        let row = |key: i32| Row { key, node: Dog { name: key.to_string(), barks: false, weight: key } };
        let fetch = i32::try_from(page.fetch()).unwrap();
        Ok(page.assemble((from + 1..=300).take(usize::try_from(fetch).unwrap()).map(row).collect()))
    }

    #[graphql(guard = "requires(Permission::AdminUsers)")]
    async fn secret(&self) -> &'static str {
        "for administrators"
    }

    async fn missing(&self) -> Result<Option<i32>> {
        Err(refused("NOT_FOUND", "there is no such lot"))
    }

    async fn fails(&self) -> Result<Option<i32>> {
        let broken: std::io::Result<i32> = Err(std::io::Error::other("password=hunter2 at /var/lib/secret"));
        Ok(Some(broken?))
    }

    async fn panics(&self) -> i32 {
        let secret = std::hint::black_box("password=hunter2");
        assert!(secret.is_empty(), "{secret}");
        1
    }

    async fn slow(&self) -> i32 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        1
    }
}

pub struct Mutation;

static COUNTED: AtomicI32 = AtomicI32::new(0);

#[Object]
impl Mutation {
    async fn count(&self) -> i32 {
        COUNTED.fetch_add(1, Ordering::SeqCst) + 1
    }

    async fn bump(&self, context: &Context<'_>, by: Option<i32>) -> Result<String> {
        let request = context.request()?;
        let envelope = request.envelope("bump", None, None, uuid::Uuid::nil());
        Ok(format!("{} {}", by.unwrap_or(1), envelope.command_id))
    }
}
