//! The calls that are measured, through the generated clients.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use api_proto::zona::execution::v1 as execution;
use api_proto::zona::execution::v1::execution_event::Event;
use api_proto::zona::execution::v1::execution_service_client::ExecutionServiceClient;
use api_proto::zona::execution::v1::transform_result::Outcome;
use api_proto::zona::utility::v1 as utility;
use api_proto::zona::utility::v1::utility_service_client::UtilityServiceClient;
use domain::sandbox::Isolation;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;

/// The tenant that `zona dev` seeds.
pub const TENANT: &str = "tenants/demo";

/// How long after its answer the end of an execution may be stored.
const END_IS_STORED: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);

/// A client of both services.
#[derive(Clone)]
pub struct Client {
    utilities: UtilityServiceClient<Channel>,
    executions: ExecutionServiceClient<Channel>,
    authorization: Option<MetadataValue<Ascii>>,
    request_id: Option<MetadataValue<Ascii>>,
}

// === impl Client ===

impl Client {
    /// A client on a connection.
    pub fn new(channel: Channel) -> Self {
        Client {
            utilities: UtilityServiceClient::new(channel.clone()),
            executions: ExecutionServiceClient::new(channel),
            authorization: None,
            request_id: None,
        }
    }

    /// The same client, showing an access token where it gets utilities and transforms values.
    ///
    /// # Errors
    /// When it is no token.
    pub fn showing(self, token: &str) -> anyhow::Result<Self> {
        Ok(Client { authorization: Some(format!("Bearer {token}").parse()?), ..self })
    }

    /// The same client, giving its gets and transforms this request id.
    ///
    /// # Errors
    /// When it is none.
    pub fn under(self, request_id: &str) -> anyhow::Result<Self> {
        Ok(Client { request_id: Some(request_id.parse()?), ..self })
    }

    fn shown<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        if let Some(request_id) = &self.request_id {
            request.metadata_mut().insert("x-request-id", request_id.clone());
        }
        request
    }

    /// Creates a utility and answers its name.
    ///
    /// # Errors
    /// The server's.
    pub async fn create(&self, id: &str, code: &str, tags: Vec<String>) -> anyhow::Result<String> {
        let utility = utility::Utility {
            code: code.to_owned(),
            description: "made by the benchmarks".to_owned(),
            tags,
            ..utility::Utility::default()
        };
        let request = utility::CreateUtilityRequest {
            parent: TENANT.to_owned(),
            utility_id: id.to_owned(),
            utility: Some(utility),
            ..utility::CreateUtilityRequest::default()
        };
        let created = self.utilities.clone().create_utility(request).await.with_context(|| format!("CreateUtility {id}"))?;
        Ok(created.into_inner().name)
    }

    /// Creates a utility with an isolation and a wall limit.
    ///
    /// # Errors
    /// The server's.
    pub async fn create_limited(&self, id: &str, code: &str, isolation: Isolation, wall: Duration) -> anyhow::Result<()> {
        let isolation = match isolation {
            Isolation::TenantWarm => utility::Isolation::TenantWarm,
            Isolation::SingleUse => utility::Isolation::SingleUse,
            Isolation::OneShot => utility::Isolation::OneShot,
        };
        let limits = utility::Limits { timeout: Some(wall.try_into()?), ..utility::Limits::default() };
        let utility =
            utility::Utility { code: code.to_owned(), isolation: isolation.into(), limits: Some(limits), ..utility::Utility::default() };
        let request = utility::CreateUtilityRequest {
            parent: TENANT.to_owned(),
            utility_id: id.to_owned(),
            utility: Some(utility),
            ..utility::CreateUtilityRequest::default()
        };
        self.utilities.clone().create_utility(request).await.with_context(|| format!("CreateUtility {id}"))?;
        Ok(())
    }

    /// Deletes a utility.
    ///
    /// # Errors
    /// The server's.
    pub async fn delete(&self, name: &str) -> anyhow::Result<()> {
        let request = utility::DeleteUtilityRequest { name: name.to_owned(), ..utility::DeleteUtilityRequest::default() };
        self.utilities.clone().delete_utility(request).await.context("DeleteUtility")?;
        Ok(())
    }

    /// One utility.
    ///
    /// # Errors
    /// The server's.
    pub async fn get(&self, name: &str) -> anyhow::Result<utility::Utility> {
        let request = utility::GetUtilityRequest { name: name.to_owned() };
        Ok(self.utilities.clone().get_utility(self.shown(request)).await.context("GetUtility")?.into_inner())
    }

    /// One page.
    ///
    /// # Errors
    /// The server's.
    pub async fn list(&self, request: utility::ListUtilitiesRequest) -> anyhow::Result<utility::ListUtilitiesResponse> {
        Ok(self.utilities.clone().list_utilities(request).await.context("ListUtilities")?.into_inner())
    }

    /// Transforms values and answers the execution's name; every value must succeed.
    ///
    /// # Errors
    /// The server's, or the first failed value's.
    pub async fn transform(&self, name: &str, values: Vec<String>) -> anyhow::Result<Transformed> {
        let count = values.len();
        let request = execution::TransformRequest { name: name.to_owned(), values_json: values, ..execution::TransformRequest::default() };
        let response = self.executions.clone().transform(self.shown(request)).await.context("Transform")?.into_inner();
        let done = Instant::now();
        anyhow::ensure!(response.results.len() == count, "{} results for {count} values", response.results.len());
        for result in response.results {
            anyhow::ensure!(matches!(result.outcome, Some(Outcome::ResultJson(_))), "a value failed: {:?}", result.outcome);
        }
        Ok(Transformed { execution: response.execution, done })
    }

    /// Microseconds that an execution took from hand-over to result. Waits for its end, which is stored behind the answer.
    ///
    /// # Errors
    /// The server's, or when the execution has no usage.
    pub async fn sandbox_micros(&self, name: &str) -> anyhow::Result<f64> {
        let patience = Instant::now() + END_IS_STORED;
        loop {
            let request = execution::GetExecutionRequest { name: name.to_owned() };
            let execution = self.executions.clone().get_execution(request).await.context("GetExecution")?.into_inner();
            if let Some(wall) = execution.usage.and_then(|usage| usage.wall_time) {
                return Ok(wall.seconds as f64 * 1e6 + f64::from(wall.nanos) / 1e3);
            }
            anyhow::ensure!(Instant::now() < patience, "the execution has no usage: {execution:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Executes a script and hands each piece of output with its moment to `seen`, until it finished.
    ///
    /// # Errors
    /// The server's, or when the stream ends early.
    pub async fn execute(&self, name: &str, mut seen: impl FnMut(&[u8], std::time::SystemTime)) -> anyhow::Result<()> {
        let request = execution::ExecuteUtilityRequest { name: name.to_owned(), ..execution::ExecuteUtilityRequest::default() };
        let mut stream = self.executions.clone().execute_utility(request).await.context("ExecuteUtility")?.into_inner();
        while let Some(event) = stream.message().await.context("ExecuteUtility")? {
            match event.event {
                Some(Event::Output(output)) => seen(&output.data, std::time::SystemTime::now()),
                Some(Event::Finished(finished)) => {
                    let execution = finished.execution.context("the last event has no execution")?;
                    let state = execution.state();
                    anyhow::ensure!(state == execution::ExecutionState::Succeeded, "it ended {state:?}: {:?}", execution.failure);
                    return Ok(());
                }
                _ => {}
            }
        }
        anyhow::bail!("the stream ended without a last event")
    }

    /// Executes a script to its end, or cancels it once it has printed something. Answers the reason; empty for a success.
    ///
    /// # Errors
    /// The server's, or when the stream ends early.
    pub async fn reason(&self, name: &str, cancel: bool) -> anyhow::Result<String> {
        let request = execution::ExecuteUtilityRequest { name: name.to_owned(), ..execution::ExecuteUtilityRequest::default() };
        let mut stream = self.executions.clone().execute_utility(request).await.context("ExecuteUtility")?.into_inner();
        let mut execution = String::new();
        while let Some(event) = stream.message().await.context("ExecuteUtility")? {
            match event.event {
                Some(Event::Queued(queued)) => execution = queued.execution,
                Some(Event::Output(_)) if cancel => {
                    let request = execution::CancelExecutionRequest { name: execution.clone() };
                    self.executions.clone().cancel_execution(request).await.context("CancelExecution")?;
                }
                Some(Event::Finished(finished)) => {
                    let failure = finished.execution.context("the last event has no execution")?.failure;
                    return Ok(failure.map(|failure| failure.reason).unwrap_or_default());
                }
                _ => {}
            }
        }
        anyhow::bail!("the stream ended without a last event")
    }
}

/// What a Transform call came to.
pub struct Transformed {
    /// The execution's name.
    pub execution: String,
    /// When the client had the answer.
    pub done: Instant,
}
