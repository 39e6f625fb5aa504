//! A client repeats a request while a release is rolled out that gave its input one more optional field: the older program and the
//! newer one stand over one log, and whichever the repetition meets answers what the first one did.

use api::{
    compose::{StoreUrl, Stores},
    graphql::kernel::UserError,
    http::{GraphqlLimits, GraphqlService, ServeLimits, prepare_schema},
};
use async_graphql::{EmptySubscription, Object, ObjectType, Schema};
use commands::{engine::EngineConfig, ports::UniformSettings};
use domain::identity::Role;
use serde_json::{Value, json};

use crate::{
    client::Client,
    server::{TestServer, token},
};

/// A command with its mutation, as one release has them.
macro_rules! release {
    ($release:ident { $( $field:ident ),* }) => {
        mod $release {
            use api::graphql::bookings::ServicePayload;
            use commands::{
                bookings::ServiceReply,
                engine::{Command, Reply, Stage, Stop},
            };
            use domain::{
                bookings::{PaymentMode, Service, ServiceCommand, ServiceTerms},
                identity::Permission,
                kernel::Money,
            };
            use serde::{Deserialize, Serialize};

            #[derive(Debug, Clone, Serialize, Deserialize)]
            pub struct OfferService {
                name: String,
                $( $field: Option<String>, )*
            }

            impl Command for OfferService {
                const NAME: &'static str = "OfferService";
                const PERMISSION: Permission = Permission::BookingsManage;
                type Reply = ServiceReply;

                fn handle(&self, stage: &mut Stage<'_>) -> Result<ServiceReply, Stop> {
                    let price = Money::zero("EUR".parse().unwrap());
                    let terms = ServiceTerms {
                        name: self.name.clone(),
                        duration_min: 60,
                        capacity: 1,
                        price,
                        payment_mode: PaymentMode::Free,
                    };
                    let id = stage.next_id();
                    let service = stage.decide::<Service>(&id.to_string(), ServiceCommand::SaveService(terms))?;
                    ServiceReply::of(id, &service)
                }
            }

            api::inputs! {
                /// Offers a service.
                OfferServiceInput => OfferService {
                    /// Its name.
                    name: String,
                    $(
                        /// What came with the next release.
                        $field: Option<String>,
                    )*
                }
            }

            api::mutations! {
                /// What this release can do.
                Mutations {
                    /// Offers a service.
                    offer_service("offerService", OfferServiceInput) -> ServicePayload;
                }
            }
        }
    };
}

release!(older {});
release!(newer { note });

struct Query;

#[Object]
impl Query {
    async fn ping(&self) -> &str {
        "pong"
    }
}

/// A program of one release over the log.
async fn program(stores: &Stores, mutations: impl ObjectType + 'static) -> (TestServer, Client) {
    let engine = stores.engine(std::sync::Arc::new(UniformSettings::default()), EngineConfig::default());
    let schema = prepare_schema(Schema::build(Query, mutations, EmptySubscription))
        .register_output_type::<UserError>()
        .data(engine)
        .finish();
    let service = GraphqlService::new(schema, GraphqlLimits::default()).unwrap();
    let server = TestServer::start_with(service, ServeLimits::default()).await;
    let client = Client { token: Some(token(Role::ALL)), ..server.client() };
    (server, client)
}

async fn offer(client: &Client, input: Value) -> Value {
    let document = "mutation($input: OfferServiceInput!) {
        offerService(input: $input, idempotencyKey: \"k-1\") {
            commit { position } errors { __typename ... on UserError { code path } } } }";
    let answer = client.with_variables(document, json!({ "input": input })).await.json();
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"]["offerService"].clone()
}

/// The first and the one that repeats, over one log.
async fn is_answered_once(stores: &Stores, first: &Client, then: &Client) {
    let made = offer(first, json!({ "name": "Cut" })).await;
    assert_eq!(made, json!({ "commit": { "position": "1" }, "errors": [] }));
    for client in [then, first] {
        assert_eq!(offer(client, json!({ "name": "Cut" })).await, made, "the first answer again");
        let other = offer(client, json!({ "name": "Shave" })).await;
        let refused = json!({ "__typename": "IdempotencyRefused", "code": "IDEMPOTENCY_KEY_REUSED", "path": ["idempotencyKey"] });
        assert_eq!(other, json!({ "commit": null, "errors": [refused] }));
    }
    assert_eq!(stores.events.head().await.unwrap(), 1, "nothing was done twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_older_program_did_the_newer_one_answers() {
    let stores = Stores::open(&StoreUrl::Memory).await.unwrap();
    let (_older, older) = program(&stores, older::Mutations).await;
    let (_newer, newer) = program(&stores, newer::Mutations).await;
    is_answered_once(&stores, &older, &newer).await;
    let with_the_new_field = offer(&newer, json!({ "name": "Cut", "note": "short" })).await;
    assert_eq!(
        with_the_new_field["errors"][0]["code"], "IDEMPOTENCY_KEY_REUSED",
        "it asks for something else"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_newer_program_did_the_older_one_answers() {
    let stores = Stores::open(&StoreUrl::Memory).await.unwrap();
    let (_older, older) = program(&stores, older::Mutations).await;
    let (_newer, newer) = program(&stores, newer::Mutations).await;
    is_answered_once(&stores, &newer, &older).await;
}
