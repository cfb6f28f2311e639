//! The agent's loop: commands from the server, news from the zygote, ends of children. One thread, and nothing in it waits for
//! a child.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal, kill_process},
};
use sandbox_protocol::control::{Command, Exit, Report};

use crate::{
    attest::{self, Own},
    children::{Announced, Children, Running},
    control::Control,
    fault::{AtStage, Fault},
    outside::Outside,
    rounds::{LastRound, Means, Rounds},
    sys::{self, Ended, News, Stopped},
    zygote::{Event, Zygote},
};

/// A sandbox at work.
pub struct Sandbox<'a> {
    control: &'a Control,
    outside: Outside,
    own: Own,
    signals: OwnedFd,
    zygote: Zygote,
    /// Whether the interpreter's stderr is still open.
    listening: bool,
    /// Whether the interpreter has made the only child that it makes, and ends.
    spent: bool,
    children: Children,
    /// Whether there may be news of children that no signal tells of any more.
    more_news: bool,
    /// Where children are put back.
    rounds: Option<Rounds>,
    /// Sealed, and on their way to where they wait for the first time: id and pipes, by process id.
    arriving: BTreeMap<i32, (u64, Vec<OwnedFd>)>,
}

/// News of children that are dealt with at once. Then commands are looked for again: a child may stop as fast as it is let go on.
const NEWS: usize = 16;

/// Whether the loop goes on.
#[derive(PartialEq, Eq)]
enum Then {
    Continue,
    End,
}

// === impl Sandbox ===

impl<'a> Sandbox<'a> {
    /// A sandbox around a zygote that was just started.
    pub fn new(control: &'a Control, outside: Outside, own: Own, signals: OwnedFd, zygote: Zygote, restore: bool) -> Self {
        let zygote_pid = zygote.pid;
        Sandbox {
            control,
            outside,
            own,
            signals,
            zygote,
            listening: true,
            spent: false,
            children: Children::default(),
            more_news: false,
            rounds: Pid::from_raw(zygote_pid).filter(|_| restore).map(Rounds::new),
            arriving: BTreeMap::new(),
        }
    }

    /// Serves until the server hangs up or asks to stop.
    ///
    /// # Errors
    /// The interpreter ended, a child could not be sealed, or the server broke the protocol.
    pub fn run(&mut self) -> Result<(), Fault> {
        loop {
            let [command, news, signal, words] = self.wait()?;
            if words {
                self.listening = self.zygote.read_stderr();
            }
            // News before ends: a child's announcement should be out before its end is.
            if news {
                self.hear()?;
            }
            if signal && self.handle_signals()? == Then::End {
                return Ok(());
            }
            if command && self.obey()? == Then::End {
                return Ok(());
            }
        }
    }

    /// Waits for something to do: a command, the zygote, a signal, the zygote's stderr.
    fn wait(&self) -> Result<[bool; 4], Fault> {
        let mut polled = vec![PollFd::new(self.control, PollFlags::IN), PollFd::new(&self.signals, PollFlags::IN)];
        if !self.spent {
            polled.push(PollFd::new(&self.zygote, PollFlags::IN));
        }
        let stderr = self.zygote.stderr();
        if self.listening {
            polled.push(PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::IN));
        }
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        match poll(&mut polled, self.more_news.then_some(&at_once)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).at("wait for events"),
        }
        let mut ready = polled.iter().map(|polled| !polled.revents().is_empty());
        let mut next = |polled: bool| polled && ready.next().unwrap_or(false);
        let (command, signal) = (next(true), next(true));
        Ok([command, next(!self.spent), signal || self.more_news, next(self.listening)])
    }

    fn obey(&mut self) -> Result<Then, Fault> {
        match self.control.command()? {
            None | Some(Command::Shutdown) => return Ok(Then::End),
            Some(Command::Configure(_)) => return Err(Fault::new("protocol", "a second `configure`")),
            Some(Command::Fork { child }) if !self.children.asked(child) => {
                return Err(Fault::new("protocol", format!("the child {child} exists")));
            }
            Some(Command::Fork { child }) => self.zygote.fork(child)?,
            Some(Command::Run { child, limits }) => {
                let pid = self.children.pid(child).filter(|pid| !self.arriving.contains_key(pid));
                let (Some(rounds), Some(pid)) = (&mut self.rounds, pid) else { return Ok(Then::Continue) };
                rounds.run(pid, &limits).at("let a child go on")?;
            }
            Some(Command::Interrupt { child }) => self.interrupt(child)?,
            Some(Command::Kill { child }) => {
                let pid = self.children.doom(child);
                self.signal(pid, Signal::KILL);
            }
        }
        Ok(Then::Continue)
    }

    fn hear(&mut self) -> Result<(), Fault> {
        match self.zygote.event()? {
            // Its end is reported when it is reaped, with its status.
            None => self.await_zygote_end(),
            Some(event) => self.pass_on(event),
        }
    }

    fn pass_on(&mut self, event: Event) -> Result<(), Fault> {
        match event {
            Event::Ready { python_version } => self.control.report(&Report::Ready { python_version }, &[]),
            Event::Child { child, pid, pipes } => self.announce(child, pid, pipes),
        }
    }

    /// Passes on what the zygote has said already, up to its hanging up.
    fn hear_out(&mut self) -> Result<(), Fault> {
        while !self.spent && self.zygote.has_news()? {
            let Some(event) = self.zygote.event()? else { break };
            self.pass_on(event)?;
        }
        Ok(())
    }

    fn await_zygote_end(&mut self) -> Result<(), Fault> {
        let ended = sys::await_end(self.zygote.pid).at("wait for the interpreter")?;
        Err(self.zygote.death(&ended.map(|ended| words(ended.exit)).unwrap_or_default()))
    }

    fn announce(&mut self, child: u64, pid: i32, pipes: Vec<OwnedFd>) -> Result<(), Fault> {
        let running = Running { pid, oom_kills: self.outside.oom_kills() };
        let announced = self.children.announced(child, running);
        match announced {
            Announced::Unknown => return Err(Fault::new("zygote", format!("nobody asked for the child {child}"))),
            Announced::Dead => return Err(Fault::new("seal a child", "it ended before it was handed out")),
            Announced::Alive | Announced::Doomed => {}
        }
        self.arriving.insert(pid, (child, pipes));
        if self.rounds.as_ref().is_none_or(|rounds| rounds.is_waiting(pid)) {
            self.hand_out(pid)?;
        }
        self.spent = self.zygote.makes_one;
        if announced == Announced::Doomed {
            self.signal(Some(pid), Signal::KILL);
        }
        Ok(())
    }

    /// Hands out a child that waits, once it was announced.
    fn hand_out(&mut self, pid: i32) -> Result<(), Fault> {
        let Some((child, pipes)) = self.arriving.remove(&pid) else { return Ok(()) };
        let seal = attest::seal(&self.outside, &self.own, pid)?;
        self.control.report(&Report::Child { child, seal }, &pipes)
    }

    fn interrupt(&mut self, child: u64) -> Result<(), Fault> {
        let pid = self.children.pid(child);
        let may = match (&mut self.rounds, pid) {
            (Some(rounds), Some(pid)) => rounds.may_signal(pid).at("interrupt a child")?,
            _ => true,
        };
        if may {
            self.signal(pid, Signal::INT);
        }
        Ok(())
    }

    fn handle_signals(&mut self) -> Result<Then, Fault> {
        let mut then = Then::Continue;
        while let Some(signal) = sys::read_signal(&self.signals).at("read a signal")? {
            if signal == libc::SIGTERM {
                then = Then::End;
            }
        }
        let mut ended = Vec::new();
        for _ in 0..NEWS {
            self.more_news = match sys::news().at("collect a child")? {
                Some(News::Ended(process)) => {
                    ended.push(process);
                    true
                }
                Some(News::Stopped(stop)) => self.look_at(&stop).map(|()| true)?,
                None => false,
            };
            if !self.more_news {
                break;
            }
        }
        // What was said before an end is why it came, or whose it is.
        if !ended.is_empty() {
            self.hear_out()?;
        }
        ended.into_iter().try_for_each(|process| self.bury(process))?;
        Ok(then)
    }

    /// A child has stopped.
    fn look_at(&mut self, stop: &Stopped) -> Result<(), Fault> {
        let Some(rounds) = &mut self.rounds else { return Err(Fault::new("follow a child", "a child stopped that nobody follows")) };
        match rounds.stopped(stop, &self.outside)? {
            Means::Nothing => Ok(()),
            Means::Waits => self.hand_out(stop.pid),
            Means::Restored { usage, count } => match self.children.child(stop.pid) {
                Some(child) => self.control.report(&Report::Restored { child, usage, count }, &[]),
                None => Err(Fault::new("follow a child", "a child that nobody asked for has ended its program")),
            },
        }
    }

    fn bury(&mut self, ended: Ended) -> Result<(), Fault> {
        if ended.pid == self.zygote.pid && self.spent {
            return Ok(());
        }
        if ended.pid == self.zygote.pid {
            return Err(self.zygote.death(&words(ended.exit)));
        }
        self.arriving.remove(&ended.pid);
        let LastRound { usage, left, fault } = match &mut self.rounds {
            Some(rounds) => rounds.ended(ended.pid, ended.usage),
            None => LastRound { usage: ended.usage, left: None, fault: None },
        };
        let Some((child, running, ended)) = self.children.ended(ended) else { return Ok(()) };
        let killed = ended.exit == Exit::Signal(libc::SIGKILL);
        let oom_killed = killed && self.outside.oom_kills() > running.oom_kills;
        self.control.report(&Report::Exited { child, exit: fault.map_or(ended.exit, Exit::Signal), usage, oom_killed, left }, &[])
    }

    /// Signals a process that is not reaped yet, so its id is not another's. One that ended meanwhile needs nothing.
    fn signal(&self, pid: Option<i32>, signal: Signal) {
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // It fails only where the process has ended, which is reported when it is reaped.
            let _ = kill_process(pid, signal);
        }
    }
}

fn words(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit status {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
    }
}
