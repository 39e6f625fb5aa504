//! Input that means harm. Each gets a clear error with a stable code; nothing panics, and the server goes on.

use std::time::Duration;

use api::http::{GraphqlLimits, GraphqlService, ServeLimits};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{client::Client, schema::schema, server::TestServer};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn goes_on(client: &Client) {
    assert_eq!(client.query("{ ping }").await.json()["data"]["ping"], "pong");
}

#[tokio::test]
async fn queries_beyond_a_limit_are_refused_by_that_limits_code() {
    let server = TestServer::start().await;
    let client = server.client();
    let aliases = |count: usize| (0..count).map(|at| format!("a{at}: ping ")).collect::<String>();
    let deep = |levels: usize| format!("{}{{ level }}{}", "{ child ".repeat(levels), "}".repeat(levels));
    let doubling: String = (0..40)
        .map(|at| format!("fragment F{at} on Node {{ child {{ ...F{} ...F{} }} }} ", at + 1, at + 1))
        .collect();
    let flat_doubling: String =
        (0..40).map(|at| format!("fragment F{at} on Node {{ ...F{} ...F{} }} ", at + 1, at + 1)).collect();
    let chain: String = (0..150).map(|at| format!("fragment F{at} on Node {{ ...F{} }} ", at + 1)).collect();
    let introspection = "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }";
    let cases = [
        (format!("{{ {} }}", aliases(1_000)), "QUERY_TOO_MANY_TOKENS"),
        (format!("{{ {} }}", aliases(31)), "QUERY_TOO_MANY_ALIASES"),
        (format!("{{ node {{ {} }} }}", aliases(31).replace("ping", "level")), "QUERY_TOO_MANY_ALIASES"),
        (format!("{{ {} }}", aliases(21)), "QUERY_TOO_MANY_ROOT_FIELDS"),
        (format!("{{ {} }}", "ping ".repeat(21)), "QUERY_TOO_MANY_ROOT_FIELDS"),
        (format!("{{ node {} }}", deep(12)), "QUERY_TOO_DEEP"),
        (format!("{{ node {} }}", deep(200)), "QUERY_TOO_DEEP"),
        (format!("{{ node {} }}", deep(900)), "QUERY_TOO_MANY_TOKENS"),
        (
            "{ ping @skip(if: false) ".to_owned() + &"@include(if: true) ".repeat(11) + "}",
            "QUERY_TOO_MANY_DIRECTIVES",
        ),
        (format!("{{ ping {} }}", "x".repeat(100_000)), "GRAPHQL_VALIDATION_FAILED"),
        (format!("{{ node {{ ...F0 }} }} {doubling} fragment F40 on Node {{ level }}"), "QUERY_TOO_DEEP"),
        (
            format!("{{ node {{ ...F0 }} }} {flat_doubling} fragment F40 on Node {{ level }}"),
            "QUERY_TOO_COSTLY",
        ),
        (format!("{{ node {{ ...F0 }} }} {chain} fragment F150 on Node {{ level }}"), "QUERY_TOO_DEEP"),
        (introspection.to_owned(), "QUERY_TOO_DEEP"),
        ("{ trees { children { children { level } } } }".to_owned(), "QUERY_TOO_COSTLY"),
        (format!("{{ matrix(rows: {}{}) }}", "[".repeat(900), "]".repeat(900)), "QUERY_TOO_DEEP"),
        (format!("{{ filter(filter: {}{}) }}", "{a:".repeat(300), "}".repeat(300)), "QUERY_TOO_DEEP"),
        (format!("query($a: {}Int{}) {{ ping }}", "[".repeat(900), "]".repeat(900)), "QUERY_TOO_DEEP"),
        ("{ ...F } fragment F on Query { ...F }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
    ];
    for (query, code) in cases {
        let reply = client.query(&query).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, code),
            "{}",
            query.get(..100).unwrap_or(&query)
        );
        assert!(reply.body.len() < 10_000, "a refusal is short");
    }
    goes_on(&client).await;
}

#[tokio::test]
async fn entangled_fragments_take_no_time() {
    let server = TestServer::start().await;
    let client = server.client();
    let mut query = "name".to_owned();
    for _ in 0..10 {
        query = format!("name ... on Dog {{ name }} ... on Cat {{ name }} ... on Animal {{ {query} }}");
    }
    let reply = client.query(&format!("{{ animal {{ {query} }} }}")).await;
    assert_eq!(reply.json()["data"]["animal"]["name"], "Rex");
    goes_on(&client).await;
}

#[tokio::test]
async fn bodies_that_are_too_large_or_broken_are_refused() {
    let server = TestServer::start().await;
    let client = server.client();
    let huge = vec![b' '; 10 * 1024 * 1024];
    let reply = client.send("POST", "/graphql", &[JSON], &huge).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "BODY_TOO_LARGE"));
    let chunked: Vec<u8> = std::iter::repeat_n(&b"40000\r\n"[..], 40)
        .flat_map(|head| [head, &vec![b' '; 0x40000], b"\r\n"].concat())
        .collect();
    let chunked = [&chunked[..], b"0\r\n\r\n"].concat();
    let reply = client.send("POST", "/graphql", &[JSON, ("transfer-encoding", "chunked")], &chunked).await;
    assert_eq!(reply.status, 413);
    let cases: [(&[u8], &str); 14] = [
        (b"", "BAD_REQUEST"),
        (b"{", "JSON_PARSE_FAILED"),
        (b"\xff\xfe{}", "JSON_PARSE_FAILED"),
        (b"{\"query\":\"\xc3\x28\"}", "JSON_PARSE_FAILED"),
        (b"{\"query\":\"{ping}\",\"query\":\"{whoami}\"}", "JSON_PARSE_FAILED"),
        (b"{\"query\":\"{ping}\",\"variables\":{\"a\":1,\"a\":2}}", "JSON_PARSE_FAILED"),
        (b"{\"query\":\"\\ud800\"}", "JSON_PARSE_FAILED"),
        (b"{\"query\":\"{ping}\",\"variables\":{\"a\":1e999}}", "JSON_PARSE_FAILED"),
        (b"{\"query\":\"{ping}\"} trailing", "JSON_PARSE_FAILED"),
        (b"null", "BAD_REQUEST"),
        (b"\"{ping}\"", "BAD_REQUEST"),
        (b"{\"query\":5}", "BAD_REQUEST"),
        (b"{\"query\":\"{ping}\",\"variables\":[]}", "BAD_REQUEST"),
        (b"{\"query\":\"{ping}\",\"operationName\":[]}", "BAD_REQUEST"),
    ];
    for (body, code) in cases {
        let reply = client.send("POST", "/graphql", &[JSON], body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{}", String::from_utf8_lossy(body));
    }
    let nested = format!(
        "{{\"query\":\"{{ping}}\",\"variables\":{{\"a\":{}{}}}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(client.post(&nested).await.code(), "JSON_PARSE_FAILED");
    goes_on(&client).await;
}

#[tokio::test]
async fn header_tricks_lead_nowhere() {
    let server = TestServer::start().await;
    let client = server.client();
    let token = client.token.clone().unwrap();
    let host = "host: x\r\nconnection: close\r\n";
    let raw: Vec<(Vec<u8>, &[u16])> = vec![
        // Two lengths, two framings: which request is it?
        (format!("POST /graphql HTTP/1.1\r\n{host}content-length: 2\r\ncontent-length: 20\r\n\r\n{{}}").into(), &[400]),
        (format!("POST /graphql HTTP/1.1\r\n{host}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").into(), &[400, 401]),
        (format!("POST /graphql HTTP/1.1\r\n{host}content-length: -1\r\n\r\n").into(), &[400]),
        (format!("POST /graphql HTTP/1.1\r\n{host}content-length: 99999999999999999999\r\n\r\n").into(), &[400]),
        (format!("GET /graphql HTTP/1.1\r\n{host}x: {}\r\n\r\n", "a".repeat(200_000)).into(), &[431, 400]),
        (format!("GET /graphql HTTP/1.1\r\n{host}{}\r\n", "x: y\r\n".repeat(5_000)).into(), &[431, 400]),
        (format!("GET /graphql?query={} HTTP/1.1\r\n{host}\r\n", "a".repeat(200_000)).into(), &[414, 431, 400]),
        (b"GET /graphql HTTP/1.1\r\nno colon here\r\n\r\n".to_vec(), &[400]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), &[400, 0]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[400, 0]),
        (format!("GET /health/live HTTP/9.9\r\n{host}\r\n").into(), &[400, 505, 0]),
        (format!("GET /graphql?query=%7Bping%7D HTTP/1.1\r\n{host}authorization: Bearer {token}\r\nauthorization: Bearer {token}\r\n\r\n").into(), &[401]),
        (format!("GET /graphql?query=%7Bping%7D HTTP/1.1\r\n{host}authorization: Bearer {token}\r\nidempotency-key: a\r\nidempotency-key: b\r\n\r\n").into(), &[400]),
        (format!("GET //graphql HTTP/1.1\r\n{host}\r\n").into(), &[401]),
        (format!("GET /health/../graphql HTTP/1.1\r\n{host}\r\n").into(), &[401]),
        (format!("GET /health/live/../../metrics HTTP/1.1\r\n{host}\r\n").into(), &[401]),
        (format!("GET /health%2flive HTTP/1.1\r\n{host}\r\n").into(), &[401]),
        (format!("GET /HEALTH/LIVE HTTP/1.1\r\n{host}\r\n").into(), &[401]),
    ];
    for (bytes, statuses) in raw {
        let reply = client.raw(&bytes).await;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(90)]).into_owned();
        assert!(statuses.contains(&reply.status), "{} for {shown}", reply.status);
    }
    goes_on(&client).await;
}

#[tokio::test]
async fn bad_tokens_are_refused() {
    let server = TestServer::start().await;
    let good = server.client().token.unwrap();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    for token in [
        "x".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(30_000),
        format!("{signed}."),
        format!("{signed}.{}", signature.to_lowercase()),
        format!("{signed}.{signature}.{signature}"),
        "\u{e9}".to_owned(),
    ] {
        let client = Client { token: Some(token), ..server.client() };
        let reply = client.query("{ ping }").await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "UNAUTHENTICATED"));
    }
    goes_on(&server.client()).await;
}

#[tokio::test]
async fn clients_that_take_their_time_are_let_go() {
    let limits =
        ServeLimits { header_time: Duration::from_millis(300), connections: 2, ..ServeLimits::default() };
    let service = GraphqlService::new(schema(), GraphqlLimits::default()).unwrap();
    let server = TestServer::start_with(service, limits).await;
    // As many as may connect, and more, each with half a header: the honest client comes in when they are let go.
    let mut idle = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /health/live HTTP/1.1\r\nhost").await.unwrap();
        idle.push(stream);
    }
    goes_on(&server.client()).await;
    for mut stream in idle {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.ok();
    }
}

#[tokio::test]
async fn clients_that_leave_in_the_middle_harm_nobody() {
    let server = TestServer::start().await;
    let client = server.client();
    let token = client.token.clone().unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{\"query\""
    );
    for cut in [10, 100, head.len()] {
        for _ in 0..20 {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            stream.write_all(&head.as_bytes()[..cut.min(head.len())]).await.unwrap();
        }
    }
    goes_on(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_as_documents_never_panic() {
    let server = TestServer::start().await;
    let client = server.client();
    let alphabet: Vec<&str> = vec![
        "{", "}", "(", ")", "[", "]", "$a", ":", "...", "on", "Query", "ping", "\"", "\"\"\"", "\\u", "1",
        "-", "1e9", "@skip", "!", "=", "fragment", "F", "node", "é", "\u{0}", "#", "\n", "null", "query",
        "mutation", "&", "|",
    ];
    // A fixed sequence: xorshift from one seed, so that a failure can be repeated.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 1_000_003).unwrap()
    };
    for _ in 0..300 {
        let length = next() % 40;
        let document: Vec<&str> = (0..length).map(|_| alphabet[next() % alphabet.len()]).collect();
        let reply = client.post(&json!({ "query": document.join(" ") }).to_string()).await;
        assert!([200, 400].contains(&reply.status), "{} for {document:?}", reply.status);
    }
    goes_on(&client).await;
}
