//! The key-encryption key, without which nobody's data can be read.

use std::os::unix::fs::PermissionsExt;

use api::compose::{StoreUrl, Stores};
use commands::{
    ports::{Snapshot, StreamKey},
    sealing::KeyEncryptionKey,
};
use uuid::Uuid;

use crate::{
    server::Server,
    shell::{Ran, Shell},
};

const FIRST: &str = "the first key, of more than thirty-two bytes";

/// Acceptance case 26 of identity.md, as far as it is about the key.
#[test]
fn outside_development_nothing_starts_without_a_key_encryption_key() {
    let shell = Shell::new();
    let nowhere = "serve --store postgres://nobody@127.0.0.1:1/none";
    for command in
        [&mut shell.command(nowhere), shell.command("serve").env("CAIRN_ENVIRONMENT", "production")]
    {
        let error = Ran::of(command.output().unwrap()).fails();
        assert!(error.starts_with("error: identity.kek is not set"), "{error}");
        assert!(error.contains("(KEK_MISSING)") && error.contains("CAIRN_IDENTITY_KEK"), "{error}");
    }
    assert!(!shell.path().join("data").exists(), "nothing was made");
    production(&shell);
    keep(&shell, FIRST, 0o600);
    serves(&shell);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let shell = Shell::new();
    production(&shell);
    for (key, mode, told) in [(FIRST, 0o644, "chmod 600"), ("short", 0o600, "at least 32")] {
        keep(&shell, key, mode);
        let error = shell.cairn("serve --listen 127.0.0.1:0").fails();
        assert!(error.contains("identity.kek_file cannot be used (KEK_UNUSABLE)"), "{error}");
        assert!(error.contains(told), "{error}");
    }
    let mut command = shell.command("serve --listen 127.0.0.1:0");
    let both = Ran::of(command.env("CAIRN_IDENTITY_KEK", FIRST).output().unwrap()).misuses();
    assert!(both.contains("identity.kek and identity.kek_file are both set"), "{both}");
}

#[test]
fn a_key_that_did_not_seal_what_lies_there_is_refused_before_anything_is_served() {
    let shell = Shell::new();
    production(&shell);
    keep(&shell, FIRST, 0o600);
    serves(&shell);
    keep(&shell, "another key, of more than thirty-two bytes", 0o600);
    serves(&shell);
    seal_something(&shell, FIRST);
    for words in ["serve --listen 127.0.0.1:0", "demo", "rebuild"] {
        let error = shell.cairn(words).fails();
        assert!(error.contains("sealed with another key-encryption key (KEK_MISMATCH)"), "{words}: {error}");
    }
    keep(&shell, FIRST, 0o600);
    serves(&shell);
}

/// Where nobody configures a key, what was sealed yesterday opens today.
#[test]
fn in_development_the_key_follows_from_the_secret_in_the_data_folder() {
    let shell = Shell::new();
    serves(&shell);
    let secrets = || std::fs::read_dir(shell.path().join("data")).unwrap().map(Result::unwrap);
    let secret = secrets().find(|file| file.file_name().to_string_lossy().contains("secret")).unwrap().path();
    seal_something(&shell, std::fs::read_to_string(&secret).unwrap().trim());
    serves(&shell);
    std::fs::remove_file(&secret).unwrap();
    let error = shell.cairn("serve --listen 127.0.0.1:0").fails();
    assert!(error.contains("(KEK_MISMATCH)") && error.contains("token secret"), "{error}");
}

fn serves(shell: &Shell) {
    let server = Server::start(shell, "");
    server.becomes_ready();
    assert_eq!(server.stop("-TERM"), Some(0));
}

fn production(shell: &Shell) {
    std::fs::create_dir(shell.path().join("data")).unwrap();
    let set = "environment = 'production'\n[identity]\nkek_file = 'kek'\n";
    std::fs::write(shell.path().join("data/cairn.toml"), set).unwrap();
}

fn keep(shell: &Shell, key: &str, mode: u32) {
    let file = shell.path().join("kek");
    std::fs::write(&file, key).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// As an aggregate with personal data would.
fn seal_something(shell: &Shell, key: &str) {
    let url = StoreUrl::Sqlite(shell.path().join("data/cairn.db"));
    let kek = KeyEncryptionKey::from_secret(key.as_bytes()).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let stores = Stores::open(&url).await.unwrap().sealing_with(kek);
        let state = r#"{"$open":{"subject":"u-1","value":"Ann"}}"#.to_owned();
        let snapshot = Snapshot { version: 1, shape: "guest.1".to_owned(), state };
        let guest = StreamKey::new(Uuid::from_u128(7), "guest", "u-1");
        stores.snapshots.save_snapshot(&guest, &snapshot).await.unwrap();
    });
}
