//! CPU time and memory of processes, read from `/proc`: of this process, of a process tree, of a range of user ids, or of the
//! whole machine where the work is spread over daemons.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;

use anyhow::Context as _;

/// `/proc` counts in hundredths of a second on every x86-64 and aarch64 Linux (`USER_HZ`).
const TICK_MILLIS: f64 = 10.0;

/// Whose CPU time counts.
#[derive(Debug, Clone)]
pub enum Scope {
    /// This process and its ended children.
    Own,
    /// This process, its ended children, and every process of these users.
    Users(RangeInclusive<u32>),
    /// A process with all its descendants.
    Tree(u32),
    /// Everything that runs on the machine: for work that daemons do.
    Machine,
}

/// CPU time of a scope at one moment.
#[derive(Debug)]
pub struct Meter {
    scope: Scope,
    before: BTreeMap<u32, u64>,
}

/// CPU time of sandboxes by who spent it, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Roles {
    /// This process.
    pub own: f64,
    /// Agents themselves.
    pub agents: f64,
    /// Interpreters that fork, and children that are ready: they have not ended.
    pub interpreters: f64,
    /// Children that ended: the agents waited for them.
    pub children: f64,
}

/// Memory of some processes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// Proportional set size: shared pages are split among those who share them. Bytes.
    pub proportional: u64,
    /// Pages that nobody else has. Bytes.
    pub private: u64,
    /// Number of processes.
    pub processes: usize,
}

/// One line of `/proc/PID/stat`, as far as it is used.
struct Stat {
    name: String,
    parent: u32,
    own: u64,
    children: u64,
}

// === impl Meter ===

impl Meter {
    /// Begins to measure.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn start(scope: Scope) -> anyhow::Result<Self> {
        let before = scope.ticks()?;
        Ok(Meter { scope, before })
    }

    /// Milliseconds of CPU since the start. A process that ended in between counts where its parent, in the scope, waited for it.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn millis(&self) -> anyhow::Result<f64> {
        let after = self.scope.ticks()?;
        let spent: u64 = after.iter().map(|(pid, ticks)| ticks.saturating_sub(self.before.get(pid).copied().unwrap_or(0))).sum();
        Ok(spent as f64 * TICK_MILLIS)
    }
}

// === impl Roles ===

impl Roles {
    /// What was spent since an earlier moment.
    #[must_use]
    pub fn since(&self, before: &Roles) -> Roles {
        Roles {
            own: self.own - before.own,
            agents: self.agents - before.agents,
            interpreters: self.interpreters - before.interpreters,
            children: self.children - before.children,
        }
    }
}

// === impl Scope ===

impl Scope {
    fn ticks(&self) -> anyhow::Result<BTreeMap<u32, u64>> {
        if let Scope::Machine = self {
            return Ok([(0, machine_ticks()?)].into());
        }
        let total = |pid: u32| stat(pid).map(|stat| (pid, stat.own + stat.children));
        Ok(self.processes()?.into_iter().filter_map(total).collect())
    }

    fn processes(&self) -> anyhow::Result<BTreeSet<u32>> {
        let own = std::process::id();
        Ok(match self {
            Scope::Own => [own].into(),
            Scope::Users(users) => {
                all_processes()?.into_iter().filter(|&pid| pid == own || user(pid).is_some_and(|uid| users.contains(&uid))).collect()
            }
            Scope::Tree(root) => tree(*root)?,
            Scope::Machine => BTreeSet::new(),
        })
    }
}

/// Who has spent how much so far, among the processes of `users` and this one.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn roles(users: &RangeInclusive<u32>) -> anyhow::Result<Roles> {
    let millis = |ticks: u64| ticks as f64 * TICK_MILLIS;
    let mut roles = Roles { own: stat(std::process::id()).map_or(0.0, |stat| millis(stat.own)), ..Roles::default() };
    for pid in all_processes()?.into_iter().filter(|&pid| user(pid).is_some_and(|uid| users.contains(&uid))) {
        let Some(stat) = stat(pid) else { continue };
        if stat.name.starts_with("python") {
            roles.interpreters += millis(stat.own);
        } else {
            roles.agents += millis(stat.own);
            roles.children += millis(stat.children);
        }
    }
    Ok(roles)
}

/// Memory of every process of a user.
///
/// # Errors
/// When `/proc` cannot be read, as for another user's processes without privileges.
pub fn memory(uid: u32) -> anyhow::Result<Memory> {
    let mut memory = Memory::default();
    for pid in all_processes()?.into_iter().filter(|&pid| user(pid) == Some(uid)) {
        let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
        memory.proportional += kib(&rollup, "Pss:")? * 1024;
        memory.private += (kib(&rollup, "Private_Clean:")? + kib(&rollup, "Private_Dirty:")?) * 1024;
        memory.processes += 1;
    }
    Ok(memory)
}

fn kib(rollup: &str, field: &str) -> anyhow::Result<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("smaps_rollup has no {field}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

fn all_processes() -> anyhow::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc").context("failed to read /proc")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

fn tree(root: u32) -> anyhow::Result<BTreeSet<u32>> {
    let parents: Vec<(u32, u32)> = all_processes()?.into_iter().filter_map(|pid| Some((pid, stat(pid)?.parent))).collect();
    let mut members = BTreeSet::from([root]);
    loop {
        let before = members.len();
        members.extend(parents.iter().filter(|(_, parent)| members.contains(parent)).map(|(pid, _)| *pid).collect::<Vec<_>>());
        if members.len() == before {
            return Ok(members);
        }
    }
}

fn user(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?.parse().ok()
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads behind the last parenthesis, because a process chooses what stands inside.
fn parse_stat(line: &str) -> Option<Stat> {
    let (name, fields) = line.split_once('(')?.1.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        name: name.to_owned(),
        parent: u32::try_from(number(1)?).ok()?,
        own: number(11)? + number(12)?,
        children: number(13)? + number(14)?,
    })
}

fn machine_ticks() -> anyhow::Result<u64> {
    let stat = fs::read_to_string("/proc/stat").context("failed to read /proc/stat")?;
    let fields: Vec<u64> =
        stat.lines().next().unwrap_or_default().split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, irq, softirq; not idle, iowait, steal, nor guest, which user already holds.
    Ok([0, 1, 2, 5, 6].iter().filter_map(|&index| fields.get(index)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_cannot_shift_its_figures() {
        let stat = parse_stat("7 (a) b) (c) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0").unwrap();
        assert_eq!((stat.name.as_str(), stat.parent, stat.own, stat.children), ("a) b) (c", 3, 30, 70));
        assert!(parse_stat("7 (short) S 3").is_none());
    }

    #[test]
    fn work_of_this_process_is_seen() {
        let meter = Meter::start(Scope::Own).unwrap();
        let begin = std::time::Instant::now();
        while begin.elapsed() < std::time::Duration::from_millis(300) {
            std::hint::black_box((0..1000).sum::<u64>());
        }
        assert!(meter.millis().unwrap() >= 20.0, "{}", meter.millis().unwrap());
        assert!(Scope::Tree(std::process::id()).processes().unwrap().contains(&std::process::id()));
    }
}
