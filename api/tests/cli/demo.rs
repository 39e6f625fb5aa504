use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

use crate::shell::{Shell, fits};

#[test]
fn an_interrupted_demo_says_so_and_goes_on_where_it_stopped() {
    let shell = Shell::new();
    let mut child = shell.command("demo").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    errors.read_line(&mut told).unwrap();
    assert!(told.starts_with("loading the demo plant"), "{told}");
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    errors.read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(told.contains("interrupted\n  try: cairn demo   goes on where it stopped\n"), "{told}");
    assert_eq!(shell.json("demo")["lots"], 548);
}

#[test]
fn the_demo_plant_is_loaded_once_and_tells_what_to_try() {
    let shell = Shell::new();
    let first = shell.cairn("demo --data plant").succeeds();
    fits(&first);
    assert!(first.contains("The demo plant is in sqlite:plant/cairn.db: 548 lots"), "{first}");
    assert!(first.contains("-DUNA-0001 --forward --data plant"), "{first}");
    let head = shell.json("migrate --data plant")["head"].clone();

    let again = shell.cairn("demo --data plant").succeeds();
    assert!(again.contains("was already in"), "{again}");
    assert_eq!(shell.json("migrate --data plant")["head"], head);
}

#[test]
fn the_demo_plant_answers_programs_too() {
    let plant = Shell::new().json("demo");
    assert_eq!(plant["tenant"], "ef4a6f81-8e6e-5c9b-b156-d9365f61532a");
    assert_eq!(plant["lots"], 548);
    assert!(plant["worth_trying"][0]["code"].as_str().unwrap().starts_with("RAW-"));
}
