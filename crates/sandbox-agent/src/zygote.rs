//! The zygote interpreter: starting it, and the few messages that go to and fro.

use std::{
    ffi::CString,
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{CWD, Mode, OFlags, fcntl_setfl, openat},
    pipe::{PipeFlags, pipe_with},
};
use sandbox_protocol::{
    call_policy::{CHILD_LANDLOCK, CHILD_PROCESSES, CHILD_RESTORED, CHILD_STRICT, KEPT_REQUEST, ZYGOTE_FOLLOWED},
    control::{Class, Configure, PRELOAD_STAGE, SealMode},
};
use serde::{Deserialize, Serialize};

use crate::{
    channel::{Channel, DESCRIPTORS},
    confined::{Confined, Wall},
    fault::{AtStage, Fault},
    filter, home,
    outside::Outside,
    part, restore, stage, sys, weaken,
};

/// Descriptors of the interpreter: stdin, stdout and stderr, the agent, procfs, `/dev/null`, and without namespaces the rules of
/// children, the agent's files, and in gVisor the streams of the one child. The script knows these numbers.
const NULL_TARGETS: [i32; 3] = [0, 1, 5];
const STDERR_TARGET: i32 = 2;
const CHANNEL_TARGET: i32 = 3;
const PROC_TARGET: i32 = 4;
const RULES_TARGET: i32 = 6;
const FIRST_STREAM_TARGET: i32 = home::END_TARGET;

const OPTIONS: [&str; 6] = ["-I", "-S", "-E", "-B", "-X", "utf8"];
/// The loader finds every function at once, so that no child has to. The script removes what is not for programs.
const ENVIRONMENT: [&str; 3] = ["LANG=C.UTF-8", "TZ=UTC", "LD_BIND_NOW=1"];
/// The end of what the interpreter wrote to stderr, kept for a fault.
const WORDS: usize = 4096;
/// A file of `/tmp` has at least a page, but small files are many.
const BYTES_PER_FILE: u64 = 4096;
/// Where a child that runs one program reads it, and closes it.
const REQUEST: u32 = 3;
/// What the interpreter itself has open, and a little.
const FEWEST_OPEN_FILES: u32 = 8;
const FEWEST_FILES: u64 = 1024;
/// Programs that a child runs at most, where it is put back: a bound for what must not grow for ever, such as its time of the processor.
pub const MOST_PROGRAMS: u32 = 10_000;

/// A running interpreter.
pub struct Zygote {
    /// Its process id in the agent's pid namespace.
    pub pid: i32,
    channel: Channel,
    stderr: File,
    words: Vec<u8>,
    /// Whether it ends once it has made a child, whose pipes the server has made.
    pub makes_one: bool,
}

/// What the zygote says.
pub enum Event {
    /// Its modules are loaded.
    Ready {
        /// Version of the interpreter.
        python_version: String,
    },
    /// A child is sealed.
    Child {
        /// The id that was asked for.
        child: u64,
        /// Process id in the agent's pid namespace.
        pid: i32,
        /// The server's ends of its pipes; none in gVisor, where the server has made them.
        pipes: Vec<OwnedFd>,
    },
}

/// The zygote's configuration: the first packet it reads.
#[derive(Serialize)]
struct Settings<'a> {
    preload: &'a [String],
    packages: &'a [String],
    /// Where the agent's files are.
    home: home::Paths,
    strict: bool,
    /// Where the interpreter finds the rules that take the place of namespaces; 0 where there are none.
    rules: i32,
    /// Where it finds the first of a child's streams; 0 where it makes pipes.
    streams: i32,
    /// The lowest bit; above it what a test leaves out.
    shared_memory: u64,
    filter: String,
    tmpfs_options: String,
    memory: u64,
    cpu_seconds: u32,
    open_files: u32,
    tmpfs: u64,
    /// The child itself included.
    processes: u64,
    /// Programs that one child runs at most; 0 where it runs one and is not put back.
    programs: u32,
    /// Where it reads them.
    request: u32,
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
enum Message {
    Ready {
        python_version: String,
    },
    Child {
        child: u64,
        pid: i32,
    },
    Fault {
        stage: i64,
        error: i32,
    },
    /// Modules that left threads behind; none where it is not known which.
    Threads {
        modules: Vec<String>,
    },
}

// === impl Zygote ===

impl Zygote {
    /// Starts the interpreter and tells it its configuration. [`Event::Ready`] follows when its modules are loaded.
    ///
    /// # Errors
    /// The step that failed.
    pub fn start(configure: &Configure, outside: &Outside, confined: Option<&Confined>) -> Result<Self, Fault> {
        const STAGE: &str = "start the interpreter";
        let settings = Settings::new(configure, confined.map(|confined| &confined.wall))?;
        let script = settings.home.zygote.clone();
        let settings = serde_json::to_vec(&settings).map_err(|error| Fault::new(STAGE, error))?;
        let (channel, other) = Channel::pair().at(STAGE)?;
        let (stderr, stderr_end) = pipe_with(PipeFlags::CLOEXEC).at(STAGE)?;
        fcntl_setfl(&stderr, OFlags::NONBLOCK).at(STAGE)?;
        let null = openat(CWD, "/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).at("open /dev/null")?;
        let mut files: Vec<_> = NULL_TARGETS.map(|target| (sys::raw(&null), target)).to_vec();
        files.push((sys::raw(&stderr_end), STDERR_TARGET));
        files.push((sys::raw(&other), CHANNEL_TARGET));
        files.push((sys::raw(&outside.proc()), PROC_TARGET));
        if let Some(confined) = confined {
            match &confined.wall {
                Wall::Landlock { rules, .. } => files.push((sys::raw(rules), RULES_TARGET)),
                // Its own place stays taken, so that no descriptor of the seal lies there.
                Wall::Gvisor { streams } => {
                    files.push((sys::raw(&null), RULES_TARGET));
                    files.extend(streams.iter().map(sys::raw).zip(FIRST_STREAM_TARGET..));
                }
            }
            files.extend(confined.files.iter().map(sys::raw).zip(home::FIRST_TARGET..));
        }
        let python = &configure.layout.python;
        let arguments = [python.as_str()].into_iter().chain(OPTIONS).chain([script.as_str()]);
        let program = c_string(python).at(STAGE)?;
        let arguments = arguments.map(c_string).collect::<io::Result<Vec<_>>>().at(STAGE)?;
        let leak = weaken::off(part::ENVIRONMENT).then_some("ZONA_LEAK=1");
        let environment = ENVIRONMENT.into_iter().chain(leak).map(c_string).collect::<io::Result<Vec<_>>>().at(STAGE)?;
        // The agent follows children, and nobody else anybody.
        let filter = if configure.restore && !weaken::off(part::OUTER_FILTER) { Some(filter::program(&ZYGOTE_FOLLOWED)?) } else { None };
        let pid = sys::spawn(&program, &arguments, &environment, &files, filter).at(STAGE)?;
        drop(other);
        let makes_one = confined.is_some_and(|confined| confined.wall.is_gvisor());
        let zygote = Zygote { pid, channel, stderr: File::from(stderr), words: Vec::new(), makes_one };
        zygote.tell(&settings).at("configure the interpreter")?;
        Ok(zygote)
    }

    /// Asks for one more child.
    ///
    /// # Errors
    /// What the system says.
    pub fn fork(&self, child: u64) -> Result<(), Fault> {
        let message = format!("{{\"child\":{child}}}");
        self.tell(message.as_bytes()).at("ask the interpreter for a child")
    }

    /// Sends a packet. Where the interpreter is gone, what it said last and its end tell why: [`Zygote::event`].
    fn tell(&self, bytes: &[u8]) -> io::Result<()> {
        match self.channel.send(bytes, &[]) {
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
            sent => sent,
        }
    }

    /// Whether it has said something that was not read, or hung up.
    ///
    /// # Errors
    /// What the system says.
    pub fn has_news(&self) -> Result<bool, Fault> {
        let mut polled = [PollFd::new(&self.channel, PollFlags::IN)];
        let ready = poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).at("listen to the interpreter")?;
        Ok(ready > 0)
    }

    /// Reads what the zygote says; `None` when it hung up.
    ///
    /// # Errors
    /// It says that a child cannot be made, or nothing that can be understood.
    pub fn event(&self) -> Result<Option<Event>, Fault> {
        let packet = loop {
            match self.channel.receive() {
                // It ended without having read everything. The kernel says so once, before what the interpreter has said.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                packet => break packet.at("listen to the interpreter")?,
            }
        };
        if packet.bytes.is_empty() {
            return Ok(None);
        }
        let message = serde_json::from_slice(&packet.bytes).map_err(|error| Fault::new("listen to the interpreter", error))?;
        let pipes = if self.makes_one { 0 } else { DESCRIPTORS };
        match message {
            Message::Ready { python_version } => Ok(Some(Event::Ready { python_version })),
            Message::Child { child, pid } if packet.descriptors.len() == pipes => {
                Ok(Some(Event::Child { child, pid, pipes: packet.descriptors }))
            }
            Message::Child { .. } => Err(Fault::new("listen to the interpreter", "a child without its pipes")),
            Message::Fault { stage, error } => Err(unsealed(stage, error)),
            Message::Threads { modules } => Err(threaded(&modules)),
        }
    }

    /// What the interpreter writes to stderr, to wait for.
    pub fn stderr(&self) -> BorrowedFd<'_> {
        self.stderr.as_fd()
    }

    /// Keeps the end of what it has written. Returns whether more may come.
    pub fn read_stderr(&mut self) -> bool {
        let mut buffer = [0; WORDS];
        match self.stderr.read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => {
                self.words.extend_from_slice(&buffer[..length]);
                let surplus = self.words.len().saturating_sub(WORDS);
                self.words.drain(..surplus);
                true
            }
            Err(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
    }

    /// The fault of an interpreter that ended.
    pub fn death(&mut self, how: &str) -> Fault {
        // A dead writer's bytes are all in the pipe.
        while self.read_stderr() && !self.words.len().is_multiple_of(WORDS) {}
        let words = String::from_utf8_lossy(&self.words);
        Fault::new("zygote", format!("the interpreter ended: {how}: {}", words.trim()))
    }
}

impl AsFd for Zygote {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

// === impl Settings ===

impl<'a> Settings<'a> {
    fn new(configure: &'a Configure, wall: Option<&Wall>) -> Result<Self, Fault> {
        let Class { memory, tmpfs, open_files, cpu_seconds, processes } = configure.class;
        // To a tmpfs, a size of 0 means no limit.
        if memory == 0 || tmpfs < BYTES_PER_FILE || open_files < FEWEST_OPEN_FILES || cpu_seconds == 0 {
            return Err(Fault::new("class", format!("no program can run within {:?}", configure.class)));
        }
        let (policy, strict) = match (configure.seal, wall) {
            (SealMode::Strict, None) => (&CHILD_STRICT, true),
            (SealMode::Strict, Some(Wall::Landlock { .. })) => (&CHILD_LANDLOCK, true),
            (SealMode::Processes, None) => (&CHILD_PROCESSES, false),
            (SealMode::Processes, Some(Wall::Landlock { .. })) => return Err(Fault::new("seal", "processes of a program need namespaces")),
            // gVisor does not keep the limit of processes.
            (SealMode::Processes, Some(Wall::Gvisor { .. })) => (&CHILD_STRICT, true),
            (SealMode::Strict, Some(Wall::Gvisor { .. })) => return Err(Fault::new("seal", "a container of gVisor runs one program")),
        };
        if configure.restore && open_files > KEPT_REQUEST {
            return Err(Fault::new("class", format!("children with more than {KEPT_REQUEST} descriptors are not put back")));
        }
        if configure.restore && (!strict || wall.is_some()) {
            return Err(Fault::new("seal", "children are put back in namespaces, and where they have no processes"));
        }
        let program = if configure.restore { filter::followed_program(&CHILD_RESTORED)? } else { filter::program(policy)? };
        let files = (tmpfs / BYTES_PER_FILE).max(FEWEST_FILES);
        Ok(Settings {
            preload: &configure.preload,
            packages: &configure.layout.packages,
            home: if wall.is_some() { home::Paths::in_memory() } else { home::Paths::in_root() },
            strict,
            rules: if matches!(wall, Some(Wall::Landlock { .. })) { RULES_TARGET } else { 0 },
            streams: if wall.is_some_and(Wall::is_gvisor) { FIRST_STREAM_TARGET } else { 0 },
            shared_memory: u64::from(!strict) | weaken::mask() << 1,
            filter: hexadecimal(&filter::bytes(&program)),
            tmpfs_options: match weaken::off(part::TMPFS_LIMIT) {
                false => format!("size={tmpfs},nr_inodes={files},mode=1777"),
                true => "mode=1777".to_owned(),
            },
            memory,
            cpu_seconds,
            open_files,
            tmpfs,
            processes: u64::from(processes) + 1,
            programs: if configure.restore { MOST_PROGRAMS } else { 0 },
            request: if configure.restore { KEPT_REQUEST } else { REQUEST },
        })
    }
}

fn unsealed(stage: i64, error: i32) -> Fault {
    let stage = match stage {
        -1 => "clone",
        -3 => "make pipes",
        -2 => return Fault::new("seal a child", "it ended before it was sealed"),
        stage if u32::try_from(stage) == Ok(stage::FOLLOWED) => {
            return restore::unable("let a child be followed", &io::Error::from_raw_os_error(error));
        }
        stage => stage::words(u32::try_from(stage).unwrap_or(0)),
    };
    Err::<(), _>(io::Error::from_raw_os_error(error))
        .at(format!("seal a child: {stage}"))
        .err()
        .unwrap_or_else(|| Fault::new("seal a child", stage))
}

/// A child is a copy of an interpreter that has one thread: what others held would be held for ever.
fn threaded(modules: &[String]) -> Fault {
    let who = match modules {
        [] => "a preloaded module".to_owned(),
        names => names.join(", "),
    };
    Fault::new(PRELOAD_STAGE, format!("{who}: the import leaves threads running"))
        .with_hint("take it off the modules that are imported before a program arrives: `preload` of the runtime or of the configuration")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn c_string(text: &str) -> io::Result<CString> {
    Ok(CString::new(text)?)
}

#[cfg(test)]
mod tests;
