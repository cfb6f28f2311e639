//! Named secrets: set, replaced, handed to code that prints, returns and raises them, and refused in every way.

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::secret::v1 as secrets;
use e2e::rpc::utility;
use executions::ExecutionState;
use secrets::secret_service_client::SecretServiceClient;
use tonic::Code;
use uuid::Uuid;

use super::{Story, shown};

const NAME: &str = "tenants/demo/secrets/named";

/// Of the utilities that the story has made, the one that gives away what it gets.
pub(super) async fn secrets(story: &mut Story, by: &str, stranger: &str) {
    let mut client = SecretServiceClient::new(story.channel.clone());
    let (long, request_id) = ("long".repeat(20_000), Uuid::now_v7().to_string());
    for (who, name, before, request_id, code) in [
        (by, NAME, "", request_id.as_str(), Code::Ok),
        (by, NAME, "", request_id.as_str(), Code::FailedPrecondition),
        (by, NAME, "", "", Code::Ok),
        (by, NAME, "", "no-uuid", Code::InvalidArgument),
        (by, NAME, long.as_str(), "", Code::InvalidArgument),
        (by, "tenants/demo/secrets/Not An Id", "", "", Code::InvalidArgument),
        (stranger, NAME, "", "", Code::PermissionDenied),
        ("nobody", NAME, "", "", Code::Unauthenticated),
    ] {
        let (value, request_id) = (story.secret(before), request_id.to_owned());
        let request = secrets::SetSecretRequest { name: name.to_owned(), value, request_id, ..Default::default() };
        let answer = client.set_secret(shown(who, request)).await;
        assert_eq!(story.heard(answer), code, "{name}");
    }
    for (fails, end) in [(false, ExecutionState::Succeeded), (true, ExecutionState::Failed)] {
        let request = executions::ExecuteUtilityRequest {
            name: utility("leaks"),
            params_json: format!(r#"{{"fails": {fails}}}"#),
            secret_parameters: [("secret".to_owned(), NAME.to_owned())].into(),
            ..Default::default()
        };
        let events = story.executions.execute_utility(shown(by, request)).await.expect("an administrator binds any");
        assert_eq!(story.watches(events.into_inner(), by).await, end);
    }
    for (parameter, bound, code) in [
        ("secret", "tenants/demo/secrets/absent", Code::PermissionDenied),
        ("secret", "tenants/acme/secrets/named", Code::PermissionDenied),
        ("fails", NAME, Code::InvalidArgument),
    ] {
        let request = executions::StartExecutionRequest {
            name: utility("leaks"),
            params_json: format!(r#"{{"more": ["{}"]}}"#, story.secret("")),
            secret_parameters: [(parameter.to_owned(), bound.to_owned())].into(),
            ..Default::default()
        };
        let answer = story.executions.start_execution(shown(by, request)).await;
        assert_eq!(story.heard(answer), code, "{parameter} {bound}");
    }
    let answer = client.get_secret(shown(by, secrets::GetSecretRequest { name: NAME.to_owned() })).await;
    assert_eq!(story.heard(answer), Code::Ok);
    let list = secrets::ListSecretsRequest { parent: "tenants/demo".to_owned(), ..Default::default() };
    let answer = client.list_secrets(shown(by, list)).await;
    assert_eq!(story.heard(answer), Code::Ok);
    // It stays: what is searched holds it in every form in which it is kept.
}
