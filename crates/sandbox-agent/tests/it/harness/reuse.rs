//! The same tests on children that are put back: each has run a program before, which left as much as it could in the interpreter.
//!
//! `ZONA_TEST_RESTORE` asks for them.

use std::{
    env,
    fs::File,
    io::Read,
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sandbox_protocol::control::{Command, Exit, Report, RunLimits};
use serde_json::Value;

use super::*;

/// What a program does that wants to be remembered.
const BEFORE: &str = "import builtins, json, math, random, sys
def main():
    builtins.left = 'left'
    builtins.len, builtins.print = None, None
    json.loads, math.pi = None, 3
    sys.modules['left'], sys.stdout, sys.argv[:] = sys, None, ['left']
    sys.setrecursionlimit(77)
    random.seed(0)
    return 'left'";
/// How long a look into a pipe waits.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

/// Whether children are put back in this run of the tests.
pub fn asked_for() -> bool {
    env::var_os("ZONA_TEST_RESTORE").is_some()
}

impl Sandbox {
    /// A child that has run a program, was put back, and waits.
    pub fn used_child(&mut self) -> Child {
        let mut child = self.fork_one();
        self.limit(&child, &limits());
        child.submit(&script(BEFORE));
        let (outcome, child) = self.finish_round(child);
        assert_eq!(outcome.result(), json!("left"));
        child.unwrap_or_else(|| panic!("the child was not put back: {outcome:?}"))
    }

    /// Lets a child that waits go on.
    pub fn limit(&mut self, child: &Child, limits: &Value) {
        let number = |name: &str| limits[name].as_u64().unwrap();
        let limits = RunLimits {
            memory: number("memory"),
            cpu_seconds: u32::try_from(number("cpu_seconds")).unwrap(),
            open_files: u32::try_from(number("open_files")).unwrap(),
            tmpfs: number("tmpfs"),
        };
        self.send(&Command::Run { child: child.id, limits });
    }

    /// What a program left, of a child that runs no other.
    pub fn finish_for_good(&mut self, child: Child) -> Outcome {
        let (outcome, child) = self.finish_round(child);
        if let Some(child) = child {
            self.send(&Command::Kill { child: child.id });
            self.exited(child.id);
        }
        outcome
    }

    /// What a program left, and its child where that was put back.
    pub fn finish_round(&mut self, mut child: Child) -> (Outcome, Option<Child>) {
        let over = Arc::new(AtomicBool::new(false));
        let readers = [&child.result, &child.stdout, &child.stderr].map(|file| {
            let (file, over) = (file.try_clone().unwrap(), over.clone());
            thread::spawn(move || read_round(file, &over))
        });
        let id = child.id;
        let (report, _) =
            self.report(|report| matches!(report, Report::Exited { child, .. } | Report::Restored { child, .. } if *child == id));
        over.store(true, Ordering::Release);
        let [result, stdout, stderr] = readers.map(|reader| reader.join().unwrap());
        let frames = frames_of(&result);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (exit, usage, left, again) = match report {
            Report::Restored { usage, count, .. } => {
                child.restored = count;
                (Exit::Code(0), usage, None, true)
            }
            Report::Exited { exit, usage, left, .. } => (exit, usage, left, false),
            other => unreachable!("{other:?}"),
        };
        (Outcome { frames, stdout: text(stdout), stderr: text(stderr), exit, usage, left }, again.then_some(child))
    }
}

impl Child {
    /// What lies in its pipes, of a program that is over and has written little: frames, stdout and stderr.
    pub fn left_in_pipes(&self) -> (Vec<(Kind, String)>, [String; 2]) {
        let over = AtomicBool::new(true);
        let [result, stdout, stderr] = [&self.result, &self.stdout, &self.stderr].map(|file| read_round(file.try_clone().unwrap(), &over));
        (frames_of(&result), [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// Everything that comes until the round is over.
fn read_round(mut file: File, over: &AtomicBool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let was_over = over.load(Ordering::Acquire);
        // All of it is there then.
        let patience = if was_over { Timespec { tv_sec: 0, tv_nsec: 0 } } else { LOOK };
        let ready = poll(&mut [PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN)], Some(&patience)).unwrap();
        match ready {
            0 if was_over => return bytes,
            0 => {}
            _ => match file.read(&mut buffer).unwrap() {
                0 => return bytes,
                length => bytes.extend_from_slice(&buffer[..length]),
            },
        }
    }
}

fn frames_of(mut bytes: &[u8]) -> Vec<(Kind, String)> {
    let mut frames = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk() {
        let (kind, length) = frame::parse_header(*header).expect("a known kind");
        let Some(payload) = rest.get(..length) else { break };
        frames.push((kind, String::from_utf8(payload.to_vec()).unwrap()));
        bytes = &rest[length..];
    }
    frames
}
