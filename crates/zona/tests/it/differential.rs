//! What CPython answers when it calls a function, and what comes of the same function and the same parameters in each of our ways to run
//! it: `zona run`, `zona transform`, and `zona sandbox exec` without a server. Limits and denials are left out: `corpus/differential.py`
//! says which calls these are.

use std::path::{Path, PathBuf};
use std::process::Command;

use api_proto::zona::execution::v1::execution_event::Event;
use api_proto::zona::execution::v1::execution_service_client::ExecutionServiceClient;
use api_proto::zona::execution::v1::transform_result::Outcome;
use api_proto::zona::execution::v1::{ExecuteUtilityRequest, Failure, TransformRequest};
use api_proto::zona::utility::v1::utility_service_client::UtilityServiceClient;
use api_proto::zona::utility::v1::{CreateUtilityRequest, Utility};
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::support::{Server, Source, run};

/// Every so many of the generated calls is made without a server, too: each costs a process and a pool of sandboxes.
const EXEC_EACH: usize = 16;

/// One call, with CPython's answer.
struct Case {
    name: String,
    code: String,
    /// The JSON text of a transformer's value.
    value: Option<String>,
    params: String,
    /// What a run takes, in which a transformer's value is a member.
    whole: String,
    expected: Answer,
}

/// What came of a call.
#[derive(Debug, PartialEq)]
enum Answer {
    Result(Value),
    Exception(String),
    /// Nothing ran: parameters are missing, or unknown.
    Refused,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_run_code_agrees_with_cpythons_own_call() {
    let cases = cases();
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("data"));
    let channel = Channel::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap();
    let mut differences = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let id = format!("case-{index}");
        create(&channel, &id, case).await;
        let mut seen = vec![("run", execute(&channel, &id, case).await)];
        if case.value.is_some() {
            seen.push(("transform", transform(&channel, &id, case).await));
        }
        if !case.name.starts_with("generated") || index % EXEC_EACH == 0 {
            seen.push(("sandbox exec", exec(case)));
        }
        let different = seen.into_iter().filter(|(_, answer)| *answer != case.expected);
        differences.extend(
            different
                .map(|(way, answer)| format!("{}: {way} answers {answer:?}, CPython {:?}\n{}", case.name, case.expected, case.shown())),
        );
    }
    assert!(cases.len() > 200, "{} cases", cases.len());
    assert!(differences.is_empty(), "{} of {} differ:\n{}", differences.len(), cases.len(), differences.join("\n"));
}

#[test]
fn each_file_that_is_not_called_says_why() {
    let directory = corpus().join("usage");
    let script = std::fs::read_to_string(corpus().join("differential.py")).unwrap();
    let reasons = std::fs::read_to_string(corpus().join("usage.txt")).unwrap();
    for file in std::fs::read_dir(directory).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let called = script.contains(&format!("(\"{name}\""));
        let excused = reasons.lines().any(|line| line.split_once(": ").is_some_and(|(file, reason)| file == name && !reason.is_empty()));
        assert!(called != excused, "{name}: called {called}, excused {excused}");
    }
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn cases() -> Vec<Case> {
    let done = Command::new("python3").args(["-I", "-B"]).arg(corpus().join("differential.py")).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let read: Vec<Value> = serde_json::from_slice(&done.stdout).unwrap();
    read.iter().map(Case::read).collect()
}

impl Case {
    fn read(case: &Value) -> Self {
        let text = |name: &str| case[name].as_str().unwrap().to_owned();
        let (code, params) = (text("code"), text("params"));
        let value = (case["entry"] == "transform").then(|| text("value"));
        let expected = match (case["fits"].as_bool().unwrap(), case.get("result"), case["exception"].as_str()) {
            (false, _, _) => Answer::Refused,
            (true, Some(result), _) => Answer::Result(result.clone()),
            (true, None, exception) => Answer::Exception(exception.unwrap().to_owned()),
        };
        let whole = value.as_ref().map_or_else(|| params.clone(), |value| with_value(&code, value, &params));
        Case { name: text("name"), code, value, params, whole, expected }
    }

    fn shown(&self) -> String {
        let function = self.code.split("\n\n\n").last().unwrap_or_default();
        format!("{function}  value {:?}, params {}\n", self.value, self.params)
    }
}

/// The parameters with the value among them: called `value`, unless a parameter is.
fn with_value(code: &str, value: &str, params: &str) -> String {
    let name = if code.contains("*, value: int") { "text" } else { "value" };
    let rest = params.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap();
    let comma = if rest.is_empty() { "" } else { "," };
    format!(r#"{{"{name}":{value}{comma}{rest}}}"#)
}

async fn create(channel: &Channel, id: &str, case: &Case) {
    let utility = Utility { code: case.code.clone(), ..Default::default() };
    let request =
        CreateUtilityRequest { parent: "tenants/demo".to_owned(), utility_id: id.to_owned(), utility: Some(utility), ..Default::default() };
    let created = UtilityServiceClient::new(channel.clone()).create_utility(request).await;
    created.unwrap_or_else(|status| panic!("{}: {status:?}\n{}", case.name, case.shown()));
}

fn name_of(id: &str) -> String {
    format!("tenants/demo/utilities/{id}")
}

async fn execute(channel: &Channel, id: &str, case: &Case) -> Answer {
    let request = ExecuteUtilityRequest { name: name_of(id), params_json: case.whole.clone(), ..Default::default() };
    let mut events = match ExecutionServiceClient::new(channel.clone()).execute_utility(request).await {
        Ok(events) => events.into_inner(),
        Err(status) => return refused(&status),
    };
    loop {
        match events.message().await {
            Ok(Some(event)) => {
                if let Some(Event::Finished(finished)) = event.event {
                    let execution = finished.execution.unwrap();
                    return answered(execution.failure.as_ref(), &execution.result_json);
                }
            }
            Ok(None) => panic!("{}: the stream ended early", case.name),
            Err(status) => return refused(&status),
        }
    }
}

async fn transform(channel: &Channel, id: &str, case: &Case) -> Answer {
    let values_json = case.value.iter().cloned().collect();
    let request = TransformRequest { name: name_of(id), params_json: case.params.clone(), values_json, ..Default::default() };
    match ExecutionServiceClient::new(channel.clone()).transform(request).await {
        Ok(response) => match response.into_inner().results.remove(0).outcome.unwrap() {
            Outcome::ResultJson(result) => answered(None, &result),
            Outcome::Failure(failure) => answered(Some(&failure), ""),
        },
        Err(status) => refused(&status),
    }
}

/// The same without a server.
fn exec(case: &Case) -> Answer {
    let source = Source::new("program.py", &case.code);
    let done = run(&["sandbox", "exec", source.path(), "--backend", "namespace", "-o", "json", "--params", &case.whole]);
    if done.code == 2 {
        return Answer::Refused;
    }
    let answer = done.json();
    match answer["exception"].as_str() {
        Some(exception) => Answer::Exception(exception.to_owned()),
        None => Answer::Result(answer["result"].clone()),
    }
}

fn refused(status: &Status) -> Answer {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    Answer::Refused
}

fn answered(failure: Option<&Failure>, result_json: &str) -> Answer {
    match failure {
        Some(failure) => Answer::Exception(if failure.exception.is_empty() { failure.reason.clone() } else { failure.exception.clone() }),
        None => Answer::Result(serde_json::from_str(result_json).unwrap_or_else(|error| panic!("{error} in {}", json!(result_json)))),
    }
}
