//! A server's side of the protocol, as small as it can be: starts an agent, asks for children, runs programs.

use std::{
    fs::{self, File, Permissions},
    io::{IoSlice, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::PermissionsExt,
    },
    process::{Child as Process, Command as Run, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::sockopt::socket_peercred,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrUnix, SocketFlags,
        SocketType, accept_with, bind, listen, recvmsg, sendmsg, socket_with,
    },
    process::Pid,
};
use sandbox_protocol::{
    MAX_CONTROL_PACKET,
    control::{Class, Command, Configure, Exit, Layout, Left, Report, Seal, SealMode, Usage},
    frame::{self, Failure, Kind},
};
use serde_json::{Value, json};
use tempfile::TempDir;

pub mod place;
mod reuse;

pub use place::{layout, packages};
pub use reuse::asked_for as children_are_put_back;

/// Long enough for a loaded machine; a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Limits of an ordinary sandbox.
pub const CLASS: Class = Class { memory: 256 << 20, tmpfs: 16 << 20, open_files: 64, cpu_seconds: 20, processes: 0 };
const MODULES: [&str; 8] = ["asyncio", "collections", "datetime", "decimal", "hashlib", "re", "socket", "subprocess"];
/// What programs of children that are put back import: to load a library costs the child.
const PUT_BACK: [&str; 12] =
    ["collections", "ctypes", "datetime", "decimal", "hashlib", "json", "mmap", "random", "re", "secrets", "ssl", "uuid"];

/// An agent and its control socket.
pub struct Sandbox {
    pub process: Process,
    control: Option<OwnedFd>,
    next: u64,
    pub uid: u32,
    /// Reports that were not asked for yet.
    waiting: Vec<(Report, Vec<OwnedFd>)>,
    /// Whether children are put back.
    restores: bool,
    _directory: TempDir,
}

/// A sealed child that waits for its program.
pub struct Child {
    pub id: u64,
    pub seal: Seal,
    /// How often it was put back.
    pub restored: u32,
    pub request: File,
    pub result: File,
    pub stdout: File,
    pub stderr: File,
}

/// Everything that one program left.
#[derive(Debug)]
pub struct Outcome {
    pub frames: Vec<(Kind, String)>,
    pub stdout: String,
    pub stderr: String,
    pub exit: Exit,
    pub usage: Usage,
    /// Why its child was not put back.
    pub left: Option<Left>,
}

// === impl Sandbox ===

impl Sandbox {
    pub fn start() -> Self {
        Self::with(CLASS, SealMode::Strict)
    }

    pub fn with(class: Class, seal: SealMode) -> Self {
        let mut sandbox = Self::connect();
        sandbox.configure(class, seal, layout().clone());
        match sandbox.report(|report| matches!(report, Report::Ready { .. } | Report::Fault { .. })).0 {
            Report::Ready { python_version } => assert!(python_version.starts_with("3."), "{python_version}"),
            other => panic!("the sandbox is not ready: {other:?}"),
        }
        sandbox
    }

    /// One whose children are put back.
    pub fn restoring() -> Self {
        Self::restoring_without(&[])
    }

    /// The same of an agent that leaves parts out.
    pub fn restoring_without(off: &[&str]) -> Self {
        let mut sandbox = Self::connect_to(true, off, |_| {});
        sandbox.configure_with(CLASS, SealMode::Strict, layout().clone(), &PUT_BACK);
        match sandbox.report(|report| matches!(report, Report::Ready { .. } | Report::Fault { .. })).0 {
            Report::Ready { .. } => sandbox,
            other => panic!("the sandbox is not ready: {other:?}"),
        }
    }

    /// One whose children run one program each, with the same modules.
    pub fn without_restoring() -> Self {
        let mut sandbox = Self::connect_to(false, &[], |_| {});
        sandbox.configure_with(CLASS, SealMode::Strict, layout().clone(), &PUT_BACK);
        match sandbox.report(|report| matches!(report, Report::Ready { .. } | Report::Fault { .. })).0 {
            Report::Ready { .. } => sandbox,
            other => panic!("the sandbox is not ready: {other:?}"),
        }
    }

    /// Starts an agent that has only said hello.
    pub fn connect() -> Self {
        Self::connect_to(reuse::asked_for(), &[], |_| {})
    }

    /// The same, of which children are to be put back. `change` is made to the command that starts it.
    pub fn connect_restoring(change: impl FnOnce(&mut Run)) -> Self {
        Self::connect_to(true, &[], change)
    }

    fn connect_to(restores: bool, off: &[&str], change: impl FnOnce(&mut Run)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let listener = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        listen(&listener, 1).unwrap();
        // A container's user is another one.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        let (mut run, uid) = place::start(directory.path(), restores, off);
        change(&mut run);
        let process = run.stdin(Stdio::null()).spawn().unwrap();
        await_readable(listener.as_fd());
        // An agent that another test starts meanwhile would hold it open.
        let control = accept_with(&listener, SocketFlags::CLOEXEC).unwrap();
        let mut sandbox = Sandbox { process, control: Some(control), next: 1, uid, waiting: Vec::new(), restores, _directory: directory };
        let (hello, _) = sandbox.report(|_| true);
        assert_eq!(hello, Report::Hello { version: sandbox_protocol::VERSION });
        sandbox
    }

    pub fn configure(&mut self, class: Class, seal: SealMode, layout: Layout) {
        self.configure_with(class, seal, layout, &MODULES);
    }

    pub fn configure_with(&mut self, class: Class, seal: SealMode, layout: Layout, modules: &[&str]) {
        let preload = modules.iter().map(|name| (*name).to_owned()).collect();
        self.restores &= seal == SealMode::Strict;
        self.send(&Command::Configure(Box::new(Configure { layout, class, seal, preload, restore: self.restores })));
    }

    pub fn send(&self, command: &Command) {
        self.send_bytes(&serde_json::to_vec(command).unwrap());
    }

    pub fn send_bytes(&self, bytes: &[u8]) {
        let control = self.control.as_ref().unwrap();
        sendmsg(control, &[IoSlice::new(bytes)], &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL).unwrap();
    }

    /// The next report that is wanted; others are kept.
    pub fn report(&mut self, wanted: impl Fn(&Report) -> bool) -> (Report, Vec<OwnedFd>) {
        if let Some(index) = self.waiting.iter().position(|(report, _)| wanted(report)) {
            return self.waiting.remove(index);
        }
        loop {
            let received = self.receive().expect("the agent hung up");
            if wanted(&received.0) {
                return received;
            }
            self.waiting.push(received);
        }
    }

    /// One packet; `None` when the agent hung up.
    pub fn receive(&mut self) -> Option<(Report, Vec<OwnedFd>)> {
        let control = self.control.as_ref().unwrap();
        await_readable(control.as_fd());
        let mut bytes = vec![0; MAX_CONTROL_PACKET];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let message = recvmsg(control, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC).ok()?;
        if message.bytes == 0 {
            return None;
        }
        let mut descriptors = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        Some((serde_json::from_slice(&bytes[..message.bytes]).unwrap(), descriptors))
    }

    pub fn fault(&mut self) -> (String, String, String) {
        match self.report(|report| matches!(report, Report::Fault { .. })).0 {
            Report::Fault { stage, message, hint } => (stage, message, hint),
            other => unreachable!("{other:?}"),
        }
    }

    /// A child that waits for its program; where children are put back, one that has run another program before.
    pub fn fork(&mut self) -> Child {
        if !self.restores {
            return self.fork_one();
        }
        let child = self.used_child();
        self.limit(&child, &limits());
        child
    }

    /// A child as it is made.
    pub fn fork_one(&mut self) -> Child {
        let id = self.next;
        self.next += 1;
        self.send(&Command::Fork { child: id });
        match self.report(|report| matches!(report, Report::Child { .. } | Report::Fault { .. })) {
            (Report::Child { child, seal }, descriptors) => {
                assert_eq!(child, id);
                let [request, result, stdout, stderr] = <[OwnedFd; 4]>::try_from(descriptors).unwrap().map(File::from);
                Child { id, seal, restored: 0, request, result, stdout, stderr }
            }
            (other, _) => panic!("no child: {other:?}"),
        }
    }

    /// The process that connected, by its id on this host.
    pub fn agent(&self) -> Pid {
        socket_peercred(self.control.as_ref().unwrap()).unwrap().pid
    }

    /// The agent and everything below it, by their ids on this host.
    pub fn processes(&self) -> Vec<i32> {
        let parents: Vec<(i32, i32)> = fs::read_dir("/proc").unwrap().filter_map(|entry| parent_of(&entry.ok()?)).collect();
        let mut found = vec![self.agent().as_raw_nonzero().get()];
        let mut index = 0;
        while let Some(parent) = found.get(index).copied() {
            found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
            index += 1;
        }
        found
    }

    pub fn exited(&mut self, id: u64) -> (Exit, Usage) {
        match self.report(|report| matches!(report, Report::Exited { child, .. } if *child == id)).0 {
            Report::Exited { exit, usage, .. } => (exit, usage),
            other => unreachable!("{other:?}"),
        }
    }

    /// Runs a program in a new child and waits for its end.
    pub fn run(&mut self, program: &Value) -> Outcome {
        let mut child = if self.restores { self.used_child() } else { self.fork_one() };
        if self.restores {
            self.limit(&child, &program["limits"]);
        }
        child.submit(program);
        self.finish(child)
    }

    pub fn finish(&mut self, child: Child) -> Outcome {
        if self.restores {
            return self.finish_for_good(child);
        }
        let Child { id, mut result, stdout, stderr, .. } = child;
        let readers = [stdout, stderr].map(|file| thread::spawn(move || read_text(file)));
        let frames = read_frames(&mut result);
        let [stdout, stderr] = readers.map(|reader| reader.join().unwrap());
        let (exit, usage) = self.exited(id);
        Outcome { frames, stdout, stderr, exit, usage, left: None }
    }

    /// Hangs up, and waits until the agent has ended.
    pub fn hang_up(&mut self) {
        self.control = None;
        self.await_end();
    }

    pub fn await_end(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the agent did not end");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.control = None;
        if !thread::panicking() {
            self.await_end();
        }
    }
}

// === impl Child ===

impl Child {
    pub fn submit(&mut self, program: &Value) {
        self.submit_text(&program.to_string());
    }

    pub fn submit_text(&mut self, text: &str) {
        let mut bytes = u32::try_from(text.len()).unwrap().to_le_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        self.request.write_all(&bytes).unwrap();
    }
}

// === impl Outcome ===

impl Outcome {
    /// The result of a program that succeeded.
    pub fn result(&self) -> Value {
        match self.frames.as_slice() {
            [.., (Kind::Success, payload)] => serde_json::from_str(payload).unwrap(),
            _ => panic!("no result: {self:?}"),
        }
    }

    /// The failure of a program that failed.
    pub fn failure(&self) -> Failure {
        match self.frames.as_slice() {
            [.., (Kind::Failure, payload)] => serde_json::from_str(payload).unwrap(),
            _ => panic!("no failure: {self:?}"),
        }
    }
}

/// A transformer of one value.
pub fn transform(code: &str, value: Value) -> Value {
    transform_all(code, vec![value])
}

pub fn transform_all(code: &str, values: Vec<Value>) -> Value {
    json!({ "code": code, "entry": "transform", "params": {}, "values": values, "limits": limits() })
}

pub fn script(code: &str) -> Value {
    json!({ "code": code, "entry": "script", "params": {}, "limits": limits() })
}

pub fn limits() -> Value {
    json!({ "memory": 128 << 20, "cpu_seconds": 10, "open_files": 64, "tmpfs": 8 << 20, "result": 1 << 20 })
}

/// Runs code whose `main` is expected to fail, in a sandbox of its own.
pub fn failure_of(code: &str) -> Failure {
    Sandbox::start().run(&script(code)).failure()
}

/// Runs code whose `main` returns, in a sandbox of its own.
pub fn result_of(code: &str) -> Value {
    Sandbox::start().run(&script(code)).result()
}

/// A process and its parent; `None` for what is no process.
fn parent_of(entry: &fs::DirEntry) -> Option<(i32, i32)> {
    let pid = entry.file_name().to_str()?.parse().ok()?;
    let text = fs::read_to_string(entry.path().join("stat")).ok()?;
    // The name before it is in parentheses and may hold anything.
    let parent = text.rsplit_once(')')?.1.split_whitespace().nth(1)?;
    Some((pid, parent.parse().ok()?))
}

fn await_readable(descriptor: BorrowedFd<'_>) {
    let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    let ready = poll(&mut [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)], Some(&patience)).unwrap();
    assert!(ready > 0, "nothing came for {PATIENCE:?}");
}

fn read_text(mut file: File) -> String {
    let mut bytes = Vec::new();
    loop {
        await_readable(file.as_fd());
        let mut buffer = [0; 65536];
        match file.read(&mut buffer).unwrap() {
            0 => return String::from_utf8_lossy(&bytes).into_owned(),
            length => bytes.extend_from_slice(&buffer[..length]),
        }
    }
}

/// Every frame up to the end of the pipe.
fn read_frames(file: &mut File) -> Vec<(Kind, String)> {
    let mut frames = Vec::new();
    loop {
        await_readable(file.as_fd());
        let mut header = [0; frame::HEADER];
        if file.read_exact(&mut header).is_err() {
            return frames;
        }
        let (kind, length) = frame::parse_header(header).expect("a known kind");
        let mut payload = vec![0; length];
        file.read_exact(&mut payload).unwrap();
        frames.push((kind, String::from_utf8(payload).unwrap()));
    }
}
