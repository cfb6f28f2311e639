//! The agent's loop: commands from the server, news from the zygote, ends of children. One thread, and nothing in it waits for
//! a child.

use std::os::fd::{AsFd, OwnedFd};

use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Pid, Signal, kill_process},
};
use sandbox_protocol::control::{Command, Exit, Report};

use crate::{
    attest::{self, Own},
    children::{Announced, Children, Running},
    control::Control,
    fault::{AtStage, Fault},
    outside::Outside,
    sys::{self, Ended},
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
}

/// Whether the loop goes on.
#[derive(PartialEq, Eq)]
enum Then {
    Continue,
    End,
}

// === impl Sandbox ===

impl<'a> Sandbox<'a> {
    /// A sandbox around a zygote that was just started.
    pub fn new(control: &'a Control, outside: Outside, own: Own, signals: OwnedFd, zygote: Zygote) -> Self {
        Sandbox { control, outside, own, signals, zygote, listening: true, spent: false, children: Children::default() }
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
        match poll(&mut polled, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).at("wait for events"),
        }
        let mut ready = polled.iter().map(|polled| !polled.revents().is_empty());
        let mut next = |polled: bool| polled && ready.next().unwrap_or(false);
        let (command, signal) = (next(true), next(true));
        Ok([command, next(!self.spent), signal, next(self.listening)])
    }

    fn obey(&mut self) -> Result<Then, Fault> {
        match self.control.command()? {
            None | Some(Command::Shutdown) => return Ok(Then::End),
            Some(Command::Configure(_)) => return Err(Fault::new("protocol", "a second `configure`")),
            Some(Command::Fork { child }) if !self.children.asked(child) => {
                return Err(Fault::new("protocol", format!("the child {child} exists")));
            }
            Some(Command::Fork { child }) => self.zygote.fork(child)?,
            Some(Command::Interrupt { child }) => self.signal(self.children.pid(child), Signal::INT),
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
        let ended = sys::reap(Some(self.zygote.pid), true).at("wait for the interpreter")?;
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
        let seal = attest::seal(&self.outside, &self.own, pid)?;
        self.control.report(&Report::Child { child, seal }, &pipes)?;
        self.spent = self.zygote.makes_one;
        if announced == Announced::Doomed {
            self.signal(Some(pid), Signal::KILL);
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
        while let Some(process) = sys::reap(None, false).at("collect a child")? {
            ended.push(process);
        }
        // What was said before an end is why it came, or whose it is.
        if !ended.is_empty() {
            self.hear_out()?;
        }
        ended.into_iter().try_for_each(|process| self.bury(process))?;
        Ok(then)
    }

    fn bury(&mut self, ended: Ended) -> Result<(), Fault> {
        if ended.pid == self.zygote.pid && self.spent {
            return Ok(());
        }
        if ended.pid == self.zygote.pid {
            return Err(self.zygote.death(&words(ended.exit)));
        }
        let Some((child, running, ended)) = self.children.ended(ended) else { return Ok(()) };
        let killed = ended.exit == Exit::Signal(libc::SIGKILL);
        let oom_killed = killed && self.outside.oom_kills() > running.oom_kills;
        self.control.report(&Report::Exited { child, exit: ended.exit, usage: ended.usage, oom_killed }, &[])
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
