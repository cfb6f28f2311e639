//! Children that run one program after the other: what each of their stops means, and whether they are put back. A round is one program.
//!
//! A child that is not put back goes on and ends as every child does; then it is nobody's business here any more. It deliberately
//! reports nothing: the loop does.

use std::{collections::BTreeMap, io, rc::Rc};

use rustix::process::Pid;
use sandbox_protocol::control::{Left, RunLimits, Usage};

use crate::{
    attest,
    fault::{AtStage, Fault},
    filter::{ENDS, SHOWN, STAYS, WAITS},
    outside::Outside,
    part,
    restore::{self, Followed, Origin, Snapshot},
    sys::{self, Limited, Stopped},
    weaken,
    zygote::MOST_PROGRAMS,
};

/// Stops of one round after which it is the last: each costs the agent as long as the child.
const MOST_STOPS: u32 = 10_000;
const NANOS: u64 = 1_000_000_000;
/// The status of a process that its filter has stopped.
const AT_A_CALL: i32 = libc::SIGTRAP | libc::PTRACE_EVENT_SECCOMP << 8;
/// Signals of a processor that cannot go on. The first process of a namespace, which a child is, survives them while it is traced, and
/// meets them again at once.
const FAULTS: [i32; 6] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];
/// Not told of a call.
const NO_CALL: u32 = 0;
/// What one program may use, and a child of many programs only by and by.
const LIMITED: [Limited; 4] = [libc::RLIMIT_AS, libc::RLIMIT_CPU, libc::RLIMIT_NOFILE, libc::RLIMIT_FSIZE];

/// The children, by their process ids.
pub struct Rounds {
    children: BTreeMap<i32, Child>,
    zygote: Pid,
    /// What all children are copies of, once there is one.
    origin: Option<Rc<Origin>>,
    /// Whether a child has come to where it can be put back to.
    is_proven: bool,
}

struct Child {
    phase: Phase,
    /// What it had used when its round began.
    used: Usage,
    /// The signal that has ended it, where it had to be killed instead.
    fault: Option<i32>,
}

/// What is told of a child's end.
pub struct LastRound {
    /// What its last round used.
    pub usage: Usage,
    /// Why it was the last.
    pub left: Option<Left>,
    /// The signal that has ended it, whatever its status says.
    pub fault: Option<i32>,
}

enum Phase {
    /// It is sealed, and goes to where it waits for the first time.
    Warming(Followed),
    /// It is stopped where it waits.
    Waiting(Box<Snapshot>),
    Running(Box<Snapshot>, Round),
    /// It is not put back any more.
    Last(Box<Snapshot>, Left),
}

#[derive(Default)]
struct Round {
    /// Whether it made calls whose traces are shown.
    looked: bool,
    stops: u32,
}

/// What a stop means.
pub enum Means {
    /// Nothing to tell.
    Nothing,
    /// The child waits for its first program.
    Waits,
    /// A round has ended, and the child waits for the next one.
    Restored {
        /// What the round used.
        usage: Usage,
        /// How often the child was put back.
        count: u32,
    },
}

// === impl Rounds ===

impl Rounds {
    /// Without children; they will be copies of this process.
    pub fn new(zygote: Pid) -> Self {
        Rounds { children: BTreeMap::new(), zygote, origin: None, is_proven: false }
    }

    /// Looks at a stopped child, and lets it go on unless it waits.
    ///
    /// # Errors
    /// It cannot be followed, or its memory not be tracked: what the system says. Before the first child waits the sandbox may do without.
    pub fn stopped(&mut self, stop: &Stopped, outside: &Outside) -> Result<Means, Fault> {
        const STAGE: &str = "follow a child";
        let told = match stop.status {
            AT_A_CALL => restore::told(stop.pid),
            _ => Ok(NO_CALL),
        };
        let looked_at = match (told, self.children.remove(&stop.pid)) {
            (Ok(_), None) => self.adopt(stop, outside),
            (Ok(told), Some(child)) => self.look_at(child, stop, told),
            (Err(error), child) => {
                self.children.extend(child.map(|child| (stop.pid, child)));
                Err(error)
            }
        };
        match looked_at {
            // Somebody has killed it meanwhile; the news of its end follow.
            Err(_) if restore::is_gone(stop.pid) => Ok(Means::Nothing),
            Err(error) if !self.is_proven => Err(restore::unable(STAGE, &error)),
            means => means.at(STAGE),
        }
    }

    /// A child that nobody has heard of has been sealed so far that it can be followed.
    fn adopt(&mut self, stop: &Stopped, outside: &Outside) -> io::Result<Means> {
        let origin = self.origin(outside)?;
        let directory = outside.directory(&attest::directory(outside, stop.pid)?)?;
        let followed = Followed::new(stop.pid, directory, Some(origin))?;
        self.children.insert(stop.pid, Child { phase: Phase::Warming(followed), used: stop.usage, fault: None });
        restore::resume(stop.pid, 0)?;
        Ok(Means::Nothing)
    }

    /// The zygote, which has made a child and waits until it is sealed when this is asked first: its mappings do not change any more.
    fn origin(&mut self, outside: &Outside) -> io::Result<Rc<Origin>> {
        if let Some(origin) = &self.origin {
            return Ok(origin.clone());
        }
        let directory = outside.directory(&attest::directory(outside, self.zygote.as_raw_nonzero().get())?)?;
        let origin = Rc::new(Origin::new(self.zygote, &directory)?);
        self.origin = Some(origin.clone());
        Ok(origin)
    }

    fn look_at(&mut self, child: Child, stop: &Stopped, told: u32) -> io::Result<Means> {
        let Child { phase, used, .. } = child;
        match phase {
            // It would meet a fault again and again, and nobody would hear of it.
            Phase::Warming(_) | Phase::Waiting(_) if stop.status != AT_A_CALL => {
                Err(io::Error::other(format!("signal {} before it had a program", stop.status)))
            }
            Phase::Warming(followed) if told == WAITS => {
                let snapshot = followed.snapshot()?;
                self.is_proven = true;
                self.children.insert(stop.pid, Child { phase: Phase::Waiting(Box::new(snapshot)), used: stop.usage, fault: None });
                Ok(Means::Waits)
            }
            Phase::Warming(mut followed) if [SHOWN, STAYS].contains(&told) => {
                followed.note(restore::called(stop.pid)?);
                self.resume(stop, Child { phase: Phase::Warming(followed), used, fault: None })
            }
            Phase::Running(snapshot, round) if told == ENDS => self.end_round(snapshot, &round, used, stop),
            Phase::Running(snapshot, round) => {
                let phase = go_on(stop.pid, told, snapshot, round)?;
                self.resume(stop, Child { phase, used, fault: None })
            }
            phase => self.resume(stop, Child { phase, used, fault: None }),
        }
    }

    /// Puts the child back, or lets it end.
    fn end_round(&mut self, mut snapshot: Box<Snapshot>, round: &Round, used: Usage, stop: &Stopped) -> io::Result<Means> {
        let put_back = match snapshot.restored() + 1 {
            MOST_PROGRAMS.. => Err(Left::Programs),
            _ => snapshot.restore(round.looked).map_err(|lost| lost.left()),
        };
        if let Err(left) = put_back {
            return self.resume(stop, Child { phase: Phase::Last(snapshot, left), used, fault: None });
        }
        let means = Means::Restored { usage: since(&used, &stop.usage), count: snapshot.restored() };
        self.children.insert(stop.pid, Child { phase: Phase::Waiting(snapshot), used: stop.usage, fault: None });
        Ok(means)
    }

    fn resume(&mut self, stop: &Stopped, mut child: Child) -> io::Result<Means> {
        let signal = match (stop.status, &child.phase) {
            (AT_A_CALL, _) => 0,
            // The soft limit of a round ends as the hard one of a process does.
            (libc::SIGXCPU, _) => libc::SIGKILL,
            (signal, Phase::Last(snapshot, _)) if FAULTS.contains(&signal) && !snapshot.catches(signal)? => {
                child.fault = Some(signal);
                libc::SIGKILL
            }
            (signal, _) => signal,
        };
        self.children.insert(stop.pid, child);
        restore::resume(stop.pid, signal)?;
        Ok(Means::Nothing)
    }

    /// Whether the child waits.
    pub fn is_waiting(&self, pid: i32) -> bool {
        matches!(self.children.get(&pid), Some(Child { phase: Phase::Waiting(_), .. }))
    }

    /// Lets a waiting child go on to its program, within limits. Nothing happens to one that does not wait, or is gone.
    ///
    /// # Errors
    /// What the system says.
    pub fn run(&mut self, pid: i32, limits: &RunLimits) -> io::Result<()> {
        let (snapshot, used) = match self.children.remove(&pid) {
            Some(Child { phase: Phase::Waiting(snapshot), used, .. }) => (snapshot, used),
            other => {
                self.children.extend(other.map(|child| (pid, child)));
                return Ok(());
            }
        };
        let begun = begin_round(pid, &snapshot, limits);
        self.children.insert(pid, Child { phase: Phase::Running(snapshot, Round::default()), used, fault: None });
        if begun.is_err() && restore::is_gone(pid) { Ok(()) } else { begun }
    }

    /// Whether a signal may be sent to the child, which ends with its round then. One that waits would have it in its next round.
    ///
    /// # Errors
    /// What the system says.
    pub fn may_signal(&mut self, pid: i32) -> io::Result<bool> {
        match self.children.remove(&pid) {
            Some(child @ Child { phase: Phase::Warming(_) | Phase::Waiting(_), .. }) => {
                self.children.insert(pid, child);
                Ok(weaken::off(part::RESTORED_SIGNALS))
            }
            Some(Child { phase: Phase::Running(snapshot, _) | Phase::Last(snapshot, _), used, fault }) => {
                self.children.insert(pid, Child { phase: Phase::Last(snapshot, Left::Signal), used, fault });
                let sealed = seal_limits(pid);
                if sealed.is_err() && restore::is_gone(pid) { Ok(false) } else { sealed.map(|()| true) }
            }
            None => Ok(true),
        }
    }

    /// The child has ended, and has used so much in all.
    pub fn ended(&mut self, pid: i32, all: Usage) -> LastRound {
        match self.children.remove(&pid) {
            Some(Child { phase: Phase::Last(_, left), used, fault }) => LastRound { usage: since(&used, &all), left: Some(left), fault },
            Some(Child { used, fault, .. }) => LastRound { usage: since(&used, &all), left: None, fault },
            None => LastRound { usage: all, left: None, fault: None },
        }
    }
}

/// Sets the limits of a round, of which time is what was used so far and what may be, and lets the child go on. The kernel compares the limit
/// with another clock than the usage that it tells of; and limits are whole seconds, so a round may have almost one more.
fn begin_round(pid: i32, snapshot: &Snapshot, limits: &RunLimits) -> io::Result<()> {
    let seconds = sys::limited_time(pid)?.div_ceil(NANOS);
    let values = [
        snapshot.address_space().saturating_add(limits.memory),
        seconds.saturating_add(limits.cpu_seconds.into()),
        limits.open_files.into(),
        limits.tmpfs,
    ];
    for (resource, value) in LIMITED.into_iter().zip(values) {
        sys::limit(pid, resource, |_, hard| (value.min(hard), hard))?;
    }
    snapshot.forget_peak()?;
    restore::resume(pid, 0)
}

/// What a stop within a round makes of it.
fn go_on(pid: i32, told: u32, snapshot: Box<Snapshot>, round: Round) -> io::Result<Phase> {
    let round = Round { looked: round.looked || told == SHOWN, stops: round.stops + 1 };
    let left = match told {
        WAITS | SHOWN if round.stops < MOST_STOPS => return Ok(Phase::Running(snapshot, round)),
        STAYS if weaken::off(part::RESTORED_CALLS) => return Ok(Phase::Running(snapshot, round)),
        WAITS | SHOWN => Left::Stops,
        STAYS => Left::Call(restore::called(pid)?),
        _ => Left::Signal,
    };
    seal_limits(pid)?;
    Ok(Phase::Last(snapshot, left))
}

/// From here on the limits of the round are those of the process, which it cannot raise.
fn seal_limits(pid: i32) -> io::Result<()> {
    LIMITED.into_iter().try_for_each(|resource| sys::limit(pid, resource, |soft, _| (soft, soft)))
}

fn since(before: &Usage, now: &Usage) -> Usage {
    Usage {
        user_micros: now.user_micros.saturating_sub(before.user_micros),
        system_micros: now.system_micros.saturating_sub(before.system_micros),
        peak_memory_bytes: now.peak_memory_bytes,
    }
}
