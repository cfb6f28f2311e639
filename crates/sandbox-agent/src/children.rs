//! The children of one sandbox, from the request for one to its end. Pure bookkeeping: no system call is made here.

use std::collections::BTreeMap;

use crate::sys::Ended;

/// Children by the server's id.
#[derive(Default)]
pub struct Children {
    states: BTreeMap<u64, State>,
    /// Ended before the zygote said whose they were.
    early: Vec<Ended>,
}

enum State {
    /// Asked for; `doomed` when the server has changed its mind already.
    Forking { doomed: bool },
    /// Handed out.
    Running(Running),
}

/// A child that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Its process id in the agent's pid namespace.
    pub pid: i32,
    /// The cgroup's OOM kills when it started.
    pub oom_kills: u64,
}

/// What the zygote's announcement of a child means.
#[derive(Debug, PartialEq, Eq)]
pub enum Announced {
    /// It runs.
    Alive,
    /// It runs, and is to be killed at once.
    Doomed,
    /// It ended before it could be handed out.
    Dead,
    /// Nobody asked for it.
    Unknown,
}

// === impl Children ===

impl Children {
    /// Notes that a child was asked for. `false` when the id is taken.
    pub fn asked(&mut self, child: u64) -> bool {
        if self.states.contains_key(&child) {
            return false;
        }
        self.states.insert(child, State::Forking { doomed: false });
        true
    }

    /// Notes the zygote's answer.
    pub fn announced(&mut self, child: u64, running: Running) -> Announced {
        let doomed = match self.states.get(&child) {
            Some(State::Forking { doomed }) => *doomed,
            Some(State::Running(_)) | None => return Announced::Unknown,
        };
        if self.early.iter().any(|ended| ended.pid == running.pid) {
            return Announced::Dead;
        }
        self.states.insert(child, State::Running(running));
        if doomed { Announced::Doomed } else { Announced::Alive }
    }

    /// The process to kill for a child; a child still being made is remembered instead.
    pub fn doom(&mut self, child: u64) -> Option<i32> {
        match self.states.get_mut(&child)? {
            State::Running(running) => Some(running.pid),
            State::Forking { doomed } => {
                *doomed = true;
                None
            }
        }
    }

    /// The process of a running child.
    pub fn pid(&self, child: u64) -> Option<i32> {
        match self.states.get(&child)? {
            State::Running(running) => Some(running.pid),
            State::Forking { .. } => None,
        }
    }

    /// The running child that is this process.
    pub fn child(&self, pid: i32) -> Option<u64> {
        self.states.iter().find_map(|(child, state)| matches!(state, State::Running(running) if running.pid == pid).then_some(*child))
    }

    /// Removes the child whose process ended. A process that nobody was told of yet is kept until it is announced.
    pub fn ended(&mut self, ended: Ended) -> Option<(u64, Running, Ended)> {
        let found = self.states.iter().find_map(|(child, state)| match state {
            State::Running(running) if running.pid == ended.pid => Some((*child, *running)),
            _ => None,
        });
        let Some((child, running)) = found else {
            let forking = self.states.values().filter(|state| matches!(state, State::Forking { .. })).count();
            if self.early.len() < forking {
                self.early.push(ended);
            }
            return None;
        };
        self.states.remove(&child);
        Some((child, running, ended))
    }
}

#[cfg(test)]
mod tests {
    use sandbox_protocol::control::{Exit, Usage};

    use super::*;

    const RUNNING: Running = Running { pid: 7, oom_kills: 0 };

    fn ended(pid: i32) -> Ended {
        Ended { pid, exit: Exit::Code(0), usage: Usage::default() }
    }

    #[test]
    fn a_child_is_asked_for_announced_and_ended_once() {
        let mut children = Children::default();
        assert!(children.asked(1));
        assert!(!children.asked(1), "the id is taken");
        assert_eq!(children.announced(1, RUNNING), Announced::Alive);
        assert_eq!(children.announced(1, RUNNING), Announced::Unknown);
        assert_eq!(children.pid(1), Some(7));
        assert_eq!(children.ended(ended(7)).map(|(child, ..)| child), Some(1));
        assert_eq!(children.pid(1), None);
        assert_eq!(children.doom(1), None);
    }

    #[test]
    fn a_kill_before_the_announcement_takes_effect_at_the_announcement() {
        let mut children = Children::default();
        children.asked(1);
        assert_eq!(children.doom(1), None);
        assert_eq!(children.announced(1, RUNNING), Announced::Doomed);
    }

    #[test]
    fn a_death_before_the_announcement_is_not_lost() {
        let mut children = Children::default();
        children.asked(1);
        assert!(children.ended(ended(7)).is_none());
        assert_eq!(children.announced(1, RUNNING), Announced::Dead);
    }

    #[test]
    fn unknown_processes_are_not_kept_for_ever() {
        let mut children = Children::default();
        for pid in 0..100 {
            assert!(children.ended(ended(pid)).is_none());
        }
        assert!(children.early.is_empty());
    }
}
