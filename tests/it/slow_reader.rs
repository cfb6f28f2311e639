//! A client that does not read costs the server no memory and the run no time, and still gets every byte when it comes back.

use std::time::{Duration, Instant};

use api_proto::zona::{
    execution::v1::{ExecutionState, GetExecutionRequest, execution_event::Event},
    utility::v1::Limits,
};
use e2e::{
    host,
    rpc::{Client, next},
    server::Server,
};

use crate::steps::patient;

/// 50 MB: fifty thousand numbered lines of 1,000 bytes.
const LINES: usize = 50_000;
const WRITER: &str = r#"def main(lines: int) -> int:
    for number in range(lines):
        print(f"{number:0999}")
    return lines
"#;
const LINE_BYTES: usize = 1000;
/// What the server may take while nobody reads, beside what it has when idle: less than the output times two. Some 80 MiB were measured, and 55
/// with a single arena of the allocator (`MALLOC_ARENA_MAX=1`); smaller caches of pages in the store changed little. The rest
/// is not taken apart.
const MEMORY_SLACK: u64 = 96 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(150);

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_comes_late_gets_every_byte_and_costs_no_memory() {
    let server = Server::start();
    let mut reader = Client::connect(&server).await;
    let limits = Limits { output_bytes: 64 << 20, ..patient() };
    reader.create("writer", WRITER, limits).await;
    reader.run("writer", r#"{"lines": 10}"#).await;
    let before = host::peak_memory(server.pid());

    let mut stream = reader.execute("writer", &format!(r#"{{"lines": {LINES}}}"#)).await;
    let first = next(&mut stream, 0).await.expect("the first event comes at once");
    let Some(Event::Queued(queued)) = first.event else { panic!("the first event is {first:?}") };
    // Through a connection of its own: the first one is full of what nobody reads.
    let mut other = Client::connect(&server).await;
    let begun = Instant::now();
    let execution = loop {
        let execution =
            other.executions.get_execution(GetExecutionRequest { name: queued.execution.clone() }).await.expect("it exists").into_inner();
        if execution.end_time.is_some() {
            break execution;
        }
        assert!(begun.elapsed() < PATIENCE, "the run waits for its reader: {:?}", execution.state());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let took = begun.elapsed();
    assert_eq!(execution.state(), ExecutionState::Succeeded, "{:?}", execution.failure);
    let usage = execution.usage.expect("an ended execution has usage");
    assert_eq!((usage.stdout_bytes, usage.dropped_output_bytes), ((LINES * LINE_BYTES) as i64, 0));

    let mut check = Check::default();
    let mut sequence = 1;
    while let Some(event) = next(&mut stream, sequence).await {
        sequence = event.sequence;
        if let Some(Event::Output(output)) = event.event {
            check.add(output.offset, &output.data);
        }
    }
    assert_eq!((sequence, check.bytes), (execution.last_sequence, LINES * LINE_BYTES));
    let grown = host::peak_memory(server.pid()).saturating_sub(before);
    println!("50 MB in {took:?}, memory grew by {} KiB", grown / 1024);
    assert!(grown < MEMORY_SLACK, "memory grew by {} MiB", grown >> 20);
    server.stop();
}

/// Checks the lines without keeping them.
#[derive(Default)]
struct Check {
    bytes: usize,
}

impl Check {
    fn add(&mut self, offset: i64, data: &[u8]) {
        assert_eq!(offset, self.bytes as i64, "output is whole and in order");
        for byte in data {
            let (line, column) = (self.bytes / LINE_BYTES, self.bytes % LINE_BYTES);
            assert_eq!(*byte, expected(line, column), "line {line}, column {column}");
            self.bytes += 1;
        }
    }
}

fn expected(line: usize, column: usize) -> u8 {
    let place = LINE_BYTES - 2;
    match column {
        column if column > place => b'\n',
        column => {
            let power = u32::try_from(place - column).expect("a column is small");
            let digit = 10_usize.checked_pow(power).map_or(0, |unit| line / unit % 10);
            b'0' + u8::try_from(digit).expect("a digit is below ten")
        }
    }
}
