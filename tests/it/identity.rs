//! Nobody is let in who does not show who they are: from the code of the first start to a token that outlives a restart.

use std::time::Duration;

use api_proto::zona::identity::v1::{
    BootstrapRequest, GetKeySetRequest, IssueTokenRequest, PasswordCredential, WhoAmIRequest,
    identity_service_client::IdentityServiceClient, issue_token_request::Credential,
};
use api_proto::zona::utility::v1::{ListUtilitiesRequest, utility_service_client::UtilityServiceClient};
use e2e::{
    host,
    rpc::TENANT,
    server::{Backend, Server},
};
use tonic::{Code, Request, Status, transport::Channel};

const STRICT: &str = "[identity]\nlocal_caller = false\n";
const PASSWORD: &str = "a password that nobody expects";
const CODE: &str = "zona_bootstrap_";

/// Somebody who talks to a server.
struct Somebody {
    identity: IdentityServiceClient<Channel>,
    utilities: UtilityServiceClient<Channel>,
}

impl Somebody {
    async fn at(server: &Server) -> Self {
        let endpoint = Channel::from_shared(format!("http://{}", server.address())).expect("the address is valid");
        let channel = endpoint.connect().await.expect("the server accepts connections");
        Somebody { identity: IdentityServiceClient::new(channel.clone()), utilities: UtilityServiceClient::new(channel) }
    }

    /// Lists utilities, and shows this.
    async fn lists(&mut self, authorization: Option<&str>) -> Result<usize, Status> {
        let request = ListUtilitiesRequest { parent: TENANT.into(), ..Default::default() };
        Ok(self.utilities.list_utilities(shown(request, authorization)).await?.into_inner().utilities.len())
    }

    async fn bootstraps(&mut self, code: &str) -> Result<String, Status> {
        let request = BootstrapRequest { code: code.into(), user_id: "root".into(), password: PASSWORD.into(), ..Default::default() };
        Ok(self.identity.bootstrap(request).await?.into_inner().name)
    }

    async fn signs_in(&mut self, password: &str) -> Result<String, Status> {
        let credential = PasswordCredential { user: "tenants/system/users/root".into(), password: password.into() };
        let request = IssueTokenRequest { credential: Some(Credential::Password(credential)), browser: false };
        Ok(self.identity.issue_token(request).await?.into_inner().access_token)
    }

    async fn is(&mut self, authorization: &str) -> String {
        let answer = self.identity.who_am_i(shown(WhoAmIRequest {}, Some(authorization))).await;
        answer.expect("who is known is told who they are").into_inner().principal
    }
}

fn shown<T>(message: T, authorization: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(text) = authorization {
        request.metadata_mut().insert("authorization", text.parse().expect("it is ASCII"));
    }
    request
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(answer: Result<T, Status>) {
    let refused = answer.expect_err("nobody is known by this");
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "the caller is not authenticated"), "{refused:?}");
}

/// The code that the server printed, without the words around it.
fn code(server: &Server) -> Option<String> {
    let line = server.printed().into_iter().find(|line| line.contains(CODE))?;
    Some(line[line.find(CODE)?..].trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_super_administrator_is_made_by_the_code_of_the_start_and_nobody_else_is_let_in() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let data = data.path().join("data");
    let server = Server::configured_on(&data, Backend::Namespace, STRICT);
    assert!(host::eventually(Duration::from_secs(5), || code(&server).is_some()), "no code was printed");
    let code_of_start = code(&server).expect("it was printed");
    let mut somebody = Somebody::at(&server).await;
    for shows in
        [None, Some("Bearer "), Some("Bearer e30.e30.AAAA"), Some("Basic cm9vdDpyb290"), Some("Bearer zona_key_aaaaaaaaaaaaaaaa_x")]
    {
        is_refused(somebody.lists(shows).await);
    }
    is_refused(somebody.signs_in(PASSWORD).await);
    is_refused(somebody.bootstraps("zona_bootstrap_guessed").await);
    assert_eq!(somebody.bootstraps(&code_of_start).await.expect("the code serves"), "tenants/system/users/root");
    is_refused(somebody.bootstraps(&code_of_start).await);
    is_refused(somebody.signs_in("another password than that").await);

    let token = somebody.signs_in(PASSWORD).await.expect("the password is right");
    let bearer = format!("Bearer {token}");
    assert_eq!(somebody.is(&bearer).await, "tenants/system/users/root");
    assert!(somebody.lists(Some(&bearer)).await.expect("a super administrator sees every tenant") > 0);
    is_refused(somebody.lists(Some(&format!("{bearer}x"))).await);
    let keys = somebody.identity.get_key_set(GetKeySetRequest {}).await.expect("anybody may have public keys").into_inner();
    assert!(keys.jwks_json.contains("\"Ed25519\"") && !keys.jwks_json.contains("\"d\""), "{}", keys.jwks_json);

    let printed = server.printed().join("\n");
    assert_eq!(printed.matches(CODE).count(), 1, "the code is shown once, and is in no line of the log");
    assert!(!printed.contains(PASSWORD) && !printed.contains(&token), "no secret is logged");
    server.stop();

    let server = Server::configured_on(&data, Backend::Namespace, STRICT);
    let mut somebody = Somebody::at(&server).await;
    assert_eq!(somebody.is(&bearer).await, "tenants/system/users/root", "keys and sessions outlive a restart");
    assert_eq!(code(&server), None, "there is a super administrator");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_not_used_is_void_with_the_next_start() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let data = data.path().join("data");
    let first = Server::configured_on(&data, Backend::Namespace, STRICT);
    assert!(host::eventually(Duration::from_secs(5), || code(&first).is_some()), "no code was printed");
    let unused = code(&first).expect("it was printed");
    first.stop();
    let second = Server::configured_on(&data, Backend::Namespace, STRICT);
    assert!(host::eventually(Duration::from_secs(5), || code(&second).is_some()), "no code was printed");
    let mut somebody = Somebody::at(&second).await;
    is_refused(somebody.bootstraps(&unused).await);
    assert!(somebody.bootstraps(&code(&second).expect("it was printed")).await.is_ok());
    second.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_local_caller_is_let_in_a_bad_credential_is_refused_all_the_same() {
    let server = Server::start();
    let mut somebody = Somebody::at(&server).await;
    assert!(somebody.lists(None).await.expect("the loopback interface is enough") > 0);
    for shows in ["Bearer ", "Bearer e30.e30.AAAA", "bearer zona_key_aaaaaaaaaaaaaaaa_x", "Basic cm9vdDpyb290", ""] {
        is_refused(somebody.lists(Some(shows)).await);
    }
    assert_eq!(code(&server), None, "nobody needs a code here");
    server.stop();
}
