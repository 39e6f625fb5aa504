use api::compose::ScratchDatabase;
use uuid::Uuid;

use crate::shell::Shell;

/// Everything that a shell asks of a log, asked of a database.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_database_answers_as_a_file_does() {
    let server = std::env::var("CAIRN_TEST_POSTGRES")
        .expect("CAIRN_TEST_POSTGRES names a server to make databases on");
    let name = format!("cairn_cli_{}", Uuid::now_v7().simple());
    let database = ScratchDatabase::create(&server, &name).await.unwrap();
    let url = database.url().to_owned();
    let asked = tokio::task::spawn_blocking(move || ask(&url)).await;
    database.remove().await.unwrap();
    asked.unwrap();
}

fn ask(url: &str) {
    let shell = Shell::new();
    let plant = shell.json(&format!("demo --store {url}"));
    let code = plant["worth_trying"][0]["code"].as_str().unwrap();
    assert_eq!(plant["lots"], 548);
    let head = shell.json(&format!("migrate --store {url}"))["head"].clone();
    assert_eq!(shell.json(&format!("demo --store {url}"))["commands_known"], plant["commands"]);
    assert_eq!(shell.json(&format!("migrate --store {url}"))["head"], head);

    let traced = shell.json(&format!("trace {code} --forward --store {url}"));
    assert_eq!(traced["lots"].as_array().unwrap().len(), 142);
    assert_eq!(
        shell.json(&format!("as-of lot {code} --version 1 --store {url}"))["state"]["state"]["status"],
        "CREATED"
    );
    shell.cairn(&format!("rebuild --store {url}")).succeeds();
    let again = shell.json(&format!("rebuild lot_board --store {url}"));
    assert_eq!((&again[0]["equal"], &again[0]["position"]), (&true.into(), &head));
    assert_eq!(shell.json(&format!("parked list --store {url}")), serde_json::json!([]));
    assert!(!shell.path().join("data").exists(), "nothing lies beside the database");
}
