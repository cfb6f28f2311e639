//! The engine on real children: an interpreter runs programs, and is put back after each, or is not.
#![allow(unsafe_code)]

use std::{
    io::{Read, Write},
    os::fd::AsFd,
    process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio},
};

use rustix::fs::CWD;
use sandbox_protocol::call_policy::CHILD_RESTORED;

use super::*;
use crate::filter::{self, ENDS, SHOWN, STAYS, WAITS};

const CHILD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/restore/tests/child.py");
/// The same addresses and hashes in each, as children of one zygote have them; and a heap that does not grow.
const ALIKE: [&str; 3] = ["-R", "python3", CHILD];
const ENVIRONMENT: [(&str, &str); 3] = [("MALLOC_TOP_PAD_", "4194304"), ("MALLOC_TRIM_THRESHOLD_", "67108864"), ("PYTHONHASHSEED", "0")];

/// A child of this thread, which follows it.
struct Interpreter {
    process: Process,
    pid: Pid,
    request: ChildStdin,
    answers: ChildStdout,
}

/// What one program did.
#[derive(Debug, Default)]
struct Ran {
    answer: String,
    /// Whether it made calls whose traces are shown.
    looked: bool,
    /// Numbers of the calls of which something stays.
    stays: Vec<u64>,
}

// === impl Interpreter ===

impl Interpreter {
    /// Starts one, and brings it to where it waits for its program.
    fn start() -> (Self, Followed) {
        let interpreter = Self::spawn("alone", "");
        assert_eq!(interpreter.stop(), Some(libc::SIGSTOP));
        let followed = interpreter.follow(None);
        (interpreter, followed)
    }

    /// The same of a copy of another one, which goes on to live, and has run a program before.
    fn copy(warming: &str) -> (Self, Followed) {
        let mut interpreter = Self::spawn("copy", warming);
        let mut number = [0; 8];
        interpreter.answers.read_exact(&mut number).unwrap();
        let pid = i32::try_from(u64::from_ne_bytes(number)).ok().and_then(Pid::from_raw).unwrap();
        let origin = std::mem::replace(&mut interpreter.pid, pid);
        assert_eq!(interpreter.stop(), Some(libc::SIGSTOP));
        let origin = Rc::new(Origin::new(origin, &directory_of(origin)).unwrap());
        let followed = interpreter.follow(Some(origin));
        (interpreter, followed)
    }

    fn spawn(kind: &str, warming: &str) -> Self {
        let code = filter::bytes(&filter::followed_program(&CHILD_RESTORED).unwrap());
        let code: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut command = Command::new("setarch");
        command.args(ALIKE).args([&code, kind, warming]).env_clear().env("PATH", "/usr/bin:/bin").envs(ENVIRONMENT);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("setarch and python3 are installed");
        let (request, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let pid = Pid::from_child(&process);
        Interpreter { process, pid, request, answers }
    }

    /// Follows it from its first stop to where it waits.
    fn follow(&self, origin: Option<Rc<Origin>>) -> Followed {
        let number = self.pid.as_raw_nonzero().get();
        let mut followed = Followed::new(number, directory_of(self.pid), origin).unwrap();
        resume(number, 0).unwrap();
        while self.told() != WAITS {
            followed.note(called(number).unwrap());
            resume(number, 0).unwrap();
        }
        followed
    }

    fn ready() -> (Self, Snapshot) {
        let (interpreter, followed) = Self::start();
        let snapshot = followed.snapshot().unwrap();
        (interpreter, snapshot)
    }

    /// Waits for a stop: its status, without the lowest byte. `None` when the child has ended.
    fn stop(&self) -> Option<i32> {
        let mut status = 0;
        // SAFETY: the status is a valid place.
        let pid = unsafe { libc::waitpid(self.pid.as_raw_nonzero().get(), &raw mut status, libc::__WALL) };
        assert_eq!(pid, self.pid.as_raw_nonzero().get());
        libc::WIFSTOPPED(status).then_some(status >> 8)
    }

    /// Waits until the filter tells of a call.
    fn told(&self) -> u32 {
        assert_eq!(self.stop(), Some(libc::SIGTRAP | libc::PTRACE_EVENT_SECCOMP << 8));
        told(self.pid.as_raw_nonzero().get()).unwrap()
    }

    /// Runs a program to its end, and leaves the child stopped there.
    fn run(&mut self, program: &str) -> Ran {
        self.request.write_all(program.as_bytes()).unwrap();
        let mut ran = Ran::default();
        loop {
            resume(self.pid.as_raw_nonzero().get(), 0).unwrap();
            match self.told() {
                ENDS => break,
                SHOWN => ran.looked = true,
                STAYS => ran.stays.push(called(self.pid.as_raw_nonzero().get()).unwrap()),
                other => panic!("told of {other}"),
            }
        }
        let mut answer = vec![0; 1 << 16];
        let length = self.answers.read(&mut answer).unwrap();
        ran.answer = String::from_utf8(answer[..length].to_vec()).unwrap();
        ran
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        // All fail where it has ended, which is as good.
        let _ = rustix::process::kill_process(self.pid, rustix::process::Signal::KILL);
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn directory_of(pid: Pid) -> OwnedFd {
    openat(CWD, format!("/proc/{}", pid.as_raw_nonzero()), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

impl Snapshot {
    /// Addresses of the pages that are not what they were.
    fn different_pages(&self) -> Vec<u64> {
        let ranges = self.image.ranges();
        let now = Image::whole(self.pid, ranges.clone()).unwrap();
        let differs = |&page: &usize| now.page(page).unwrap() != self.image.page(page).unwrap();
        (0..ranges.pages()).filter(differs).map(|page| ranges.address_of(page)).collect()
    }

    fn is_as_it_was(&self) -> bool {
        self.different_pages().is_empty() && self.visible.compare(self.directory.as_fd()).is_ok()
    }
}

const PROGRAMS: [(&str, &str); 6] = [
    ("answer = sum(range(1000))", "499500"),
    ("import re\nanswer = re.sub('[^a-z]+', '-', 'One, two; three'.lower())", "one-two-three"),
    ("import json\nanswer = json.dumps({'a': [1, 2.5, None]})", "{\"a\": [1, 2.5, null]}"),
    ("import builtins\nanswer = getattr(builtins, 'left', 'nothing')\nbuiltins.left = 'something'", "nothing"),
    ("import sys\nanswer = len(sys.modules.get('left', ''))\nsys.modules['left'] = 'x' * 100000", "0"),
    ("def deep(n):\n    return 0 if n == 0 else 1 + deep(n - 1)\nanswer = deep(100)", "100"),
];

#[test]
fn memory_and_what_is_shown_are_what_they_were_after_every_program() {
    let (mut interpreter, mut snapshot) = Interpreter::ready();
    for round in 0..20 {
        for (program, expected) in PROGRAMS {
            let ran = interpreter.run(program);
            assert_eq!((ran.answer.as_str(), ran.stays.as_slice()), (expected, [].as_slice()), "{program}");
            snapshot.restore(ran.looked).unwrap_or_else(|lost| panic!("{program}: {lost:?}"));
            if round == 0 || round == 19 {
                assert!(snapshot.is_as_it_was(), "{program}: {:x?}", snapshot.different_pages());
            }
        }
    }
    assert_eq!(snapshot.restored(), 120);
    assert!(snapshot.heat.hot_pages > 10, "{} pages are hot", snapshot.heat.hot_pages);
}

#[test]
fn memory_that_is_written_in_patches_is_put_back() {
    // Every second page: more regions than one look at the pages tells of.
    let program = "before = sum(PATCHES[::8192])\nfor place in range(0, len(PATCHES), 8192):\n    PATCHES[place] = 1\nanswer = before";
    let (mut interpreter, mut snapshot) = Interpreter::ready();
    for _ in 0..3 {
        let ran = interpreter.run(program);
        assert_eq!(ran.answer, "0");
        assert!(changes(&snapshot.tracking, snapshot.image.ranges()).unwrap().written.len() > 1000);
        snapshot.restore(ran.looked).unwrap();
        assert!(snapshot.is_as_it_was());
    }
}

#[test]
fn registers_are_what_they_were() {
    let (mut interpreter, mut snapshot) = Interpreter::ready();
    for number in 0..3 {
        let ran = interpreter.run(&format!("answer = sum(i * {number}.5 for i in range(100))"));
        snapshot.restore(ran.looked).unwrap();
        let now = Registers::read(snapshot.pid).unwrap();
        assert!(now == snapshot.registers);
    }
}

/// Runs a program of whose calls something stays, or none, and says what a restore that does not ask for them finds.
fn lost(program: &str) -> (Ran, Lost) {
    let (mut interpreter, mut snapshot) = Interpreter::ready();
    let ran = interpreter.run(program);
    match snapshot.restore(true) {
        Err(lost) => (ran, lost),
        Ok(()) => panic!("{program}: put back: {ran:?}"),
    }
}

/// Addresses that are tracked: in the largest writable mapping, found as a program finds them.
const PLACE: &str = "import ctypes\nbuffer = ctypes.create_string_buffer(1 << 14)\nplace = (ctypes.addressof(buffer) + 4095) & ~4095\n";

#[test]
fn memory_that_was_removed_moved_or_replaced_loses_the_child() {
    let ways = [
        "answer = call(11, place, 4096)",
        "answer = call(9, place, 4096, 3, 0x32, -1, 0) == place",
        "to = call(9, 0, 4096, 3, 0x22, -1, 0)\ncall(25, place, 4096, 4096, 3, to)\nanswer = call(25, to, 4096, 4096, 3, place) == place",
    ];
    for way in ways {
        let program = format!("{PLACE}{way}");
        let (mut interpreter, mut snapshot) = Interpreter::ready();
        let ran = interpreter.run(&program);
        // Asked for nothing that is shown: the pages alone tell.
        match snapshot.restore(false) {
            Err(Lost::Uncovered { covered, tracked }) => assert!(covered < tracked, "{way}"),
            other => panic!("{way}: {other:?} after {ran:?}"),
        }
    }
}

#[test]
fn pages_that_are_not_there_any_more_are_put_back() {
    // The second is as pages look that the kernel moves or has taken back: not there, and not written. The library is one that the program does
    // not use meanwhile.
    let (mut interpreter, mut snapshot) = Interpreter::ready();
    let ranges = snapshot.image.ranges().clone();
    let ways = [(format!("{PLACE}answer = call(28, place, 8192, 4)"), 0), (of_library("answer = call(28, data, 4096, 4)", &snapshot), 1)];
    for (way, missing) in ways {
        for _ in 0..2 {
            let ran = interpreter.run(&way);
            assert_eq!(ran.answer, "0");
            assert_eq!(changes(&snapshot.tracking, &ranges).unwrap().missing.len(), missing, "{way}");
            snapshot.restore(false).unwrap();
            assert!(snapshot.is_as_it_was(), "{way}: {:x?}", snapshot.different_pages());
        }
        assert_eq!(interpreter.run("answer = 1 + 1").answer, "2");
        let changed = changes(&snapshot.tracking, &ranges).unwrap();
        assert!(changed.missing.is_empty() && changed.written.len() * 4 < ranges.pages(), "they are protected again");
        snapshot.restore(false).unwrap();
    }
}

#[test]
fn a_child_of_which_more_is_missing_than_is_read_is_lost() {
    // As where the kernel has taken pages for lack of memory: mapped from a file, thrown away, and not written.
    let (mut interpreter, mut snapshot) = Interpreter::ready();
    let throw_away = |pages: usize| format!("answer = call(28, MAPPED, {}, 4)", pages * 4096);
    assert_eq!(interpreter.run(&throw_away(MOST_MISSING_PAGES)).answer, "0");
    snapshot.restore(false).unwrap();
    assert!(snapshot.is_as_it_was(), "{:x?}", snapshot.different_pages());
    assert_eq!(interpreter.run(&throw_away(MOST_MISSING_PAGES + 1)).answer, "0");
    let lost = snapshot.restore(false).unwrap_err();
    assert!(matches!(lost, Lost::Missing(missing) if missing > MOST_MISSING_PAGES), "{lost:?}");
    assert_eq!(lost.left(), Left::Pages);
}

#[test]
fn tables_that_the_loader_filled_are_not_to_be_mapped_anew_from_their_file() {
    let (mut interpreter, mut snapshot) = Interpreter::ready();
    let program = "file = os.open(name, os.O_RDONLY)\nanswer = call(9, table, data - table, 1, 0x12, file, offset) - table\nos.close(file)";
    let ran = interpreter.run(&of_library(program, &snapshot));
    assert_eq!(ran.answer, "0");
    assert!(matches!(snapshot.restore(true), Err(Lost::Uncovered { .. })));
}

/// A program that knows where a library lies which it does not use: the tables that the loader has filled, of which the last mapping that is only
/// read is, and the data behind them.
fn of_library(program: &str, snapshot: &Snapshot) -> String {
    let maps = visible::mappings(snapshot.directory.as_fd()).unwrap();
    let find = "import os
lines = [line.split() for line in MAPS.splitlines()]
answer = 'no such mapping'
[(line, after)] = [pair for pair in zip(lines, lines[1:]) if '/libz.so' in pair[0][-1] and pair[0][1] == 'r--p' and pair[1][1] == 'rw-p']
name, offset = line[-1], int(line[2], 16)
table, data, data_end = int(line[0].split('-')[0], 16), *(int(word, 16) for word in after[0].split('-'))";
    format!("MAPS = '''{maps}'''\n{find}\n{program}")
}

#[test]
fn what_a_program_leaves_mapped_or_open_loses_the_child() {
    let check = |program: &str, expected: Left| match lost(program) {
        (ran, Lost::Differs(what)) => assert!(what == expected && ran.looked, "{program}: {what:?} {ran:?}"),
        (ran, other) => panic!("{program}: {other:?} {ran:?}"),
    };
    check("answer = call(9, 0, 65536, 3, 0x22, -1, 0)", Left::Mappings);
    check("import os\nanswer = os.open('/dev/null', os.O_RDONLY)", Left::Descriptors);
    check("import os\nanswer = os.pipe()", Left::Descriptors);
}

#[test]
fn a_stack_that_has_grown_loses_the_child() {
    // The C library's own recursion: each element of the pattern is a frame.
    let program = "import ctypes\nsize = 1 << 20\nclass Big(ctypes.Structure):\n    _fields_ = [('x', ctypes.c_char * size)]\n\
                   f = ctypes.CDLL(None).labs\nf.argtypes = [Big]\nanswer = f(Big())";
    let (ran, lost) = lost(program);
    assert!(matches!(lost, Lost::Grown(_) | Lost::Differs(Left::Mappings)), "{lost:?} {ran:?}");
    let (mut interpreter, mut snapshot) = Interpreter::ready();
    interpreter.run(program);
    assert!(matches!(snapshot.restore(false), Err(Lost::Grown(_))), "the pages alone tell");
}

#[test]
fn calls_of_which_something_stays_are_seen() {
    let calls = [
        ("import os\nos.chdir('/')", libc::SYS_chdir),
        ("import os\nos.umask(0o77)", libc::SYS_umask),
        ("import os\nos.close(0)", libc::SYS_close),
        ("import os\nos.dup2(4, 9)", libc::SYS_dup2),
        ("import fcntl\nfcntl.fcntl(4, fcntl.F_SETFL, 2048)", libc::SYS_fcntl),
        ("import os\nos.set_blocking(4, True)", libc::SYS_ioctl),
        ("import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)", libc::SYS_rt_sigaction),
        ("import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])", libc::SYS_rt_sigprocmask),
        ("import signal\nsignal.setitimer(signal.ITIMER_PROF, 30)", libc::SYS_setitimer),
        ("import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))", libc::SYS_prlimit64),
        ("call(10, 4096 * (id(call) // 4096), 4096, 3)", libc::SYS_mprotect),
        ("call(12, 0)", libc::SYS_brk),
        ("call(28, 4096 * (id(call) // 4096), 4096, 0)", libc::SYS_madvise),
        ("import os, tempfile\nos.unlink(tempfile.mkstemp()[1])", libc::SYS_openat),
    ];
    let (mut interpreter, mut snapshot) = Interpreter::ready();
    for (program, call) in calls {
        let ran = interpreter.run(program);
        assert!(ran.stays.contains(&(call as u64)), "{program}: {ran:?}");
        if snapshot.restore(true).is_err() {
            (interpreter, snapshot) = Interpreter::ready();
        }
    }
}

#[test]
fn nothing_of_a_program_is_left_in_the_memory_of_the_next() {
    let secret = "kanarienvogel";
    let program = format!(
        "import json, re
text = ('{}' * 3)[::-1]
held = [text + str(number) for number in range(500)]
found = json.loads(json.dumps(held))
answer = len(re.findall(text, ' '.join(found)))",
        secret.chars().rev().collect::<String>()
    );
    let (mut interpreter, mut snapshot) = Interpreter::ready();
    let ran = interpreter.run(&program);
    assert_eq!(ran.answer, "500");
    assert!(occurrences(&snapshot, secret) > 0, "the program has left its words before it is put back");
    snapshot.restore(true).unwrap_or_else(|lost| panic!("it left nothing but memory: {lost:?}, {ran:?}"));
    assert_eq!(occurrences(&snapshot, secret), 0);
}

fn occurrences(snapshot: &Snapshot, word: &str) -> usize {
    let now = Image::whole(snapshot.pid, snapshot.image.ranges().clone()).unwrap();
    (0..now.ranges().pages()).filter(|&page| now.page(page).unwrap().windows(word.len()).any(|window| window == word.as_bytes())).count()
}

#[test]
fn of_a_copy_only_what_differs_from_its_origin_is_read_and_all_of_it_is_put_back() {
    let (mut copy, followed) = Interpreter::copy("");
    let mut snapshot = followed.snapshot().unwrap();
    assert!(snapshot.is_as_it_was(), "what was left in the origin is the copy's: {:x?}", snapshot.different_pages());
    let (own, all) = (snapshot.image.own_pages(), snapshot.image.ranges().pages());
    assert!(own * 4 < all, "{own} of {all} pages were read");
    for (program, expected) in PROGRAMS {
        let ran = copy.run(program);
        assert_eq!(ran.answer, expected);
        snapshot.restore(ran.looked).unwrap();
        assert!(snapshot.is_as_it_was(), "{program}: {:x?}", snapshot.different_pages());
    }
}

#[test]
fn a_copy_that_has_more_to_write_to_than_its_origin_is_read_as_a_whole() {
    let (_copy, followed) = Interpreter::copy("answer = call(9, 0, 65536, 3, 0x22, -1, 0)");
    let snapshot = followed.snapshot().unwrap();
    assert!(snapshot.image.own_pages() * 4 > snapshot.image.ranges().pages());
    assert!(snapshot.is_as_it_was());
}

#[test]
fn what_a_copy_has_replaced_while_it_warmed_up_is_read_of_itself() {
    let ways = [
        // The same mappings as before, of which one is another.
        format!("{PLACE}answer = call(9, place, 4096, 3, 0x32, -1, 0) == place"),
        format!("{PLACE}answer = call(28, place, 4096, 4)"),
    ];
    for way in ways {
        let (_copy, followed) = Interpreter::copy(&way);
        let snapshot = followed.snapshot().unwrap();
        assert!(snapshot.is_as_it_was(), "{way}: {:x?}", snapshot.different_pages());
    }
}

#[test]
fn a_child_with_memory_that_others_can_change_is_not_put_back() {
    let (mut interpreter, snapshot) = Interpreter::ready();
    interpreter.run("answer = call(9, 0, 4096, 3, 0x21, -1, 0)");
    let shared = visible::mappings(snapshot.directory.as_fd()).unwrap();
    assert!(Ranges::of(&shared, |_, _| Ok(false)).is_err());
    assert!(!snapshot.image.ranges().hold(&shared, |_, _| Ok(false)).unwrap());
}

#[test]
fn a_child_ends_with_whoever_follows_it() {
    let follower = std::thread::spawn(|| {
        let (interpreter, _snapshot) = Interpreter::ready();
        let pid = interpreter.pid;
        std::mem::forget(interpreter);
        pid
    });
    let pid = follower.join().unwrap();
    let mut status = 0;
    // SAFETY: the status is a valid place. The child is this process's, whichever thread made it.
    assert_eq!(unsafe { libc::waitpid(pid.as_raw_nonzero().get(), &raw mut status, 0) }, pid.as_raw_nonzero().get());
    assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL, "{status:x}");
}
