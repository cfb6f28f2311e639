//! Shows an execution while it runs: bytes of the code to the same streams here, or events and the execution as documents.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use api_proto::zona::execution::v1 as pb;
use pb::execution_event::Event;

use crate::client::follow::Follow;
use crate::context::Context;
use crate::document::Document;
use crate::document::message::{document, flag, short};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::interrupt::interrupts_of_this_process;
use crate::output::{Format, Output, note, progress};
use crate::terminal::{self, Passage};

/// How long the end of a stream is awaited after its last event.
const GOODBYE: Duration = Duration::from_millis(500);
/// Bytes of standard error that are remembered, to see whether the traceback was among them.
const STDERR_TAIL: usize = 64 * 1024;

/// What Ctrl-C does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInterrupt {
    /// Cancels the execution and shows its end; a second one leaves at once.
    Cancel,
    /// Leaves; the execution goes on.
    Leave,
}

/// Shows an execution to its end; the exit code is the execution's.
///
/// # Errors
/// What the server refused, a connection that cannot be resumed, or standard output.
pub async fn show(context: &Context, follow: &mut Follow, on_interrupt: OnInterrupt) -> Result {
    let mut screen = Screen::new(context.output.clone());
    let shown = screen.show(follow, on_interrupt).await;
    screen.close()?;
    shown
}

struct Screen {
    output: Output,
    to_stdout: Passage,
    to_stderr: Passage,
    /// What was printed, for the formats that show it at the end.
    stdout: Vec<u8>,
    /// The same; for people, the last of it.
    stderr: Vec<u8>,
    /// Whether the code's last line on standard output is still open.
    mid_line: bool,
    /// Whether the server's store refuses what happens, by the last heartbeat.
    store_failing: bool,
}

impl Screen {
    fn new(output: Output) -> Self {
        Screen {
            to_stdout: Passage::new(output.is_terminal()),
            to_stderr: Passage::new(io::stderr().is_terminal()),
            stdout: Vec::new(),
            stderr: Vec::new(),
            mid_line: false,
            store_failing: false,
            output,
        }
    }

    /// Shows every event; the exit code is the execution's.
    async fn show(&mut self, follow: &mut Follow, on_interrupt: OnInterrupt) -> Result {
        // Made once: a signal that comes while an event is being shown must not be lost.
        let mut interrupt = interrupts_of_this_process()?;
        let mut interrupts = 0_u32;
        loop {
            let event = tokio::select! {
                event = follow.next() => event?,
                _ = interrupt.recv() => {
                    interrupts += 1;
                    if interrupts > 1 || on_interrupt == OnInterrupt::Leave || follow.name().is_empty() {
                        return Ok(Exit::Interrupted);
                    }
                    progress("cancelling; press Ctrl-C again to leave");
                    follow.cancel().await?;
                    continue;
                }
            };
            let Some(event) = event else { break };
            if let Some(execution) = self.event(event)? {
                let exit = self.finished(&execution)?;
                // The stream's own end: leaving before it would look like a cancelled call to the server.
                let _ = tokio::time::timeout(GOODBYE, follow.next()).await;
                return Ok(if interrupts > 0 { Exit::Interrupted } else { exit });
            }
        }
        if self.output.format == Format::Table {
            note("nothing follows: the execution has ended");
        }
        Ok(Exit::Ok)
    }

    /// Shows one event; answers the execution with the last.
    fn event(&mut self, event: pb::ExecutionEvent) -> Result<Option<pb::Execution>> {
        if self.output.format == Format::JsonLines {
            self.output.line(&document(&event))?;
        }
        match event.event {
            Some(Event::Queued(queued)) if self.output.format == Format::Table => progress(&waiting(&queued)),
            Some(Event::Started(started)) if self.output.format == Format::Table => {
                progress(&started.attestation.map_or_else(|| "started".to_owned(), |attestation| isolation(&attestation)));
            }
            Some(Event::Output(output)) => self.print(output)?,
            Some(Event::Finished(finished)) => {
                return finished.execution.map(Some).ok_or_else(|| Failure::new(Exit::Unavailable, "the server left out the execution"));
            }
            Some(Event::Heartbeat(heartbeat)) => {
                if let Some(change) = self.heartbeat(heartbeat).filter(|_| self.output.format == Format::Table) {
                    progress(change);
                }
            }
            Some(Event::Queued(_) | Event::Started(_)) | None => {}
        }
        Ok(None)
    }

    /// What people should know once the store begins or ceases to fail.
    fn heartbeat(&mut self, heartbeat: pb::Heartbeat) -> Option<&'static str> {
        let before = std::mem::replace(&mut self.store_failing, heartbeat.store_failing);
        match (before, heartbeat.store_failing) {
            (false, true) => Some("the server cannot store what happens; it keeps it in memory and tries again"),
            (true, false) => Some("the server has stored what happened so far"),
            (false, false) | (true, true) => None,
        }
    }

    fn print(&mut self, output: pb::Output) -> Result<()> {
        let to_stderr = output.stream() == pb::OutputStream::Stderr;
        match (self.output.format, to_stderr) {
            (Format::Table, false) => {
                self.mid_line = output.data.last().is_some_and(|&last| last != b'\n');
                self.output.with(|to| self.to_stdout.write(to, &output.data))?;
            }
            (Format::Table, true) => {
                self.to_stderr.write(io::stderr().lock(), &output.data)?;
                self.stderr.extend(output.data);
                let excess = self.stderr.len().saturating_sub(STDERR_TAIL);
                self.stderr.drain(..excess);
            }
            (Format::Json | Format::Yaml, false) => self.stdout.extend(output.data),
            (Format::Json | Format::Yaml, true) => self.stderr.extend(output.data),
            (Format::JsonLines, _) => {}
        }
        Ok(())
    }

    fn finished(&mut self, execution: &pb::Execution) -> Result {
        match self.output.format {
            Format::Table => self.tell(execution)?,
            Format::Json | Format::Yaml => {
                let mut shown = document(execution);
                for (name, bytes) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
                    let (name, value) = Document::bytes(name, bytes);
                    shown.push(&name, value);
                }
                self.output.one(|| shown, String::new)?;
            }
            Format::JsonLines => {}
        }
        Ok(exit_of(execution))
    }

    /// What is left of the program's output, and an end of its colors.
    fn close(&mut self) -> Result<()> {
        self.output.with(|to| self.to_stdout.end(to))?;
        self.to_stderr.end(io::stderr().lock())?;
        Ok(())
    }

    fn tell(&mut self, execution: &pb::Execution) -> Result<()> {
        self.close()?;
        if self.mid_line {
            self.output.text("\n")?;
        }
        if !execution.result_json.is_empty() && execution.result_json != "null" {
            self.output.text(&format!("{}\n", terminal::json(&execution.result_json)))?;
        }
        if execution.output_truncated {
            let dropped = execution.usage.as_ref().map_or(0, |usage| usage.dropped_output_bytes);
            note(&format!("output was cut at the limit; {dropped} bytes were dropped"));
        }
        match &execution.failure {
            Some(failure) => {
                let printed = String::from_utf8_lossy(&self.stderr).contains(failure.traceback.trim_end());
                let traceback = if printed { String::new() } else { failure.traceback.clone() };
                note(&describe(&pb::Failure { traceback, ..failure.clone() }, &state(execution)));
            }
            None => progress(&format!("{} in {}", state(execution).to_lowercase(), wall_time(execution))),
        }
        Ok(())
    }
}

/// The exit code of an ended execution.
pub fn exit_of(execution: &pb::Execution) -> Exit {
    let reason = execution.failure.as_ref().map(|failure| failure.reason.as_str()).unwrap_or_default();
    Exit::of_execution(&state(execution), reason)
}

/// The short name of an execution's state.
pub fn state(execution: &pb::Execution) -> String {
    short("ExecutionState", execution.state().as_str_name()).to_owned()
}

/// A failure as people read it, the traceback first.
pub fn describe(failure: &pb::Failure, state: &str) -> String {
    let traceback = failure.traceback.trim_end();
    let gap = if traceback.is_empty() { "" } else { "\n" };
    let line = if failure.line > 0 { format!(" (line {})", failure.line) } else { String::new() };
    format!("{traceback}{gap}{}: {}: {}{line}", state.to_lowercase(), failure.reason, failure.message)
}

/// How long it ran, for people.
pub fn wall_time(execution: &pb::Execution) -> String {
    let wall = execution.usage.as_ref().and_then(|usage| usage.wall_time);
    let wall = wall.and_then(|wall| std::time::Duration::try_from(wall).ok());
    wall.map_or_else(|| "-".to_owned(), |wall| format!("{:.1} ms", wall.as_secs_f64() * 1e3))
}

fn waiting(queued: &pb::Queued) -> String {
    match queued.position {
        0 => format!("accepted: {}", queued.execution),
        place => format!("waiting, number {place} in the queue: {}", queued.execution),
    }
}

fn isolation(attestation: &pb::Attestation) -> String {
    let tier = flag("Tier", attestation.tier().as_str_name());
    let backend = flag("Backend", attestation.backend().as_str_name());
    let process = match attestation.restored {
        0 => String::new(),
        times => format!(", process put back {times}x"),
    };
    format!("started: {tier} sandbox, backend {backend}, Python {}{process}", attestation.python_version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_begins_or_ceases_to_fail_is_told_once() {
        let mut screen = Screen::new(Output::to(Format::Table, io::sink()));
        let told = [false, true, true, false, false].map(|store_failing| screen.heartbeat(pb::Heartbeat { store_failing }));
        let [None, Some(failing), None, Some(stored), None] = told else { panic!("{told:?}") };
        assert!(failing.contains("cannot store") && stored.contains("has stored"));
    }
}
