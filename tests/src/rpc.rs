//! A gRPC client of the kind that our own tools are, for stories that need to look into a stream at a certain moment. The other
//! languages' clients have programs of their own.

use api_proto::zona::{
    event::v1::event_service_client::EventServiceClient,
    execution::v1::{
        ExecuteUtilityRequest, Execution, ExecutionEvent, GetExecutionRequest, OutputStream, StartExecutionRequest, WatchExecutionRequest,
        execution_event::Event, execution_service_client::ExecutionServiceClient,
    },
    utility::v1::{CreateUtilityRequest, Limits, Utility, utility_service_client::UtilityServiceClient},
};
use test_support::in_time;
use tonic::{Streaming, transport::Channel};

use crate::server::Server;

/// Tenant of every story.
pub const TENANT: &str = "tenants/demo";

/// Clients of some services over one connection.
#[derive(Clone)]
pub struct Client {
    /// Keeping utilities.
    pub utilities: UtilityServiceClient<Channel>,
    /// Running utilities.
    pub executions: ExecutionServiceClient<Channel>,
    /// Following what happens.
    pub events: EventServiceClient<Channel>,
}

/// Output of one execution, put together by offset.
#[derive(Debug, Default)]
pub struct Printed {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// Name of a utility of the tenant.
pub fn utility(id: &str) -> String {
    format!("{TENANT}/utilities/{id}")
}

// === impl Client ===

impl Client {
    /// Connects over a connection of its own.
    pub async fn connect(server: &Server) -> Self {
        let endpoint = Channel::from_shared(format!("http://{}", server.address())).expect("the address is valid");
        let channel = endpoint.connect().await.expect("the server accepts connections");
        Client {
            utilities: UtilityServiceClient::new(channel.clone()),
            executions: ExecutionServiceClient::new(channel.clone()),
            events: EventServiceClient::new(channel),
        }
    }

    /// Creates a utility of this code.
    pub async fn create(&mut self, id: &str, code: &str, limits: Limits) -> Utility {
        let utility = Utility { code: code.to_owned(), limits: Some(limits), ..Utility::default() };
        let request = CreateUtilityRequest { parent: TENANT.into(), utility_id: id.into(), utility: Some(utility), ..Default::default() };
        self.utilities.create_utility(request).await.expect("the code is fine and the name is free").into_inner()
    }

    /// Starts an execution and answers its name.
    pub async fn start(&mut self, id: &str, params_json: &str) -> String {
        let request = StartExecutionRequest { name: utility(id), params_json: params_json.into(), ..Default::default() };
        self.executions.start_execution(request).await.expect("the utility can be started").into_inner().name
    }

    /// Executes and streams.
    pub async fn execute(&mut self, id: &str, params_json: &str) -> Streaming<ExecutionEvent> {
        let request = ExecuteUtilityRequest { name: utility(id), params_json: params_json.into(), ..Default::default() };
        self.executions.execute_utility(request).await.expect("the utility can be executed").into_inner()
    }

    /// Executes to the end.
    pub async fn run(&mut self, id: &str, params_json: &str) -> (Execution, Printed) {
        let mut stream = self.execute(id, params_json).await;
        let events = rest(&mut stream, 0).await;
        (finished(&events), Printed::of(&events))
    }

    /// Follows an execution.
    pub async fn watch(&mut self, name: &str, after_sequence: i64) -> Streaming<ExecutionEvent> {
        let request = WatchExecutionRequest { name: name.into(), after_sequence };
        self.executions.watch_execution(request).await.expect("the execution can be watched").into_inner()
    }

    /// Every event of an execution, to its end.
    pub async fn events(&mut self, name: &str) -> Vec<ExecutionEvent> {
        rest(&mut self.watch(name, 0).await, 0).await
    }

    /// Reads an execution.
    pub async fn get(&mut self, name: &str) -> Execution {
        self.executions.get_execution(GetExecutionRequest { name: name.into() }).await.expect("the execution exists").into_inner()
    }
}

/// The next numbered event, checked to follow `after`; `None` at the end.
pub async fn next(stream: &mut Streaming<ExecutionEvent>, after: i64) -> Option<ExecutionEvent> {
    loop {
        let event = in_time(stream.message()).await.expect("the stream is whole")?;
        if matches!(event.event, Some(Event::Heartbeat(_))) {
            continue;
        }
        assert_eq!(event.sequence, after + 1, "events have no gaps");
        return Some(event);
    }
}

/// Numbered events to the end.
pub async fn rest(stream: &mut Streaming<ExecutionEvent>, after: i64) -> Vec<ExecutionEvent> {
    let mut events = Vec::new();
    while let Some(event) = next(stream, after + events.len() as i64).await {
        events.push(event);
    }
    events
}

/// The execution as its last event carries it.
pub fn finished(events: &[ExecutionEvent]) -> Execution {
    match events.last().and_then(|event| event.event.clone()) {
        Some(Event::Finished(finished)) => finished.execution.expect("Finished carries the execution"),
        other => panic!("the last event is {other:?}"),
    }
}

// === impl Printed ===

impl Printed {
    /// Puts output together; every piece must be where the ones before it end.
    pub fn of(events: &[ExecutionEvent]) -> Self {
        let mut printed = Printed::default();
        for output in events.iter().filter_map(|event| match &event.event {
            Some(Event::Output(output)) => Some(output),
            _ => None,
        }) {
            let bytes = match output.stream() {
                OutputStream::Stdout => &mut printed.stdout,
                OutputStream::Stderr => &mut printed.stderr,
                OutputStream::Unspecified => panic!("output of no stream"),
            };
            assert_eq!(output.offset, bytes.len() as i64, "output is whole and in order");
            bytes.extend_from_slice(&output.data);
        }
        printed
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}
