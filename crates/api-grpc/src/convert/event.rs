//! Events of executions, as they are streamed.

use api_proto::zona::execution::v1 as pb;
use domain::execution::{Body, Event, Output, Watched};
use domain::name::ExecutionName;
use domain::sandbox::Stream;
use domain::time::Timestamp;
use prost::bytes::Bytes;

use crate::convert::{attestation, count, execution, size, time};

/// What a watcher of `name` receives; a heartbeat gets the time `now`.
pub(crate) fn to_wire(name: &ExecutionName, watched: Watched, now: Timestamp) -> pb::ExecutionEvent {
    use pb::execution_event::Event as Wire;
    match watched {
        Watched::Event(Event { sequence, time, body }) => {
            pb::ExecutionEvent { sequence: size(sequence), time: Some(time::timestamp(time)), event: Some(body_to_wire(name, body)) }
        }
        Watched::Heartbeat { store_failing } => pb::ExecutionEvent {
            sequence: 0,
            time: Some(time::timestamp(now)),
            event: Some(Wire::Heartbeat(pb::Heartbeat { store_failing })),
        },
    }
}

fn body_to_wire(name: &ExecutionName, body: Body) -> pb::execution_event::Event {
    use pb::execution_event::Event as Wire;
    match body {
        Body::Queued { position } => Wire::Queued(pb::Queued { execution: name.to_string(), position: count(position) }),
        Body::Started(attestation) => Wire::Started(Box::new(pb::Started { attestation: Some(attestation::to_wire(&attestation)) })),
        Body::Output(output) => Wire::Output(output_to_wire(output)),
        Body::Finished(execution) => Wire::Finished(Box::new(pb::Finished { execution: Some(execution::to_wire(&execution)) })),
    }
}

fn output_to_wire(output: Output) -> pb::Output {
    let stream = match output.stream {
        Stream::Stdout => pb::OutputStream::Stdout,
        Stream::Stderr => pb::OutputStream::Stderr,
    };
    pb::Output { stream: stream.into(), offset: size(output.offset), data: Bytes::from(output.data) }
}
