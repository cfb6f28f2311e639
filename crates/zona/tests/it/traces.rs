//! Traces through a real OTLP collector in this process: one per execution, continued from the caller; and none in the way when
//! the collector is gone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api_proto::zona::execution::v1::TransformRequest;
use api_proto::zona::execution::v1::execution_service_client::ExecutionServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::support::{Server, until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(&self, request: Request<ExportTraceServiceRequest>) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let spans = resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans);
        self.0.lock().unwrap().extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        format!("http://{address}")
    }

    fn names_in(&self, trace: &str) -> Vec<String> {
        self.spans_in(trace).into_iter().map(|span| span.name).collect()
    }

    fn spans_in(&self, trace: &str) -> Vec<Span> {
        self.0.lock().unwrap().iter().filter(|span| hex(&span.trace_id) == trace).cloned().collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn transform(address: &str) {
    let mut client = ExecutionServiceClient::connect(format!("http://{address}")).await.unwrap();
    let name = "tenants/demo/utilities/normalize-severity".to_owned();
    let mut request = Request::new(TransformRequest { name, values_json: vec!["\"crit\"".to_owned()], ..Default::default() });
    request.metadata_mut().insert("traceparent", format!("00-{TRACE}-{PARENT}-01").parse().unwrap());
    client.transform(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_one_trace_across_api_sandbox_and_store() {
    let collector = Collector::default();
    let endpoint = collector.serve().await;
    let directory = tempfile::tempdir().unwrap();
    let environment = [("ZONA_OTLP__ENDPOINT", endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "100")];
    let server = Server::start_with(&directory.path().join("data"), &environment);
    transform(&server.address).await;
    let expected = ["zona.execution.v1.ExecutionService/Transform", "store.insert", "sandbox.start", "sandbox.run", "store.save"];
    tokio::task::block_in_place(|| {
        until("the whole trace has arrived", || expected.iter().all(|name| collector.names_in(TRACE).iter().any(|seen| seen == name)));
    });
    let spans = collector.spans_in(TRACE);
    let root = spans.iter().find(|span| span.name == expected[0]).unwrap();
    assert_eq!(hex(&root.parent_span_id), PARENT);
    for span in spans.iter().filter(|span| span.name != expected[0]) {
        assert!(spans.iter().any(|parent| parent.span_id == span.parent_span_id), "{} hangs in the air", span.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_costs_its_spans_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let environment = [("ZONA_OTLP__ENDPOINT", "http://127.0.0.1:1"), ("OTEL_BSP_SCHEDULE_DELAY", "100")];
    let server = Server::start_with(&directory.path().join("data"), &environment);
    tokio::time::timeout(Duration::from_secs(20), transform(&server.address)).await.unwrap();
    tokio::task::block_in_place(|| {
        let dropped = |line: &str| line.strip_prefix("zona_telemetry_spans_dropped_total ").is_some_and(|count| count != "0");
        until("the loss is counted", || server.page("/metrics").1.lines().any(dropped));
    });
    let log = std::fs::read_to_string(&server.log).unwrap();
    assert!(!log.lines().any(|line| line.contains(r#""level":"ERROR""#)), "{log}");
}
