use std::process::Stdio;

use crate::shell::{Ran, Shell, fits};

const COMMANDS: [&str; 13] = [
    "serve",
    "migrate",
    "demo",
    "trace",
    "as-of",
    "rebuild",
    "parked",
    "transcribe",
    "model",
    "token",
    "config",
    "torture",
    "bench",
];

#[test]
fn help_names_every_command_and_each_command_teaches_with_examples() {
    let shell = Shell::new();
    let help = shell.cairn("--help").succeeds();
    fits(&help);
    for command in COMMANDS {
        assert!(help.contains(&format!("  {command} ")), "{command} is missing:\n{help}");
        let own = shell.cairn(&format!("{command} --help")).succeeds();
        fits(&own);
        assert!(own.contains("Examples:\n") && own.contains(&format!("  cairn {command}")), "{own}");
        assert_eq!(own, shell.cairn(&format!("help {command}")).succeeds());
    }
}

#[test]
fn without_a_command_cairn_tells_what_it_can_do() {
    assert!(Shell::new().cairn("").misuses().contains("Usage: cairn <COMMAND>"));
}

#[test]
fn a_misspelt_command_or_flag_is_answered_with_the_nearest_one() {
    let shell = Shell::new();
    assert!(shell.cairn("trac RAW").misuses().contains("'trace'"));
    assert!(shell.cairn("demo --dta x").misuses().contains("'--data'"));
}

#[test]
fn a_missing_log_is_told_with_what_to_do_and_nothing_is_made() {
    let shell = Shell::new();
    for question in ["rebuild", "parked list"] {
        let error = shell.cairn(&format!("{question} --data nowhere")).fails();
        assert!(error.starts_with("error: there is no log at nowhere/cairn.db\n"), "{error}");
        assert!(error.contains("try: cairn demo --data nowhere"), "{error}");
    }
    assert!(!shell.path().join("nowhere").exists());
}

#[test]
fn a_store_that_cannot_be_understood_names_the_forms_that_can() {
    let error = Shell::new().cairn("migrate --store mysql://x").misuses();
    assert!(error.contains("store is mysql://x (from --store)"), "{error}");
    assert!(error.contains("postgres://USER@HOST:PORT/DATABASE"), "{error}");
}

#[test]
fn a_file_that_is_no_log_is_refused_and_left_as_it_is() {
    let shell = Shell::new();
    let file = shell.path().join("notes.db");
    let text = "these are notes, not a log; ".repeat(200);
    std::fs::write(&file, &text).unwrap();
    let error = shell.cairn("migrate --store sqlite:notes.db").fails();
    assert!(error.starts_with("error: the log sqlite:notes.db cannot be opened\n  because: "), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_password_is_never_printed() {
    let shell = Shell::new();
    for (store, shown) in [
        ("postgres://cairn:s3cret@127.0.0.1:1/cairn", "postgres://cairn:***@127.0.0.1:1/cairn"),
        (
            "postgres://127.0.0.1:1/cairn?user=x&password=s3cret",
            "postgres://127.0.0.1:1/cairn?user=x&password=***",
        ),
    ] {
        for question in ["migrate", "rebuild", "parked list", "trace RAW --tenant demo", "config", "demo"] {
            let ran = shell.cairn(&format!("{question} --store {store}"));
            let all = format!("{}{}", ran.out, ran.err);
            assert!(!all.contains("s3cret"), "{question}: {all}");
            assert!(question != "migrate" || all.contains(shown), "{all}");
        }
    }
    let error = shell.cairn("config --store host=db,password=s3cret").misuses();
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn a_misspelt_variable_is_told_instead_of_being_ignored() {
    let shell = Shell::new();
    let ran = Ran::of(shell.command("config").env("CAIRN_LISTN", "x").output().unwrap());
    let error = ran.misuses();
    assert!(error.contains("CAIRN_LISTN") && error.contains("did you mean CAIRN_LISTEN?"), "{error}");
}

#[test]
fn config_shows_where_a_value_comes_from_and_hides_secrets() {
    let shell = Shell::new();
    let secret = "an-exceedingly-secret-secret-of-cairn";
    let ran = shell.command("config --data d --json").env("CAIRN_IDENTITY_SECRET", secret).output().unwrap();
    let out = Ran::of(ran).succeeds();
    assert!(!out.contains(secret));
    let values: serde_json::Value = serde_json::from_str(&out).unwrap();
    let value =
        |key: &str| values.as_array().unwrap().iter().find(|value| value["key"] == key).unwrap().clone();
    assert_eq!(
        (value("data")["value"].clone(), value("data")["origin"].clone()),
        ("d".into(), "--data".into())
    );
    assert_eq!(value("identity.secret")["value"], "***");
    fits(&shell.cairn("config").succeeds());
}

#[test]
fn an_example_configuration_can_be_used_as_it_is() {
    let shell = Shell::new();
    let example = shell.cairn("config --example").succeeds();
    std::fs::write(shell.path().join("example.toml"), example).unwrap();
    shell.cairn("config --config example.toml").succeeds();
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let shell = Shell::new();
    let mut child =
        shell.command("config --example").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
}
