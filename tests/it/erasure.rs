//! A person is erased while servers are killed between the steps: what was begun comes to its end with a later server, whoever had
//! asked is answered the same, and the log is proven.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::identity::v1 as identity;
use api_proto::zona::utility::v1 as utilities;
use e2e::{
    command::run,
    rpc::{TENANT, utility},
    server::{Backend, Server},
    workspace,
};
use executions::execution_service_client::ExecutionServiceClient;
use identity::identity_service_client::IdentityServiceClient;
use identity::issue_token_request::Credential;
use serde_json::Value;
use tonic::{Code, Request, Status, transport::Channel};
use utilities::utility_service_client::UtilityServiceClient;
use uuid::Uuid;

const PERSON: &str = "tenants/demo/users/zaphodine";
const DISPLAY_NAME: &str = "Zaphodine Quuxbury";
const PASSWORD: &str = "correct horse battery staple";
/// So many rows hold the name, each of which is replaced by a commit of its own: enough that a kill comes between them.
const EXECUTIONS: usize = 600;
/// For a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const CODE: &str = "def transform(value: str) -> str:\n    return value\n";

/// Whoever asks a server.
#[derive(Clone)]
struct Client {
    identity: IdentityServiceClient<Channel>,
    utilities: UtilityServiceClient<Channel>,
    executions: ExecutionServiceClient<Channel>,
}

impl Client {
    async fn at(server: &Server) -> Self {
        let endpoint = Channel::from_shared(format!("http://{}", server.address())).expect("the address is valid");
        let channel = endpoint.connect().await.expect("the server accepts connections");
        Client {
            identity: IdentityServiceClient::new(channel.clone()),
            utilities: UtilityServiceClient::new(channel.clone()),
            executions: ExecutionServiceClient::new(channel),
        }
    }

    async fn signs_in(&mut self) -> Result<String, Status> {
        let password = identity::PasswordCredential { user: PERSON.to_owned(), password: PASSWORD.to_owned() };
        let request = identity::IssueTokenRequest { credential: Some(Credential::Password(password)), browser: false };
        Ok(self.identity.issue_token(request).await?.into_inner().access_token)
    }

    async fn erases(&mut self, request_id: &str) -> Result<String, Status> {
        let request = identity::EraseSubjectRequest { name: PERSON.to_owned(), request_id: request_id.to_owned() };
        Ok(self.identity.erase_subject(request).await?.into_inner().name)
    }

    /// Whether the person's key is destroyed: the first step.
    async fn knows_nobody(&mut self) -> bool {
        match self.identity.get_user(identity::GetUserRequest { name: PERSON.to_owned() }).await {
            Ok(_) => false,
            Err(status) if status.code() == Code::NotFound => true,
            Err(other) => panic!("{other:?}"),
        }
    }

    /// How many executions are still called the person's.
    async fn named(&mut self) -> usize {
        let request = executions::ListExecutionsRequest { parent: TENANT.to_owned(), page_size: 1_000, ..Default::default() };
        let listed = self.executions.list_executions(request).await.expect("whoever administers may").into_inner().executions;
        assert_eq!(listed.len(), EXECUTIONS, "none is lost");
        listed.iter().filter(|execution| execution.caller == PERSON).count()
    }

    /// The person makes a utility and executes it.
    async fn lives(&mut self) {
        let display_name = DISPLAY_NAME.to_owned();
        let user =
            identity::User { display_name, password: PASSWORD.to_owned(), role: identity::Role::Creator.into(), ..Default::default() };
        let (parent, user_id) = (TENANT.to_owned(), "zaphodine".to_owned());
        let create = identity::CreateUserRequest { parent, user_id, user: Some(user), ..Default::default() };
        self.identity.create_user(create).await.expect("she is new");
        let token = self.signs_in().await.expect("the password is right");
        let made = utilities::Utility { code: CODE.to_owned(), ..Default::default() };
        let (parent, utility_id) = (TENANT.to_owned(), "hers".to_owned());
        let create = utilities::CreateUtilityRequest { parent, utility_id, utility: Some(made), ..Default::default() };
        self.utilities.create_utility(shown(&token, create)).await.expect("the code is fine");
        for number in 0..EXECUTIONS {
            let values_json = vec![format!("\"{number}\"")];
            let request = executions::TransformRequest { name: utility("hers"), values_json, ..Default::default() };
            self.executions.transform(shown(&token, request)).await.expect("it is hers");
        }
    }

    async fn owner(&mut self) -> String {
        let request = utilities::GetUtilityRequest { name: utility("hers") };
        self.utilities.get_utility(request).await.expect("it is there").into_inner().owner
    }
}

fn shown<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a token is ASCII"));
    request
}

/// The outcomes of the erasure, in order; the log verifies, and names nobody.
fn outcomes(server: &Server, directory: &Path) -> Vec<String> {
    let file = directory.join("log");
    run(server.zona().args(["audit", "export", "--out"]).arg(&file)).with_code(0);
    run(Command::new(workspace::zona()).args(["audit", "verify"]).arg(&file)).with_code(0);
    let export = fs::read_to_string(file).expect("it was written");
    assert!(!export.contains("zaphodine") && !export.contains("Quuxbury"), "{export}");
    let records = export.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
    let erasures = records.filter(|record| record["action"] == "user.erase");
    erasures.map(|record| record["outcome"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_was_killed_between_its_steps_comes_to_its_end_with_a_later_server() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let server = Server::on(data.path(), Backend::Namespace);
    let mut client = Client::at(&server).await;
    client.lives().await;
    assert_eq!(client.named().await, EXECUTIONS);

    // Killed once the key is destroyed, while names are replaced.
    let (mut erasing, request_id) = (client.clone(), Uuid::now_v7().to_string());
    let asked = request_id.clone();
    let cut_off = tokio::spawn(async move { erasing.erases(&asked).await });
    let begun = Instant::now();
    while !client.knows_nobody().await {
        assert!(begun.elapsed() < PATIENCE, "nothing was erased");
    }
    server.kill();
    let answer = cut_off.await.expect("it does not panic");

    // Killed again, while the next one goes on.
    let server = Server::on(data.path(), Backend::Namespace);
    let mut client = Client::at(&server).await;
    let first = client.named().await;
    assert!(client.knows_nobody().await, "what was destroyed stays so");
    server.kill();

    let server = Server::on(data.path(), Backend::Namespace);
    let mut client = Client::at(&server).await;
    let second = client.named().await;
    println!("{first} of {EXECUTIONS} names were left while the second server went on, and {second} while the third did: {answer:?}");
    assert!(answer.is_err() && 0 < second && second <= first, "no kill came between the steps");
    let begun = Instant::now();
    while client.named().await > 0 {
        assert!(begun.elapsed() < PATIENCE, "{} names are left", client.named().await);
    }
    let erased = client.erases(&request_id).await.expect("the first commit remembers the request");
    assert!(erased.starts_with("tenants/demo/users/erased-"), "{erased}");
    assert_eq!(client.owner().await, erased);
    assert_eq!(client.signs_in().await.expect_err("nobody is let in by that name").code(), Code::Unauthenticated);
    let outcomes = outcomes(&server, directory.path());
    server.stop();
    // What the first server had not recorded, the next one says that it does not know.
    assert_eq!(outcomes, ["INTENT", "UNKNOWN", "INTENT", "ALLOWED"]);
}
