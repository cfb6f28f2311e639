//! How documents look.

use api_proto::zona::execution::v1 as execution;

use super::message::{document, short};
use super::*;

fn json(document: &Document) -> String {
    serde_json::to_string(document).unwrap()
}

#[test]
fn json_texts_stand_as_json_with_every_digit() {
    let run = execution::Execution {
        name: "tenants/demo/executions/x".to_owned(),
        state: execution::ExecutionState::Succeeded.into(),
        result_json: "[9007199254740993, 1.10]".to_owned(),
        usage: Some(execution::Usage { wall_time: Some(prost_types::Duration { seconds: 0, nanos: 250_000_000 }), ..Default::default() }),
        create_time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 5_000_000 }),
        ..Default::default()
    };
    let text = json(&document(&run));
    assert!(text.contains(r#""state":"SUCCEEDED""#), "{text}");
    assert!(text.contains(r#""result":[9007199254740993, 1.10]"#), "{text}");
    assert!(text.contains(r#""wall_time":"0.25s""#), "{text}");
    assert!(text.contains(r#""create_time":"2023-11-14T22:13:20.005Z""#), "{text}");
    assert!(!text.contains("end_time") && !text.contains("failure\""), "what is not set is left out: {text}");
}

#[test]
fn output_that_is_not_text_is_base64_under_a_name_that_says_so() {
    let output = |data: &[u8]| execution::ExecutionEvent {
        sequence: 3,
        event: Some(execution::execution_event::Event::Output(execution::Output {
            stream: execution::OutputStream::Stderr.into(),
            offset: 0,
            data: data.to_vec().into(),
        })),
        ..Default::default()
    };
    assert_eq!(json(&document(&output("é".as_bytes()))), r#"{"sequence":3,"output":{"stream":"STDERR","offset":0,"data":"é"}}"#);
    assert!(json(&document(&output(&[0xff, 0]))).contains(r#""data_base64":"/wA=""#));
}

#[test]
fn values_of_an_enum_lose_its_name_only() {
    assert_eq!(short("ExecutionState", "EXECUTION_STATE_TIMED_OUT"), "TIMED_OUT");
    assert_eq!(short("UtilityKind", "SOMETHING_ELSE"), "SOMETHING_ELSE");
}

#[test]
fn a_text_that_is_not_json_stays_a_text() {
    assert_eq!(json(&Document::json("{")), r#""{""#);
}
