//! The whole program behind a real socket: the embedded profile, its log in a folder of the test.

use std::{collections::BTreeMap, sync::Arc};

use api::{
    compose::{Serving, StoreUrl, Stores},
    graphql::schema,
    http::{GraphqlLimits, GraphqlService, ServeLimits},
};
use commands::ports::{EventStore, UniformSettings};
use domain::identity::Role;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    client::Client,
    server::{TENANT, TestServer, token_of},
};

pub struct Plant {
    server: TestServer,
    serving: Serving,
    types: BTreeMap<String, Value>,
    data: tempfile::TempDir,
    pub events: Arc<dyn EventStore>,
}

impl Plant {
    pub async fn start() -> Self {
        Self::open(tempfile::tempdir().unwrap()).await
    }

    /// The same log, served by a process that has seen nothing yet.
    pub async fn restart(self) -> Self {
        let Self { mut server, serving, data, .. } = self;
        server.signal().await.unwrap().unwrap();
        serving.stop().await;
        Self::open(data).await
    }

    pub async fn stop(self) {
        self.serving.stop().await;
    }

    async fn open(data: tempfile::TempDir) -> Self {
        let url = StoreUrl::Sqlite(data.path().join("log.db"));
        let stores = Stores::open(&url).await.unwrap();
        let serving = Serving::start(&stores, &url, Arc::new(UniformSettings::default())).await.unwrap();
        let (engine, reads) = (serving.engine.clone(), Arc::clone(&serving.read_side));
        let schema = schema(engine, reads, Arc::clone(&serving.genealogy));
        let service = GraphqlService::new(schema, GraphqlLimits::default()).unwrap();
        let server = TestServer::start_with(service, ServeLimits::default()).await;
        let mut plant =
            Self { server, serving, types: BTreeMap::new(), data, events: Arc::clone(&stores.events) };
        let query = "{ __schema { types { name kind isOneOf enumValues { name } inputFields { ...I }
            fields { name args { ...I } type { ...R } } } } }
            fragment I on __InputValue { name defaultValue type { ...R } }
            fragment R on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
        let answer = plant.client(TENANT, &[Role::Admin]).query(query).await.json();
        for ty in answer["data"]["__schema"]["types"].as_array().unwrap() {
            plant.types.insert(ty["name"].as_str().unwrap().to_owned(), ty.clone());
        }
        plant
    }

    pub fn client(&self, tenant: Uuid, roles: &[Role]) -> Client {
        Client { address: self.server.address, token: Some(token_of(tenant, roles)) }
    }

    pub fn fields(&self, ty: &str) -> Vec<Value> {
        self.types[ty]["fields"].as_array().unwrap().clone()
    }

    /// The smallest literal that fits an argument or input field; ids come from `id`.
    fn literal(&self, name: &str, ty: &Value, id: &dyn Fn(&str) -> String) -> String {
        match ty["kind"].as_str().unwrap() {
            "NON_NULL" => self.literal(name, &ty["ofType"], id),
            "LIST" => format!("[{}]", self.literal(name, &ty["ofType"], id)),
            "ENUM" => {
                let values = &self.types[ty["name"].as_str().unwrap()]["enumValues"];
                values[0]["name"].as_str().unwrap().to_owned()
            }
            "INPUT_OBJECT" => {
                let def = &self.types[ty["name"].as_str().unwrap()];
                let fields = def["inputFields"].as_array().unwrap();
                if def["isOneOf"] == true {
                    let name = fields[0]["name"].as_str().unwrap();
                    return format!("{{{name}: {}}}", self.literal(name, &fields[0]["type"], id));
                }
                format!("{{{}}}", self.required(fields, id))
            }
            _ => match (ty["name"].as_str().unwrap(), name) {
                ("ID", name) => format!("{:?}", id(name)),
                ("Boolean", _) => "true".to_owned(),
                ("Int" | "Float" | "Int64", _) => "1".to_owned(),
                (_, "gate") => "\"1\"".to_owned(),
                (_, "currency") => "\"EUR\"".to_owned(),
                _ => "\"long enough for a reason\"".to_owned(),
            },
        }
    }

    /// Required inputs, and every id besides.
    fn required(&self, inputs: &[Value], id: &dyn Fn(&str) -> String) -> String {
        let wanted = inputs.iter().filter(|input| {
            let required = input["type"]["kind"] == "NON_NULL" && input["defaultValue"].is_null();
            required || input["type"]["name"] == "ID"
        });
        let given = wanted.map(|input| {
            let name = input["name"].as_str().unwrap();
            format!("{name}: {}", self.literal(name, &input["type"], id))
        });
        given.collect::<Vec<_>>().join(", ")
    }

    pub fn mutation(&self, field: &Value, id: &dyn Fn(&str) -> String) -> String {
        let name = field["name"].as_str().unwrap();
        let arguments = self.required(field["args"].as_array().unwrap(), id);
        let key = format!("idempotencyKey: \"{}\"", Uuid::now_v7());
        format!(
            "mutation {{ it: {name}({arguments}, {key}) {{
             errors {{ ... on UserError {{ code message }} ... on PermissionMissing {{ required }} }} }} }}"
        )
    }

    /// A query's field with the smallest selection that its type allows.
    pub fn query(&self, field: &Value, id: &dyn Fn(&str) -> String) -> String {
        let name = field["name"].as_str().unwrap();
        let arguments = self.required(field["args"].as_array().unwrap(), id);
        let arguments = if arguments.is_empty() { arguments } else { format!("({arguments})") };
        let mut target = &field["type"];
        while !target["ofType"].is_null() {
            target = &target["ofType"];
        }
        let selection = match target["kind"].as_str().unwrap() {
            "OBJECT" | "INTERFACE" | "UNION" => "{ __typename }",
            _ => "",
        };
        format!("{{ it: {name}{arguments} {selection} }}")
    }
}
