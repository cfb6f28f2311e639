//! The way to a server: one connection, deadlines on what answers once, and errors that say what to do.

use std::path::Path;
use std::time::Duration;

use api_proto::zona::access::v1::access_service_client::AccessServiceClient;
use api_proto::zona::audit::v1::audit_service_client::AuditServiceClient;
use api_proto::zona::event::v1::event_service_client::EventServiceClient;
use api_proto::zona::event::v1::webhook_service_client::WebhookServiceClient;
use api_proto::zona::execution::v1::execution_service_client::ExecutionServiceClient;
use api_proto::zona::identity::v1::identity_service_client::IdentityServiceClient;
use api_proto::zona::operation::v1::batch_service_client::BatchServiceClient;
use api_proto::zona::operation::v1::operation_service_client::OperationServiceClient;
use api_proto::zona::process::v1::process_service_client::ProcessServiceClient;
use api_proto::zona::runtime::v1::runtime_service_client::RuntimeServiceClient;
use api_proto::zona::schedule::v1::schedule_service_client::ScheduleServiceClient;
use api_proto::zona::secret::v1::secret_service_client::SecretServiceClient;
use api_proto::zona::server::v1::server_service_client::ServerServiceClient;
use api_proto::zona::tenant::v1::tenant_service_client::TenantServiceClient;
use api_proto::zona::utility::v1::code_policy_service_client::CodePolicyServiceClient;
use api_proto::zona::utility::v1::copy_service_client::CopyServiceClient;
use api_proto::zona::utility::v1::utility_service_client::UtilityServiceClient;
use tonic::transport::{Channel, Endpoint};

use crate::contexts::Session;
use crate::credential::Credential;
use crate::exit::Exit;
use crate::failure::{Failure, Result, chain};

pub mod address;
mod encrypted;
pub mod follow;
mod issued;
pub mod names;
pub mod paging;
pub mod repeated;
mod request;
pub mod resumed;
pub mod signed;

pub use request::soon;
use signed::Signed;

/// How long a connection may take to a server on this machine, or on the other side of the world.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const FAR_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer: a Transform call of many values, or a full page.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Things of a list that are asked for at once.
pub const PAGE: u32 = 200;

/// A connection to a server. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    channel: Signed,
}

impl Client {
    /// Connects; each call carries `credential`. `ca` names the authority of the server's certificate, where that is none of the
    /// system's.
    ///
    /// # Errors
    /// Nobody answers there, or somebody else does; or what is sent there could be read on the way; or what proves who calls has ended.
    pub async fn connect(server: &str, ca: Option<&Path>, credential: Credential) -> Result<Self> {
        // Also without a credential: what a call carries may be a password.
        address::keeps_secrets(server)?;
        let channel = Signed::new(channel(server, ca).await?, credential);
        // A session that has ended is told here, with what to do, and not by the call that comes first.
        channel.ready().await?;
        Ok(Client { channel })
    }

    /// The service that keeps utilities.
    pub fn utilities(&self) -> UtilityServiceClient<Signed> {
        UtilityServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER)
    }

    /// The service that copies utilities.
    pub fn copies(&self) -> CopyServiceClient<Signed> {
        CopyServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER)
    }

    /// The service that keeps code policies.
    pub fn policies(&self) -> CodePolicyServiceClient<Signed> {
        CodePolicyServiceClient::new(self.channel.clone())
    }

    /// The service that reads runtimes.
    pub fn runtimes(&self) -> RuntimeServiceClient<Signed> {
        RuntimeServiceClient::new(self.channel.clone())
    }

    /// The service that tells what the server says of itself.
    pub fn servers(&self) -> ServerServiceClient<Signed> {
        ServerServiceClient::new(self.channel.clone())
    }

    /// The session that calls prove who calls with, whose token still serves for so many seconds.
    ///
    /// # Errors
    /// There is none, it has ended, or its next token cannot be fetched.
    pub async fn session(&self, margin: u64) -> Result<Session> {
        self.channel.session(margin).await
    }

    /// The service that shares utilities.
    pub fn access(&self) -> AccessServiceClient<Signed> {
        AccessServiceClient::new(self.channel.clone())
    }

    /// The service that keeps tenants.
    pub fn tenants(&self) -> TenantServiceClient<Signed> {
        TenantServiceClient::new(self.channel.clone())
    }

    /// The service that reads audit logs.
    pub fn audit(&self) -> AuditServiceClient<Signed> {
        AuditServiceClient::new(self.channel.clone())
    }

    /// The service that tells what happens.
    pub fn events(&self) -> EventServiceClient<Signed> {
        EventServiceClient::new(self.channel.clone())
    }

    /// The service that keeps schedules.
    pub fn schedules(&self) -> ScheduleServiceClient<Signed> {
        ScheduleServiceClient::new(self.channel.clone())
    }

    /// The service that keeps named secrets.
    pub fn secrets(&self) -> SecretServiceClient<Signed> {
        SecretServiceClient::new(self.channel.clone())
    }

    /// The service that follows and stops long work.
    pub fn operations(&self) -> OperationServiceClient<Signed> {
        OperationServiceClient::new(self.channel.clone())
    }

    /// The service that starts many executions.
    pub fn batches(&self) -> BatchServiceClient<Signed> {
        BatchServiceClient::new(self.channel.clone())
    }

    /// The service that runs the platform's services.
    pub fn processes(&self) -> ProcessServiceClient<Signed> {
        ProcessServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER)
    }

    /// The service that keeps webhooks.
    pub fn webhooks(&self) -> WebhookServiceClient<Signed> {
        WebhookServiceClient::new(self.channel.clone())
    }

    /// The service that knows who calls.
    pub fn identity(&self) -> IdentityServiceClient<Signed> {
        IdentityServiceClient::new(self.channel.clone())
    }

    /// The service that runs them.
    pub fn executions(&self) -> ExecutionServiceClient<Signed> {
        ExecutionServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER)
    }
}

async fn channel(server: &str, ca: Option<&Path>) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(server.to_owned()).map_err(|error| Failure::usage(format!("server {server}: {error}")))?;
    let endpoint = endpoint.tcp_nodelay(true);
    let connected = match address::is_encrypted(server) {
        true => endpoint.connect_timeout(FAR_CONNECT_TIMEOUT).connect_with_connector(encrypted::connector(ca)?).await,
        false => endpoint.connect_timeout(CONNECT_TIMEOUT).connect().await,
    };
    connected.map_err(|error| {
        let text = chain(&error);
        let hint = match text.contains("invalid peer certificate") {
            true if text.contains("not valid for name") => "nothing was sent; name the server as its certificate does",
            true => "nothing was sent; --ca names a file with the authority that signs its certificates, where the system does not know it",
            false => "start one with `zona dev`, or name another with --server or ZONA_SERVER",
        };
        Failure::new(Exit::Unavailable, format!("no server answers at {server}: {text}")).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[tokio::test]
    async fn nothing_is_asked_in_plain_text_of_a_server_elsewhere() {
        for credential in [Credential::Absent, Credential::Key(Secret::new("zona_key_x"))] {
            let refused = Client::connect("http://10.0.0.1:7070", None, credential).await.err().expect("it is refused");
            assert!(refused.to_string().contains("10.0.0.1 is not this machine"), "{refused}");
        }
    }
}
