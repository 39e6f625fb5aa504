use std::convert::Infallible;

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Booked {
    name: Personal<String>,
    guests: Vec<Personal<String>>,
    seats: u8,
}

fn booked() -> Booked {
    Booked {
        name: Personal::of("ann", "Ann \"$open\"".to_owned()),
        guests: vec![Personal::of("bob", "Bob".to_owned()), Personal::erased("cecil")],
        seats: 3,
    }
}

fn open() -> String {
    in_the_open(|| serde_json::to_string(&booked())).unwrap()
}

#[test]
fn nothing_writes_personal_data_but_who_says_so() {
    assert!(serde_json::to_string(&booked()).is_err());
    assert!(is_open(&open()));
    assert!(serde_json::to_string(&booked()).is_err(), "the door is closed behind");
    assert_eq!(format!("{:?}", booked().name), "Personal(of ann)");
}

#[test]
fn only_a_key_tells_of_personal_data_and_no_text_that_somebody_writes() {
    for text in ["$open", "\"$open\"", "\"$open\":", "$open\":", "$seal", "\"$seal\":{}"] {
        let written = serde_json::json!({ "name": text, "notes": [text], "a": { "b": text, "c": 1 } });
        let written = written.to_string();
        assert!(!is_open(&written) && !is_sealed(&written), "{written}");
    }
    let pretty = in_the_open(|| serde_json::to_string_pretty(&booked())).unwrap();
    assert!(is_open(&pretty), "however the text is spaced");
}

#[test]
fn what_is_sealed_and_opened_again_is_the_same() {
    let mut seen = Vec::new();
    let sealed = seal_text::<Infallible>(&open(), |held| {
        seen.push((held.subject.to_owned(), held.path.to_owned()));
        Ok(held.content.map(|value| value.to_string().chars().rev().collect::<String>().into()))
    });
    let sealed = sealed.unwrap();
    let at = |subject: &str, path: &str| (subject.to_owned(), path.to_owned());
    assert_eq!(seen, [at("bob", "guests.0"), at("cecil", "guests.1"), at("ann", "name")]);
    assert!(is_sealed(&sealed) && !is_open(&sealed) && !sealed.contains("Bob"), "{sealed}");
    let signs = ["bob", "ann", "an", "nn"].map(|subject| sealed.contains(&sealed_sign(subject)));
    assert_eq!(signs, [true, true, false, false]);
    assert!(serde_json::from_str::<Booked>(&sealed).is_err(), "sealed data is not taken for anything else");
    let subjects = subjects(&sealed);
    assert_eq!(subjects.iter().map(|subject| &**subject).collect::<Vec<_>>(), ["bob", "cecil", "ann"]);
    let opened = open_text::<Infallible>(&sealed, |held| {
        let text = held.content.and_then(Value::as_str);
        Ok(text.map(|text| serde_json::from_str(&text.chars().rev().collect::<String>()).unwrap()))
    });
    assert_eq!(serde_json::from_str::<Booked>(&opened.unwrap()).unwrap(), booked());
}

#[test]
fn whoever_may_see_it_is_shown_the_value_alone() {
    let shown = shown(serde_json::from_str(&open()).unwrap());
    let told = serde_json::json!({ "name": "Ann \"$open\"", "guests": ["Bob", ERASED], "seats": 3 });
    assert_eq!(shown, told);
}

#[test]
fn what_did_not_open_is_shown_to_nobody() {
    let sealed = r#"{"name":{"$seal":{"subject":"ann","value":{"key":1,"nonce":"bm9uY2U","text":"Y2lwaGVy"}}},
                     "guests":[{"$seal":{"subject":"bob"}}],"seats":3}"#;
    let told = serde_json::json!({ "name": null, "guests": [ERASED], "seats": 3 });
    assert_eq!(shown(serde_json::from_str(sealed).unwrap()), told);
}

#[test]
fn who_may_see_nothing_personal_sees_all_the_rest() {
    let shown = masked(&booked()).unwrap();
    assert_eq!(shown["seats"], 3);
    assert_eq!(shown["name"], serde_json::json!({ "$seal": { "subject": "ann" } }));
    assert!(!shown.to_string().contains("Bob"), "{shown}");
}

#[test]
fn what_was_erased_reads_so() {
    let opened = open_text::<Infallible>(
        r#"{"name":{"$seal":{"subject":"ann","value":{}}},"guests":[],"seats":1}"#,
        |_held| Ok(None),
    );
    let read: Booked = serde_json::from_str(&opened.unwrap()).unwrap();
    assert_eq!((read.name.value(), read.name.shown().as_str()), (None, "ERASED"));
    assert_eq!(read.name.subject(), "ann");
}
