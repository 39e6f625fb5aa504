//! A real server on a port of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use api::{
    auth::{Authenticator, Grant, LocalSecret, mint},
    http::{
        Edge, GraphqlLimits, GraphqlService, RateLimits, Readiness, ReadinessCheck, ServeLimits, TenantSlugs,
        router, serve,
    },
};
use async_trait::async_trait;
use chrono::Utc;
use domain::identity::Role;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use uuid::Uuid;

use crate::{client::Client, schema::schema};

pub const TENANT: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

pub struct TestServer {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<std::io::Result<()>>>,
}

pub struct Lagging;

#[async_trait]
impl Readiness for Lagging {
    async fn check(&self) -> Vec<ReadinessCheck> {
        let check = |name, ready| ReadinessCheck { name, ready, detail: "3 events behind".to_owned() };
        vec![check("event_store".into(), true), check("lot_board".into(), false)]
    }
}

fn secret() -> LocalSecret {
    LocalSecret::try_new(*b"0123456789abcdef0123456789abcdef").unwrap()
}

pub fn token(roles: &[Role]) -> String {
    token_of(TENANT, roles)
}

pub fn token_of(tenant: Uuid, roles: &[Role]) -> String {
    let grant = Grant {
        subject: "kovacs.anna".to_owned(),
        tenant,
        roles: roles.to_vec(),
        lifetime: Duration::from_secs(600),
        issued_at: Utc::now(),
    };
    mint(&secret(), &grant).unwrap()
}

impl TestServer {
    pub async fn start() -> Self {
        let limits = GraphqlLimits { timeout: Duration::from_secs(2), ..GraphqlLimits::default() };
        Self::start_with(GraphqlService::new(schema(), limits).unwrap(), ServeLimits::default()).await
    }

    pub async fn start_with(graphql: GraphqlService, limits: ServeLimits) -> Self {
        Self::start_for(graphql, limits, TenantSlugs::default()).await
    }

    pub async fn start_for(graphql: GraphqlService, limits: ServeLimits, tenants: TenantSlugs) -> Self {
        let edge = Edge {
            graphql,
            authenticator: Authenticator::new().with_local(&secret()),
            tenants,
            readiness: Arc::new(Lagging),
            metrics: None,
            metrics_open: false,
            rates: RateLimits::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(router(edge), listener, limits, async {
            stopped.await.ok();
        }));
        Self { address, stop: Some(stop), served: Some(served) }
    }

    /// A client with a manager's token.
    pub fn client(&self) -> Client {
        Client { address: self.address, token: Some(token(&[Role::Manager])) }
    }

    pub fn stranger(&self) -> Client {
        Client { address: self.address, token: None }
    }

    pub fn signal(&mut self) -> JoinHandle<std::io::Result<()>> {
        drop(self.stop.take());
        self.served.take().unwrap()
    }
}
