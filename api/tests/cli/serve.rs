use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::{server::Server, shell::Shell};

#[test]
fn serve_becomes_ready_and_stops_cleanly_when_asked() {
    let shell = Shell::with_demo();
    let server = Server::start(&shell, "");
    assert!(server.get("/health/live").starts_with("HTTP/1.1 200"));
    assert!(server.get("/graphql?query=%7B__typename%7D").starts_with("HTTP/1.1 401"));
    server.becomes_ready();
    assert_eq!(server.stop("-INT"), Some(0));
    // A second start finds everything where the first one left it.
    let server = Server::start(&shell, "");
    assert_eq!(server.stop("-TERM"), Some(0));
}

/// A terminal sends Ctrl-C to a script and to what it started; the script then stops what it started.
#[test]
fn an_interrupt_with_a_terminate_right_behind_it_is_one_wish_to_stop() {
    let shell = Shell::new();
    let server = Server::start(&shell, "");
    // A request under way keeps the server from ending before the second signal comes.
    let mut request = TcpStream::connect(&server.address).unwrap();
    request.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n").unwrap();
    while !server.get("/health/live").starts_with("HTTP/1.1 200") {}
    server.signal("-INT");
    while TcpStream::connect(&server.address).is_ok() {
        std::thread::yield_now();
    }
    server.signal("-TERM");
    request.write_all(b"\r\n").unwrap();
    let mut answer = String::new();
    request.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.ends(), Some(0), "what was asked was answered, and the process ended by itself");
}

#[test]
fn a_taken_address_is_told_with_what_to_do() {
    let shell = Shell::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = shell.cairn(&format!("serve --listen {}", taken.local_addr().unwrap())).fails();
    assert!(error.contains("cannot be used") && error.contains("--listen ADDR"), "{error}");
    assert!(!shell.path().join("data").exists(), "nothing was made");
}

#[test]
fn an_address_that_is_none_is_refused() {
    let error = Shell::new().cairn("serve --listen nowhere").misuses();
    assert!(error.contains("listen is nowhere (from --listen)"), "{error}");
}

/// The answer to a query by GET, as an administrator of the demo plant.
fn asked(shell: &Shell, server: &Server, query: &str) -> String {
    let token = shell.cairn("token --tenant demo --role ADMIN").succeeds();
    let headers = format!("Authorization: Bearer {}\r\nAccept: application/json\r\n", token.trim());
    server.get_with(&format!("/graphql?query={query}"), &headers)
}

#[test]
fn introspection_costs_and_metrics_are_as_the_configuration_says() {
    let shell = Shell::new();
    let server = Server::start(&shell, "");
    assert!(server.get("/metrics").starts_with("HTTP/1.1 401"));
    assert!(asked(&shell, &server, "%7B__schema%7BqueryType%7Bname%7D%7D%7D").contains("\"Query\""));
    assert_eq!(server.stop("-TERM"), Some(0));
    let set = "[metrics]\nopen = true\n[graphql]\nintrospection = false\n[limits]\ncost = 10\n";
    std::fs::write(shell.path().join("data/cairn.toml"), set).unwrap();
    let server = Server::start(&shell, "");
    assert!(server.get("/metrics").starts_with("HTTP/1.1 200"));
    let answer = asked(&shell, &server, "%7B__schema%7BqueryType%7Bname%7D%7D%7D");
    assert!(answer.contains("introspection is switched off"), "{answer}");
    let answer = asked(&shell, &server, "%7Bpartners(first:50)%7Bnodes%7Bname%7D%7D%7D");
    assert!(answer.contains("a cost of"), "{answer}");
}

#[test]
fn only_the_documents_of_the_manifest_run_where_there_is_one() {
    let shell = Shell::new();
    let listed = "{__typename}";
    let manifest = serde_json::json!({ document::TrustedDocuments::hash(listed): listed });
    std::fs::write(shell.path().join("trusted.json"), manifest.to_string()).unwrap();
    std::fs::create_dir(shell.path().join("data")).unwrap();
    let set = "[graphql]\ntrusted_documents = 'trusted.json'\n";
    std::fs::write(shell.path().join("data/cairn.toml"), set).unwrap();
    let server = Server::start(&shell, "");
    assert!(asked(&shell, &server, "%7B__typename%7D").contains("\"Query\""));
    let answer = asked(&shell, &server, "%7B%20__typename%20%7D");
    assert!(answer.contains("only listed documents run here"), "{answer}");
    drop(server);
    std::fs::write(shell.path().join("trusted.json"), "[]").unwrap();
    let error = shell.cairn("serve --listen 127.0.0.1:0").fails();
    assert!(error.contains("graphql.trusted_documents cannot be used"), "{error}");
}

#[test]
fn who_asks_too_often_hears_429_and_when_to_come_again() {
    let shell = Shell::new();
    std::fs::create_dir(shell.path().join("data")).unwrap();
    let set = "[limits]\nuser_per_minute = 2\naddress_per_minute = 4\n";
    std::fs::write(shell.path().join("data/cairn.toml"), set).unwrap();
    let server = Server::start(&shell, "");
    let first = asked(&shell, &server, "%7B__typename%7D");
    assert!(first.contains("ratelimit-policy: \"user\";q=2;w=60"), "{first}");
    assert!(
        first.contains("ratelimit: \"user\";r=1;") && first.contains("ratelimit: \"address\";r=3;"),
        "{first}"
    );
    assert!(asked(&shell, &server, "%7B__typename%7D").starts_with("HTTP/1.1 200"));
    let third = asked(&shell, &server, "%7B__typename%7D");
    assert!(third.starts_with("HTTP/1.1 429") && third.contains("\"RATE_LIMITED\""), "{third}");
    assert!(third.contains("retry-after: ") && third.contains("by one user"), "{third}");
    // Without a token, too: the address is known before anybody is.
    assert!(server.get("/graphql").starts_with("HTTP/1.1 401"));
    assert!(server.get("/graphql").contains("by one address"));
    assert!(server.get("/health/live").starts_with("HTTP/1.1 200"), "a proxy must not take it for dead");
}
