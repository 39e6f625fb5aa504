//! The demo plant behind the schema alone, without a socket; its index may be held back.

use std::sync::Arc;

use api::{
    compose::{Serving, StoreUrl, Stores, stand_by},
    demo,
    graphql::{
        CairnSchema,
        kernel::{Floor, RequestContext, classify},
        schema,
    },
};
use async_graphql::{Request, Response, Variables};
use async_trait::async_trait;
use chrono::Utc;
use commands::{
    engine::Caller,
    ports::{EventStore, LogFilter, LogLayer, LogPage, Position, StoreError, UniformSettings},
};
use domain::identity::PermissionSet;
use projections::{
    lots::genealogy::{Genealogy, GenealogyOptions},
    runner::ReadSide,
};
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

/// A log whose readers by position wait until they are let through: a large plant just after its restart.
pub struct HeldBack {
    log: Arc<dyn EventStore>,
    open: watch::Receiver<bool>,
}

#[async_trait]
impl LogLayer for HeldBack {
    fn below(&self) -> Arc<dyn EventStore> {
        Arc::clone(&self.log)
    }

    async fn read_log(
        &self,
        after: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        self.open.clone().wait_for(|open| *open).await.ok();
        self.log.read_log(after, filter, limit).await
    }
}

/// The demo plant's desk: questions are answered as an auditor's.
pub struct Desk {
    pub schema: CairnSchema,
    pub serving: Serving,
    pub log: Arc<dyn EventStore>,
    /// The same schema over rows that nothing keeps current.
    pub over_old_rows: CairnSchema,
    pub old_rows: Arc<ReadSide>,
    _data: tempfile::TempDir,
}

impl Desk {
    pub async fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(data.path().join("cairn.db"));
        let stores = Stores::open(&url).await.unwrap();
        demo::load(&stores, Utc::now(), &|_, _| {}).await.unwrap();
        let serving = Serving::start(&stores, &url, Arc::new(UniformSettings::default())).await.unwrap();
        serving.read_side.caught_up().await.unwrap();
        let genealogy = Arc::clone(&serving.genealogy);
        let old_rows = stand_by(&stores, &url).await.unwrap();
        let over_old_rows = schema(serving.engine.clone(), Arc::clone(&old_rows), Arc::clone(&genealogy));
        let schema = schema(serving.engine.clone(), Arc::clone(&serving.read_side), genealogy);
        Self { schema, serving, log: stores.events, over_old_rows, old_rows, _data: data }
    }

    /// The same schema with an index that stays empty until `open` says otherwise.
    pub async fn schema_held_back(&self, open: watch::Receiver<bool>) -> CairnSchema {
        let log = Arc::new(HeldBack { log: Arc::clone(&self.log), open });
        let head_at_start = self.log.head().await.unwrap();
        let options = GenealogyOptions { head_at_start, ..GenealogyOptions::default() };
        let genealogy = Genealogy::start(log, None, options);
        schema(self.serving.engine.clone(), Arc::clone(&self.serving.read_side), genealogy)
    }

    pub fn request(query: &str, variables: Value) -> Request {
        Self::request_as(PermissionSet::all(), query, variables)
    }

    pub fn request_as(permissions: PermissionSet, query: &str, variables: Value) -> Request {
        let caller = Caller { tenant: demo::TENANT, actor: Arc::from("auditor"), permissions };
        let context = RequestContext {
            caller,
            address: None,
            correlation_id: Uuid::now_v7(),
            traceparent: None,
            idempotency_key: None,
            floor: Floor::default(),
            gathering: Default::default(),
            used: Default::default(),
        };
        Request::new(query).variables(Variables::from_json(variables)).data(context)
    }

    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        answer_of(self.schema.execute(Self::request(query, variables)).await)
    }

    pub async fn stop(self) {
        self.serving.stop().await;
    }
}

/// The data of an answer without errors.
#[track_caller]
pub fn answer_of(response: Response) -> Value {
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    response.data.into_json().unwrap()
}

/// The code of the first error, as the edge tells it.
#[track_caller]
pub fn code_of(response: &Response) -> String {
    let Some(error) = response.errors.first() else { panic!("no error: {:?}", response.data) };
    let mut error = error.clone();
    classify(&mut error);
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    let code = code.map(|code| code.clone().into_json().unwrap());
    code.and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_else(|| format!("{error:?}"))
}
