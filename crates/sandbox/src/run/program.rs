//! The program as the child reads it, and its hand-over, which never blocks the reading of output.

use std::io::ErrorKind;

use domain::sandbox::{Entry, Job, Limits};
use sandbox_protocol::program as protocol;
use serde_json::value::RawValue;
use tokio::net::unix::pipe::Sender;
use tokio::sync::watch;

use crate::live::End;
use crate::pool::whole_seconds;
use crate::tasks;

/// Bytes of the length before the program.
const PREFIX: usize = 4;

/// A program ready to be written.
#[derive(Debug)]
pub(crate) struct Program(Vec<u8>);

/// Whether a program was written to its end. Who writes it holds the other end, and lets go of it when nothing more is written.
#[derive(Debug)]
pub(super) struct Written(watch::Receiver<bool>);

impl Program {
    /// Encodes a job's program. JSON texts pass through untouched.
    ///
    /// # Errors
    /// When parameters or a value are not JSON.
    pub(crate) fn encode(job: &Job) -> Result<Self, serde_json::Error> {
        let (entry, values) = match &job.entry {
            Entry::Transform(values) => {
                let parsed: Result<Vec<&RawValue>, _> = values.iter().map(|value| serde_json::from_str(value)).collect();
                (protocol::Entry::Transform, Some(parsed?))
            }
            Entry::Script => (protocol::Entry::Script, None),
        };
        let program = protocol::Program {
            code: &job.code,
            entry,
            params: serde_json::from_str(&job.params_json)?,
            values,
            limits: child_limits(&job.limits),
        };
        let mut bytes = vec![0; PREFIX];
        serde_json::to_writer(&mut bytes, &program)?;
        let length = u32::try_from(bytes.len() - PREFIX).map_err(|_| serde::ser::Error::custom("a program of more than 4 GiB"))?;
        bytes[..PREFIX].copy_from_slice(&length.to_le_bytes());
        Ok(Program(bytes))
    }

    /// Writes the program: at once what fits into the pipe, the rest in a task of its own.
    pub(super) fn hand_over(self, pipe: Sender, end: watch::Receiver<Option<End>>) -> Written {
        let Program(bytes) = self;
        // Straight to the kernel: the runtime may not have noticed yet that the pipe is writable.
        let written = rustix::io::write(&pipe, &bytes).unwrap_or(0);
        let (whole, is_whole) = watch::channel(written == bytes.len());
        if written < bytes.len() {
            tasks::detach("request-writer", write_rest(bytes, written, pipe, end, whole));
        }
        Written(is_whole)
    }
}

impl Written {
    /// Whether all of it was written, once nobody writes to its pipe any more: at the latest a moment after the program's end. A program that
    /// has read everything may be faster than the news that everything is written.
    pub(super) async fn is_whole(&self) -> bool {
        self.0.clone().wait_for(|is_whole| *is_whole).await.is_ok()
    }
}

/// The task `request-writer`: ends when all is written, or when nobody reads any more.
async fn write_rest(bytes: Vec<u8>, mut written: usize, pipe: Sender, mut end: watch::Receiver<Option<End>>, whole: watch::Sender<bool>) {
    while written < bytes.len() {
        let writable = tokio::select! {
            writable = pipe.writable() => writable,
            _ended = end.wait_for(Option::is_some) => return,
        };
        if writable.is_err() {
            return;
        }
        match pipe.try_write(&bytes[written..]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_nobody_reads) => return,
        }
    }
    drop(pipe);
    whole.send_replace(true);
}

fn child_limits(limits: &Limits) -> protocol::Limits {
    protocol::Limits {
        memory: limits.memory,
        cpu_seconds: whole_seconds(limits.cpu),
        open_files: limits.open_files,
        tmpfs: limits.tmpfs,
        result: limits.result,
    }
}
