//! One run: the program handed to a child, and what comes back, as the domain wants to hear it.
//!
//! It deliberately believes nothing of what it reads but its bytes, and never waits for a caller to enforce a limit: that is the
//! watchdog's.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use domain::json::JsonText;
use domain::sandbox::{Attestation, Entry, Failure, Job, Limits, OnOutputLimit, Progress, Reason, Run, Usage};
use sandbox_protocol::control::RunLimits;
use sandbox_protocol::frame;
use tokio::sync::watch;

use crate::live::{Child, End, ProgramKey};
use crate::pool::{micros, whole_seconds};
use crate::tasks;

mod belief;
mod mask;
mod outcome;
mod output;
mod program;
mod results;
mod watchdog;

use belief::Belief;
pub(crate) use belief::LENIENT;
pub(crate) use mask::Mask;
use outcome::{Cause, from_child, over_output, without_result};
use output::Output;
pub(crate) use program::Program;
use results::{Expected, Frame, Malformed, Results};
use watchdog::{Control, ended};

/// A program running in a child.
pub(crate) struct ChildRun {
    attestation: Attestation,
    control: Arc<Control>,
    results: Results,
    output: Output,
    mask: Mask,
    end: watch::Receiver<Option<End>>,
    state: State,
    pending: VecDeque<Progress>,
    began: Instant,
    /// Time from the hand-over to the outcome.
    wall_micros: u64,
    limits: Limits,
    belief: Belief,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// The outcome is known.
    Ending,
    Done,
}

// === impl ChildRun ===

impl ChildRun {
    /// Hands the program over. From here on its time counts.
    pub(crate) fn start(child: Child, program: Program, key: ProgramKey, mask: Mask, job: &Job) -> Self {
        let Child { live, round, pipes, attestation, end } = child;
        let began = Instant::now();
        live.running(round, key);
        tracing::debug!(purpose = %job.purpose, sandbox = attestation.sandbox, child = round.child, "handing a program over");
        let written = program.hand_over(pipes.request, end.clone());
        let control = Control::new(live.clone(), round, &job.limits, written);
        live.go_on(round, run_limits(&job.limits));
        tasks::detach("watchdog", watchdog::watch(control.clone(), end.clone(), began));
        let expected = match &job.entry {
            Entry::Transform(values) if values.len() > 1 => Expected::Values(values.len()),
            Entry::Transform(_) | Entry::Script => Expected::Result,
        };
        let belief = Belief::of(job);
        ChildRun {
            attestation,
            control,
            results: Results::new(pipes.result, expected, job.limits.result, belief),
            output: Output::new(pipes.stdout, pipes.stderr, job.limits.output, &mask),
            mask,
            end,
            state: State::Running,
            pending: VecDeque::new(),
            began,
            wall_micros: 0,
            limits: job.limits,
            belief,
        }
    }

    /// Waits until something happened, and notes it.
    async fn advance(&mut self) {
        tokio::select! {
            biased;
            frame = self.results.next(), if self.results.is_open() => match frame {
                Ok(Some(frame)) => self.on_frame(frame),
                // Whoever closed it, the end of the child tells the rest.
                Ok(None) => {}
                Err(malformed) => self.on_malformed(&malformed),
            },
            end = ended(&mut self.end) => self.on_end(end),
            () = self.output.next(&mut self.pending), if self.output.is_open() => {
                if self.is_over_output() {
                    self.control.kill(Cause::OutputLimit);
                }
            }
        }
    }

    fn on_frame(&mut self, frame: Frame) {
        match frame {
            Frame::Value(value) => {
                let value = self.masked(value, Cause::None);
                self.pending.push_back(Progress::Value(value));
            }
            Frame::Last(outcome) => {
                let outcome = self.masked(outcome, self.control.cause());
                self.finish(outcome);
                let is_sound = self.control.cause() == Cause::Finished && self.results.is_spent() && !self.output.is_over();
                self.control.close(is_sound);
            }
        }
    }

    /// What a child reports, without secrets.
    fn masked(&self, report: Result<JsonText, frame::Failure>, cause: Cause) -> Result<JsonText, Failure> {
        match report {
            Ok(result) => Ok(self.mask.result(result)),
            Err(failure) => {
                let believed = self.belief.reason(&failure.reason);
                let failure = from_child(self.mask.failure(failure), cause, &self.limits);
                Err(Failure { reason: believed.unwrap_or(failure.reason), ..failure })
            }
        }
    }

    fn on_malformed(&mut self, malformed: &Malformed) {
        let reason = if *malformed == Malformed::TooLarge { Reason::ResultTooLarge } else { Reason::NoResult };
        self.finish(Err(Failure::new(reason, malformed.to_string())));
        self.control.close(false);
    }

    /// The child is gone. What it wrote before may still be in the pipes.
    fn on_end(&mut self, end: End) {
        while self.state == State::Running {
            match self.results.next_now() {
                Ok(Some(frame)) => self.on_frame(frame),
                Ok(None) => break,
                Err(malformed) => self.on_malformed(&malformed),
            }
        }
        if self.state == State::Running {
            let failure = without_result(&end, self.control.cause(), &self.limits);
            self.finish(Err(failure));
            self.control.close(false);
            self.wall_micros = micros(end.at.saturating_duration_since(self.began));
        }
    }

    /// User code is done: all that it printed is in the pipes, since it wrote the last frame after that, or is gone.
    fn finish(&mut self, outcome: Result<JsonText, Failure>) {
        self.wall_micros = micros(self.began.elapsed());
        self.control.finish();
        self.output.drain(&mut self.pending);
        self.results.close();
        // Decided from the bytes, not from who was faster: the program's end or the reading of what it printed.
        let stopped = self.is_over_output() && matches!(self.control.cause(), Cause::OutputLimit | Cause::Finished);
        let outcome = if stopped { Err(self.over_output(outcome)) } else { outcome };
        self.pending.push_back(Progress::Outcome(outcome));
        self.state = State::Ending;
    }

    fn is_over_output(&self) -> bool {
        self.limits.on_output_limit == OnOutputLimit::Stop && self.output.is_over()
    }

    /// Its own words stay with it, if it had any.
    fn over_output(&self, outcome: Result<JsonText, Failure>) -> Failure {
        let Failure { reason, message, .. } = over_output(&self.limits);
        match outcome {
            Err(own) => Failure { reason, message, ..own },
            Ok(_) => Failure::new(reason, message),
        }
    }

    fn usage(&self, end: &End) -> Usage {
        let (stdout_bytes, stderr_bytes) = self.output.kept();
        Usage {
            wall_micros: self.wall_micros,
            user_micros: end.usage.user_micros,
            system_micros: end.usage.system_micros,
            peak_memory_bytes: end.usage.peak_memory_bytes,
            stdout_bytes,
            stderr_bytes,
            dropped_bytes: self.output.dropped(),
        }
    }
}

#[async_trait]
impl Run for ChildRun {
    fn attestation(&self) -> &Attestation {
        &self.attestation
    }

    async fn next(&mut self) -> Option<Progress> {
        loop {
            if let Some(progress) = self.pending.pop_front() {
                return Some(progress);
            }
            match self.state {
                State::Running => self.advance().await,
                State::Ending => {
                    let end = ended(&mut self.end).await;
                    // As the watchdog does, which may come later: whoever hears of the end may start the next program at once.
                    self.control.give_back().await;
                    self.state = State::Done;
                    return Some(Progress::Exited(self.usage(&end)));
                }
                State::Done => return None,
            }
        }
    }

    fn stop(&self) {
        self.control.stop();
    }
}

impl Drop for ChildRun {
    fn drop(&mut self) {
        if self.state != State::Done {
            self.control.kill(Cause::Cancelled);
            self.control.abandon();
        }
    }
}

fn run_limits(limits: &Limits) -> RunLimits {
    RunLimits { memory: limits.memory, cpu_seconds: whole_seconds(limits.cpu), open_files: limits.open_files, tmpfs: limits.tmpfs }
}

#[cfg(test)]
mod tests;
