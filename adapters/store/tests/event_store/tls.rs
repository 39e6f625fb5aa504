//! Who asks for TLS gets it, from a server whose certificate was checked. The server of the tests makes its certificates itself, with
//! openssl, and speaks TLS only meanwhile.

use std::{fs, path::Path, time::Duration};

use adapters_store::{postgres::PostgresEventStore, read::postgres_read_store};
use commands::ports::{EventStore, StoreError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::sleep,
};
use tokio_postgres::Client;

use crate::database::Database;

/// Run by the server, in its folder and as its user: two authorities, and a certificate of the first for `localhost`.
const CERTIFICATES: &str = "set -e; umask 077; \
    authority() { openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout cairn_$1.key -out cairn_$1.crt -subj /CN=$1; }; \
    authority right; authority other; \
    openssl req -newkey rsa:2048 -nodes -keyout cairn_server.key -out cairn_server.csr -subj /CN=localhost; \
    echo subjectAltName=DNS:localhost > cairn_server.ext; \
    openssl x509 -req -in cairn_server.csr -CA cairn_right.crt -CAkey cairn_right.key -CAcreateserial -days 2 \
        -extfile cairn_server.ext -out cairn_server.crt";

/// Has the server speak TLS, or not, and waits until it does so.
async fn switch(admin: &Client, ssl: &str) {
    for setting in [
        "ssl_cert_file = 'cairn_server.crt'".to_owned(),
        "ssl_key_file = 'cairn_server.key'".to_owned(),
        format!("ssl = {ssl}"),
    ] {
        admin.batch_execute(&format!("alter system set {setting}")).await.unwrap();
    }
    admin.batch_execute("select pg_reload_conf()").await.unwrap();
    for _ in 0..200 {
        sleep(Duration::from_millis(50)).await;
        if admin.query_one("show ssl", &[]).await.unwrap().get::<_, String>(0) == ssl {
            return;
        }
    }
    panic!("the server does not switch TLS {ssl}");
}

/// Copies an authority's certificate from the server.
async fn authority(admin: &Client, name: &str, folder: &Path) -> String {
    let read = format!("select pg_read_file('cairn_{name}.crt')");
    let path = folder.join(format!("{name}.crt"));
    fs::write(&path, admin.query_one(&read, &[]).await.unwrap().get::<_, String>(0)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// How many connections others have to the database, plain and sealed.
async fn connections(admin: &Client) -> (i64, i64) {
    let sql = "select count(*) filter (where not ssl), count(*) filter (where ssl)
               from pg_stat_ssl join pg_stat_activity using (pid)
               where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'";
    let row = admin.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

/// Opens log and read store and has the bell listen: whether all of their connections are sealed.
async fn is_sealed(url: &str, admin: &Client) -> Result<bool, String> {
    let (mut plain, mut sealed) = (0, 0);
    {
        let store = PostgresEventStore::connect(url).await.map_err(|error| error.to_string())?;
        let _follower = store.wake_up();
        let _read_store = postgres_read_store(url).await.map_err(|error| error.to_string())?;
        for _ in 0..30 {
            let (plain_now, sealed_now) = connections(admin).await;
            (plain, sealed) = (plain.max(plain_now), sealed.max(sealed_now));
            sleep(Duration::from_millis(20)).await;
        }
    }
    while connections(admin).await != (0, 0) {
        sleep(Duration::from_millis(20)).await;
    }
    assert!(
        plain + sealed >= 4,
        "two of the log, one of its bell, one of the read store; {plain} and {sealed}"
    );
    if plain == 0 || sealed == 0 { Ok(sealed > 0) } else { Err(format!("{plain} plain, {sealed} sealed")) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_tls_gets_it_from_a_server_whose_certificate_was_checked() {
    let database = Database::create().await;
    let admin = database.client().await;
    let url = database.url();
    let script =
        format!("copy (select '') to program $program$ ({CERTIFICATES}) >cairn_openssl.log 2>&1 $program$");
    admin
        .batch_execute(&script)
        .await
        .expect("the server runs openssl; cairn_openssl.log in its folder says more");
    let folder = tempfile::tempdir().unwrap();
    let right = authority(&admin, "right", folder.path()).await;
    let other = authority(&admin, "other", folder.path()).await;
    let with = |mode: &str, roots: &str| format!("{url}&sslmode={mode}&sslrootcert={roots}");
    // The certificate bears the name, not the address.
    let by_name = |url: String| url.replace("@127.0.0.1:", "@localhost:");
    let (strange, another_name) = (format!("no authority of sslrootcert {other}"), "not valid for name");

    switch(&admin, "on").await;
    let mut answers = Vec::new();
    for (asked, expected) in [
        (url.clone(), Ok(true)),
        (format!("{url}&sslmode=disable"), Ok(false)),
        (with("prefer", &other), Ok(true)),
        (format!("{url}&sslrootcert={right}"), Ok(true)),
        (format!("{url}&sslrootcert={other}"), Err(&*strange)),
        (by_name(format!("{url}&sslrootcert=system")), Err("no authority of the operating system")),
        (with("require", &right), Ok(true)),
        (with("verify-ca", &right), Ok(true)),
        (by_name(with("verify-full", &right)), Ok(true)),
        (with("verify-full", &right), Err(another_name)),
        (with("require", &other), Err(&*strange)),
        (with("verify-ca", &other), Err(&*strange)),
        (by_name(with("verify-full", &other)), Err(&*strange)),
        (by_name(format!("{url}&sslmode=require")), Err("no authority of the operating system")),
    ] {
        answers.push((is_sealed(&asked, &admin).await, expected, asked));
    }
    switch(&admin, "off").await;
    for (answer, expected, asked) in answers {
        let asked = asked.rsplit('@').next().unwrap_or_default();
        match (&answer, expected) {
            (Ok(answer), Ok(expected)) => assert_eq!(*answer, expected, "{asked}"),
            (Err(reason), Err(expected)) => assert!(reason.contains(expected), "{asked}: {reason}"),
            (_, expected) => panic!("{asked}: {answer:?}, not {expected:?}"),
        }
    }
}

/// A server that cannot, or somebody in between who says so for it.
#[tokio::test]
async fn whoever_insists_on_tls_tells_a_plain_server_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain_server = async {
        let mut heard = Vec::new();
        let (mut call, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        call.read_exact(&mut request).await.unwrap();
        call.write_all(b"N").await.unwrap();
        call.read_to_end(&mut heard).await.unwrap();
        heard
    };
    let url = format!("postgres://somebody:secret@127.0.0.1:{port}/none?sslmode=require");
    let (refused, heard) = tokio::join!(PostgresEventStore::connect(&url), plain_server);
    let reason = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(reason.contains("server does not support TLS"), "{reason}");
    assert_eq!(heard, b"", "what it was told all the same");
}

#[tokio::test]
async fn a_mode_that_is_none_is_refused_with_those_that_are() {
    let refused = PostgresEventStore::connect("postgres://db/none?sslmode=sometimes").await;
    let Err(StoreError::Unavailable { reason, .. }) = refused else { panic!("it was taken") };
    assert!(reason.contains("sslmode") && reason.contains("verify-full"), "{reason}");
}
