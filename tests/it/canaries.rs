//! Secrets leave no trace: passwords, keys, tokens, codes, named secrets and values of secret parameters are planted along every path, those that work
//! and those that do not, and then everything that the server, and the client commands, have written, sent and told is searched for
//! them, also encoded.
//!
//! No path is made to panic: nothing that a caller sends makes a server do so, and one with a hook for that would not be the one that is
//! shipped. What a panic says is a text of ours, and a `Secret` shows nothing of itself in any.

use std::{net::TcpListener, time::Duration};

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::identity::v1 as identity;
use api_proto::zona::utility::v1 as utilities;
use collector::Collector;
use e2e::{
    host,
    rpc::{TENANT, utility},
    server::{Backend, Server},
};
use executions::{ExecutionState, execution_event::Event, execution_service_client::ExecutionServiceClient, transform_result::Outcome};
use http::uri::PathAndQuery;
use identity::identity_service_client::IdentityServiceClient;
use identity::issue_token_request::Credential;
use prost_types::FieldMask;
use test_support::in_time;
use tonic::{Code, Request, Response, Status, Streaming, transport::Channel};
use tonic_prost::ProstCodec;
use utilities::utility_service_client::UtilityServiceClient;
use uuid::Uuid;
use written::{exported, spellings};
pub use written::{files, told_at};

mod collector;
mod commands;
mod databases;
mod named;
mod webhooks;
mod written;

/// Fewest secrets of the story.
const CANARIES: usize = 50;
const ROOT: &str = "tenants/system/users/root";
const ANN: &str = "tenants/demo/users/ann";
/// How an API key begins.
const KEY: &str = "zona_key_";
/// The name of what it has printed.
const OUTPUT: &str = "its output";
/// Prints, returns and raises what it is given.
const LEAKS: &str = r#"from typing import Annotated


def main(secret: Annotated[str, "secret"], fails: bool = False, more: Annotated[list[str], "secret"] = []) -> str:
    print("the secret is", secret, more)
    if fails:
        raise ValueError("wrong: " + secret)
    return secret
"#;
/// The same for the fast path.
const TRANSFORMS: &str = r#"from typing import Annotated


def transform(value: str, salt: Annotated[str, "secret"] = "") -> str:
    if value == "fail":
        raise ValueError(salt)
    return value + salt
"#;

/// What must be found nowhere, and what callers were told.
struct Story {
    channel: Channel,
    identity: IdentityServiceClient<Channel>,
    utilities: UtilityServiceClient<Channel>,
    executions: ExecutionServiceClient<Channel>,
    canaries: Vec<String>,
    told: Vec<Vec<u8>>,
}

impl Story {
    async fn at(server: &Server) -> Self {
        let channel = Channel::from_shared(format!("http://{}", server.address())).expect("the address is valid");
        let channel = channel.connect().await.expect("the server accepts connections");
        Story {
            identity: IdentityServiceClient::new(channel.clone()),
            utilities: UtilityServiceClient::new(channel.clone()),
            executions: ExecutionServiceClient::new(channel.clone()),
            channel,
            canaries: Vec::new(),
            told: Vec::new(),
        }
    }

    /// A new secret, with something before it.
    fn secret(&mut self, before: &str) -> String {
        // Its beginning is no secret: what identifies a key stands in lists.
        let canary = format!("Canary{}", Uuid::now_v7().simple()).chars().rev().collect::<String>();
        self.canaries.push(canary.clone());
        format!("{before}{canary}")
    }

    /// A secret that the server has made.
    fn made(&mut self, secret: &str) -> String {
        self.canaries.push(secret.to_owned());
        secret.to_owned()
    }

    /// What a call answered, which is told to whoever may make it.
    fn heard<T: std::fmt::Debug>(&mut self, answer: Result<Response<T>, Status>) -> Code {
        match answer {
            Ok(answer) => {
                self.told.push(format!("{answer:?}").into_bytes());
                Code::Ok
            }
            Err(status) => {
                self.told.push(format!("{status:?}").into_bytes());
                self.told.push(status.details().to_vec());
                status.code()
            }
        }
    }

    async fn signs_in(&mut self, user: &str, password: &str) -> Result<Response<identity::IssueTokenResponse>, Status> {
        let credential = identity::PasswordCredential { user: user.to_owned(), password: password.to_owned() };
        self.identity.issue_token(identity::IssueTokenRequest { credential: Some(Credential::Password(credential)), browser: false }).await
    }

    async fn sessions(&mut self, user: &str, password: &str) -> identity::IssueTokenResponse {
        let issued = self.signs_in(user, password).await.expect("the password is right").into_inner();
        self.made(&issued.access_token);
        self.made(&issued.refresh_token);
        issued
    }

    async fn creates(&mut self, by: &str, id: &str, password: &str, request_id: &str) -> Result<Response<identity::User>, Status> {
        let user = identity::User { password: password.to_owned(), role: identity::Role::Creator.into(), ..Default::default() };
        let request = identity::CreateUserRequest {
            parent: TENANT.to_owned(),
            user_id: id.to_owned(),
            user: Some(user),
            request_id: request_id.to_owned(),
        };
        self.identity.create_user(shown(by, request)).await
    }

    async fn changes(&mut self, by: &str, name: &str, now: &str, password: &str, etag: &str) -> Result<Response<identity::User>, Status> {
        let user = identity::User { name: name.to_owned(), password: password.to_owned(), etag: etag.to_owned(), ..Default::default() };
        let update_mask = Some(FieldMask { paths: vec!["password".to_owned()] });
        let (user, current_password) = (Some(user), now.to_owned());
        let request = identity::UpdateUserRequest { user, update_mask, current_password, ..Default::default() };
        self.identity.update_user(shown(by, request)).await
    }

    /// Whether a credential lets anybody in; where not, what was told is kept.
    async fn lets_in(&mut self, authorization: &str) -> bool {
        let mut request = Request::new(identity::WhoAmIRequest {});
        request.metadata_mut().insert("authorization", authorization.parse().expect("it is ASCII"));
        match self.identity.who_am_i(request).await {
            Ok(_) => true,
            Err(status) => {
                self.told.push(format!("{status:?}").into_bytes());
                false
            }
        }
    }

    /// Sends bytes that are no message of the method.
    async fn sends(&mut self, path: &'static str, by: &str, body: Vec<u8>) {
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.expect("the server is there");
        let codec = ProstCodec::<Vec<u8>, ()>::default();
        let answer = client.unary(shown(by, body), PathAndQuery::from_static(path), codec).await;
        self.heard(answer);
    }

    /// An execution to its end, or why it was refused.
    async fn executes(&mut self, by: &str, id: &str, params_json: String) -> Result<ExecutionState, Code> {
        let request = executions::ExecuteUtilityRequest { name: utility(id), params_json, ..Default::default() };
        match self.executions.execute_utility(shown(by, request)).await {
            Ok(stream) => Ok(self.watches(stream.into_inner(), by).await),
            refused => Err(self.heard(refused)),
        }
    }

    /// All that its caller and later ones are shown of an execution that has got a secret, which it has printed, and returned or raised.
    async fn watches(&mut self, mut events: Streaming<executions::ExecutionEvent>, by: &str) -> ExecutionState {
        let (mut printed, mut finished) = (Vec::new(), None);
        while let Some(event) = in_time(events.message()).await.expect("it comes to its end") {
            self.told.push(format!("{event:?}").into_bytes());
            match event.event {
                Some(Event::Output(output)) => printed.extend_from_slice(&output.data),
                Some(Event::Finished(end)) => finished = end.execution,
                _ => {}
            }
        }
        let execution = finished.expect("the last event is the end");
        let get = executions::GetExecutionRequest { name: execution.name.clone() };
        let answer = self.executions.get_execution(shown(by, get)).await;
        assert_eq!(self.heard(answer), Code::Ok);
        let printed = String::from_utf8_lossy(&printed);
        assert!(printed.contains("the secret is *** ["), "the code has got no secret: {printed}");
        let failure = execution.failure.as_ref().map(|failure| failure.message.as_str());
        match execution.state() {
            ExecutionState::Failed => assert!(failure.is_some_and(|message| message.contains("wrong: ***")), "{execution:?}"),
            _ => assert_eq!(execution.result_json, r#""***""#, "{execution:?}"),
        }
        execution.state()
    }

    /// What became of the one value, or why the call was refused.
    async fn transforms(&mut self, by: &str, id: &str, params_json: String, value: &str) -> Result<Option<Outcome>, Code> {
        let values_json = vec![value.to_owned()];
        let request = executions::TransformRequest { name: utility(id), params_json, values_json, ..Default::default() };
        let answer = self.executions.transform(shown(by, request)).await;
        let outcome = answer.as_ref().ok().and_then(|answer| answer.get_ref().results.first()?.outcome.clone());
        match self.heard(answer) {
            Code::Ok => Ok(outcome),
            refused => Err(refused),
        }
    }
}

fn shown<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a token is ASCII"));
    request
}

/// Passwords: given, changed, tried, and refused.
async fn passwords(story: &mut Story, root: &str) -> String {
    let password = story.secret("");
    let request_id = Uuid::now_v7().to_string();
    for _ in 0..2 {
        story.creates(root, "ann", &password, &request_id).await.expect("she is new, and the call is repeated");
    }
    let other = story.secret("");
    story.creates(root, "ann", &other, &request_id).await.expect("a password is no part of what is remembered");
    let long = "long".repeat(1_000);
    for (id, before) in [("ann", ""), ("bob", "holds-bob-"), ("Not A Name", ""), ("carl", long.as_str())] {
        let password = story.secret(before);
        let answer = story.creates(root, id, &password, "").await;
        story.heard(answer);
    }
    let ann = story.sessions(ANN, &password).await.access_token;
    let denied = story.secret("");
    let answer = story.creates(&ann, "dora", &denied, "").await;
    assert_eq!(story.heard(answer), Code::PermissionDenied);

    let (second, wrong, stale, absent) = (story.secret(""), story.secret(""), story.secret(""), story.secret(""));
    story.changes(&ann, ANN, &password, &second, "").await.expect("she knows hers");
    let ann = story.sessions(ANN, &second).await;
    let answer = story.changes(&ann.access_token, ANN, &wrong, &story.canaries[0].clone(), "").await;
    story.heard(answer);
    let answer = story.changes(root, ANN, "", &stale, "no-etag").await;
    story.heard(answer);
    let answer = story.changes(root, "tenants/demo/users/nobody", "", &absent, "").await;
    story.heard(answer);
    let answer = story.changes("none", ANN, &second, &absent, "").await;
    assert_eq!(story.heard(answer), Code::Unauthenticated);

    for user in [ANN, "tenants/demo/users/nobody", "no name at all"] {
        let tried = story.secret("");
        let answer = story.signs_in(user, &tried).await;
        story.heard(answer);
    }
    // Somebody types the password in the place of the name.
    let mistaken = story.secret("");
    let answer = story.signs_in(&mistaken, "x").await;
    story.heard(answer);
    let answer = story.signs_in(&format!("tenants/demo/users/{mistaken}"), "x").await;
    story.heard(answer);

    let refresh = identity::RefreshTokenRequest { refresh_token: ann.refresh_token.clone() };
    let next = story.identity.refresh_token(refresh.clone()).await.expect("it serves once").into_inner();
    story.made(&next.access_token);
    story.made(&next.refresh_token);
    let made_up = story.secret("zona_refresh_");
    for refresh_token in [made_up.clone(), format!("{}x", next.refresh_token), format!("{}.{made_up}", next.refresh_token)] {
        let answer = story.identity.refresh_token(identity::RefreshTokenRequest { refresh_token }).await;
        story.heard(answer);
    }
    // Used again, it ends the session.
    let answer = story.identity.refresh_token(refresh).await;
    story.heard(answer);
    story.sessions(ANN, &second).await.access_token
}

/// What a key begins with, and the secret behind it.
fn parts(key: &str) -> (String, &str) {
    let (id, secret) = key.strip_prefix(KEY).and_then(|rest| rest.split_once('_')).expect("a key has parts");
    (format!("{KEY}{id}"), secret)
}

/// Keys and tokens: shown rightly, wrongly, and where they do not belong.
async fn credentials(story: &mut Story, root: &str) {
    let create = identity::CreateServiceAccountRequest {
        parent: TENANT.to_owned(),
        service_account_id: "ci".to_owned(),
        service_account: Some(identity::ServiceAccount { role: identity::Role::User.into(), ..Default::default() }),
        ..Default::default()
    };
    let account = story.identity.create_service_account(shown(root, create)).await.expect("it is new").into_inner().name;
    let mut keys = Vec::new();
    for _ in 0..2 {
        let create = identity::CreateApiKeyRequest { parent: account.clone(), ..Default::default() };
        keys.push(story.identity.create_api_key(shown(root, create)).await.expect("there is room").into_inner());
    }
    for key in &keys {
        let secret = story.made(&key.secret);
        // Its last part alone is the secret; what stands before it names the key.
        story.made(parts(&secret).1);
        assert!(story.lets_in(&format!("Bearer {secret}")).await);
        let issue = identity::IssueTokenRequest { credential: Some(Credential::ApiKey(secret.clone())), browser: false };
        let issued = story.identity.issue_token(issue).await.expect("a key signs in").into_inner();
        story.made(&issued.access_token);
        story.made(&issued.refresh_token);
        let issue = identity::IssueTokenRequest { credential: Some(Credential::ApiKey(secret.clone())), browser: true };
        let of_browser = story.identity.issue_token(issue).await.expect("a browser signs in, too").into_inner().session_secret;
        story.made(&of_browser);
        assert!(story.lets_in(&format!("Bearer {of_browser}")).await);
        let named = utilities::GetUtilityRequest { name: secret.clone() };
        let answer = story.utilities.get_utility(shown(root, named)).await;
        story.heard(answer);
    }
    let revoked = keys[1].api_key.as_ref().expect("a key is described").name.clone();
    let revoke = identity::RevokeApiKeyRequest { name: revoked, ..Default::default() };
    story.identity.revoke_api_key(shown(root, revoke)).await.expect("it is there");
    let void = keys[1].secret.clone();
    assert!(!story.lets_in(&format!("Bearer {void}")).await);
    let id = parts(&keys[0].secret).0;
    for before in [
        format!("Bearer {id}_"),
        "Bearer zona_key_".to_owned(),
        "Bearer ".to_owned(),
        "Basic ".to_owned(),
        String::new(),
        "Bearer eyJhbGciOiJub25lIn0.".to_owned(),
        format!("Bearer {root}."),
    ] {
        let shown = story.secret(&before);
        assert!(!story.lets_in(&shown).await, "{before}");
    }
    for before in ["zona_key_", "", id.as_str()] {
        let api_key = story.secret(before);
        let answer =
            story.identity.issue_token(identity::IssueTokenRequest { credential: Some(Credential::ApiKey(api_key)), browser: false }).await;
        story.heard(answer);
    }
    for _ in 0..2 {
        let (code, password) = (story.secret("zona_bootstrap_"), story.secret(""));
        let bootstrap = identity::BootstrapRequest { code, user_id: "eve".to_owned(), password, ..Default::default() };
        let answer = story.identity.bootstrap(bootstrap).await;
        story.heard(answer);
    }
}

/// Values of secret parameters: handed to code that prints, returns and raises them, and refused before.
async fn parameters(story: &mut Story, by: &str, stranger: &str) {
    for (id, code) in [("leaks", LEAKS), ("transforms", TRANSFORMS)] {
        let made = utilities::Utility { code: code.to_owned(), ..Default::default() };
        let (parent, utility_id) = (TENANT.to_owned(), id.to_owned());
        let create = utilities::CreateUtilityRequest { parent, utility_id, utility: Some(made), ..Default::default() };
        story.utilities.create_utility(shown(by, create)).await.expect("the code is fine");
    }
    for (fails, end) in [(false, ExecutionState::Succeeded), (true, ExecutionState::Failed)] {
        let (secret, more) = (story.secret(""), story.secret(""));
        let params = format!(r#"{{"secret": "{secret}", "fails": {fails}, "more": ["{more}"]}}"#);
        assert_eq!(story.executes(by, "leaks", params).await, Ok(end));
    }
    for form in [
        r#"{"secret": 1, "more": "CANARY"}"#,
        r#"{"secret": ["CANARY"]}"#,
        r#"{"secret": "CANARY", "fails": "CANARY"}"#,
        r#"{"secret": "CANARY", "unknown": "CANARY"}"#,
        r#"{"secret": "CANARY""#,
        r#"{"secret": "CANARY", "secret": "CANARY"}"#,
        r#""CANARY""#,
        "CANARY",
    ] {
        let canary = story.secret("");
        assert_eq!(story.executes(by, "leaks", form.replace("CANARY", &canary)).await, Err(Code::InvalidArgument), "{form}");
    }
    for (who, id) in [(by, "absent"), (stranger, "leaks"), ("nobody", "leaks")] {
        let params = format!(r#"{{"secret": "{}"}}"#, story.secret(""));
        assert!(story.executes(who, id, params).await.is_err(), "{who} {id}");
    }
    let start = executions::StartExecutionRequest {
        name: utility("leaks"),
        params_json: format!(r#"{{"secret": "{}"}}"#, story.secret("")),
        request_id: Uuid::now_v7().to_string(),
        ..Default::default()
    };
    for _ in 0..2 {
        let started = story.executions.start_execution(shown(by, start.clone())).await.expect("it starts, and is repeated");
        story.told.push(format!("{started:?}").into_bytes());
        let watch = executions::WatchExecutionRequest { name: started.into_inner().name, ..Default::default() };
        let events = story.executions.watch_execution(shown(by, watch)).await.expect("it is there").into_inner();
        assert_eq!(story.watches(events, by).await, ExecutionState::Succeeded);
    }
    transforms(story, by).await;
}

async fn transforms(story: &mut Story, by: &str) {
    let salt = |story: &mut Story| format!(r#"{{"salt": "{}"}}"#, story.secret(""));
    let params = salt(story);
    let salted = story.transforms(by, "transforms", params, r#""a""#).await;
    assert_eq!(salted, Ok(Some(Outcome::ResultJson(r#""a***""#.to_owned()))));
    let params = salt(story);
    let raised = story.transforms(by, "transforms", params, r#""fail""#).await;
    assert!(matches!(&raised, Ok(Some(Outcome::Failure(failure))) if failure.message.contains("***")), "{raised:?}");
    let params = salt(story);
    let no_text = story.transforms(by, "transforms", params, "7").await;
    assert!(!matches!(no_text, Ok(None)), "{no_text:?}");
    let params = salt(story);
    assert_eq!(story.transforms(by, "transforms", params, "{").await, Err(Code::InvalidArgument));
    let params = format!(r#"{{"salt": {{"{}": 1}}}}"#, story.secret(""));
    assert_eq!(story.transforms(by, "transforms", params, r#""a""#).await, Err(Code::InvalidArgument));
}

/// Bodies that cannot be read, and headers that nobody asks for.
async fn refusals(story: &mut Story, root: &str) {
    for path in [
        "/zona.identity.v1.IdentityService/IssueToken",
        "/zona.identity.v1.IdentityService/RefreshToken",
        "/zona.identity.v1.IdentityService/Bootstrap",
        "/zona.identity.v1.IdentityService/CreateUser",
        "/zona.execution.v1.ExecutionService/Transform",
    ] {
        let mut body = story.secret("").into_bytes();
        // No text, where the method reads one.
        body.push(0xff);
        story.sends(path, root, body).await;
    }
    for header in ["x-api-key", "cookie", "proxy-authorization", "zona-token", "authorization"] {
        let mut request = Request::new(utilities::GetUtilityRequest { name: utility("absent") });
        let value = story.secret("Bearer ");
        request.metadata_mut().insert(header, value.parse().expect("it is ASCII"));
        let answer = story.utilities.get_utility(request).await;
        assert_eq!(story.heard(answer), Code::Unauthenticated, "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_found_in_anything_that_a_server_or_a_command_has_written_or_told() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let data = directory.path().join("data");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free");
    let traces = Collector::default();
    let endpoint = traces.serve().await;
    let toml = format!(
        "admin_listen = \"{free}\"\n[log]\nfilter = \"trace\"\n[otlp]\nendpoint = \"{endpoint}\"\n[identity]\nlocal_caller = false\n{}",
        webhooks::SETTINGS
    );
    let server = Server::configured_on(&data, Backend::Namespace, &toml);
    assert!(host::eventually(Duration::from_secs(10), || server.said("zona_bootstrap_").is_some()), "no code is printed");
    let code = server.said("zona_bootstrap_").expect("it was there just now");

    let mut story = Story::at(&server).await;
    let password = story.secret("");
    let bootstrap =
        identity::BootstrapRequest { code: code.clone(), user_id: "root".to_owned(), password: password.clone(), ..Default::default() };
    story.identity.bootstrap(bootstrap.clone()).await.expect("the code serves");
    let answer = story.identity.bootstrap(bootstrap).await;
    story.heard(answer);
    let root = story.sessions(ROOT, &password).await.access_token;
    let receiver = webhooks::Receiver::default();
    webhooks::secrets(&mut story, &root, &receiver.listen()).await;
    let ann = passwords(&mut story, &root).await;
    credentials(&mut story, &root).await;
    parameters(&mut story, &root, &ann).await;
    named::secrets(&mut story, &root, &ann).await;
    refusals(&mut story, &root).await;
    databases::passwords(&mut story, &root).await;
    for message in webhooks::arrives(&receiver) {
        story.told.push(message.into_bytes());
    }
    let person = commands::story(&mut story, &server, &password);
    assert!(story.canaries.len() >= CANARIES, "{}", story.canaries.len());

    let mut written = vec![("metrics".to_owned(), told_at(&free.to_string(), "/metrics"))];
    for (tenant, readable) in [("demo", false), ("demo", true), ("acme", true), ("system", false), ("system", true)] {
        written.push((format!("the log of {tenant}"), exported(&server, &root, tenant, readable).await));
    }
    // What was not merged yet into the database stands in its log.
    written.extend(files(&data));
    let printed = server.printed();
    server.stop();
    let received = traces.received();
    assert!(String::from_utf8_lossy(&received).contains("IssueToken"), "{} bytes of traces", received.len());
    written.push(("its traces".to_owned(), received));
    written.push((OUTPUT.to_owned(), printed.join("\n").into_bytes()));
    written.extend(files(&data));
    written.extend(person.left());
    written.extend(story.told.drain(..).map(|told| ("an answer".to_owned(), told)));

    let written: Vec<(String, String)> =
        written.into_iter().map(|(name, bytes)| (name, String::from_utf8_lossy(&bytes).into_owned())).collect();
    let bytes: usize = written.iter().map(|(_, text)| text.len()).sum();
    assert!(written.iter().any(|(_, text)| text.contains("SQLite format 3")) && bytes > 1_000_000, "{bytes} bytes");
    let mut found = Vec::new();
    for canary in &story.canaries {
        let spellings = spellings(canary);
        let holding = written.iter().filter(|(_, text)| spellings.iter().any(|spelling| text.contains(spelling)));
        found.extend(holding.map(|(name, _)| format!("{canary} in {name}")));
    }
    let others = written.iter().filter(|(name, text)| name != OUTPUT && text.contains(&code));
    found.extend(others.map(|(name, _)| format!("the code of the start in {name}")));
    let shown = printed.iter().filter(|line| line.contains(&code)).count();
    assert!(found.is_empty() && shown == 1, "{shown} lines with the code\n{}", found.join("\n"));
    println!("{} secrets in {} texts of {bytes} bytes: none was found", story.canaries.len(), written.len());
}
