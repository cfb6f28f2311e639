//! ghz loads the two calls that are called most: no call may fail, and every answer comes from the same server.

use std::process::Command;

use e2e::{
    command::run,
    rpc::{Client, utility},
    server::Server,
    workspace,
};
use serde_json::{Value, json};

use crate::steps::SHOUT;

const CONCURRENCY: &str = "16";

fn load(server: &Server, method: &str, calls: u64, body: &Value) -> Value {
    let mut ghz = Command::new(workspace::tool("ghz"));
    ghz.args(["--insecure", "--format", "json", "--timeout", "60s", "--concurrency", CONCURRENCY, "--connections", "4"]);
    ghz.args(["--total", &calls.to_string(), "--call", method, "--data", &body.to_string()]).arg(server.address());
    let report = run(&mut ghz).with_code(0).json();
    assert_eq!(report["statusCodeDistribution"], json!({"OK": calls}), "{}", report["errorDistribution"]);
    assert_eq!(report["count"], calls);
    report
}

fn shown(report: &Value) -> String {
    format!("{:.0}/s, mean {:.2} ms", report["rps"].as_f64().unwrap_or(0.0), report["average"].as_f64().unwrap_or(0.0) / 1e6)
}

#[tokio::test(flavor = "multi_thread")]
async fn ghz_loads_reads_and_transforms_without_an_error() {
    let server = Server::start();
    Client::connect(&server).await.create("load-shout", SHOUT, Default::default()).await;
    let reads = load(&server, "zona.utility.v1.UtilityService.GetUtility", 2000, &json!({"name": utility("load-shout")}));
    let body = json!({"name": utility("load-shout"), "values_json": ["\"a\""]});
    let transforms = load(&server, "zona.execution.v1.ExecutionService.Transform", 500, &body);
    println!("GetUtility {}; Transform {}", shown(&reads), shown(&transforms));
    server.stop();
}
