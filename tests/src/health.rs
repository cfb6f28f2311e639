//! Whether a server is well, asked as an orchestrator asks.

use std::{thread, time::Duration};

use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

/// Whether a server answers the health check with SERVING. Blocks; works inside and outside of a runtime.
pub fn is_serving(address: &str) -> bool {
    let address = format!("http://{address}");
    let asked = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        runtime.block_on(async {
            let endpoint = Channel::from_shared(address).expect("the address is valid").timeout(Duration::from_secs(2));
            let channel = endpoint.connect().await.ok()?;
            let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await.ok()?;
            Some(answer.into_inner().status() == ServingStatus::Serving)
        })
    });
    asked.join().expect("asking does not panic") == Some(true)
}
