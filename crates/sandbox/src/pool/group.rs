//! Groups of interchangeable sandboxes: same runtime, same tier, same size. A program runs in a sandbox of its group, or not at all.
//!
//! It deliberately knows no tenant: binding is the ledger's.

use domain::sandbox::{Isolation, Limits};
use sandbox_protocol::control::{Class, MOST_PUT_BACK, SealMode};

use crate::backend::RuntimeFacts;
use crate::config::{Config, Pool, RuntimeKey};

const MIB: u64 = 1024 * 1024;
/// Memory of a sandbox beside its children: agent, interpreter with preloaded modules, page tables. Measured: 24 MiB, and 76 MiB
/// with pandas.
const OVERHEAD: u64 = 96 * MIB;
/// Children of a large sandbox; each may use as much as four of a standard one.
const LARGE_CHILDREN: usize = 2;
/// Children that wait where they are put back: one that runs a program is soon ready again, so more would be memory for nothing.
const READY: usize = 2;
/// Processes of a sandbox beside its children: agent, zygote, and dying children that are not yet reaped.
const OVERHEAD_PROCESSES: u64 = 16;

/// A group of interchangeable sandboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SandboxGroup {
    pub(crate) runtime: RuntimeKey,
    pub(crate) isolation: Isolation,
    pub(crate) size: Size,
    /// Whether children are put back after each program, where the host has the means.
    pub(crate) restored: bool,
}

/// Limits at which children are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Size {
    /// The default limits.
    Standard,
    /// The largest limits.
    Large,
}

/// Limits of a whole sandbox, set on its container or cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// Bytes of memory, swap included.
    pub(crate) memory: u64,
    /// Processes and threads.
    pub(crate) processes: u64,
}

impl SandboxGroup {
    /// The group that is kept warm from the start, where each child runs one program.
    pub(crate) const WARM: SandboxGroup =
        SandboxGroup { runtime: RuntimeKey::DEFAULT, isolation: Isolation::TenantWarm, size: Size::Standard, restored: false };
    /// The group that is kept warm once it is used.
    pub(crate) const SINGLE: SandboxGroup = SandboxGroup { isolation: Isolation::SingleUse, ..SandboxGroup::WARM };

    /// The group that is kept warm from the start.
    pub(crate) fn warm(pool: &Pool) -> Self {
        SandboxGroup { restored: pool.restore, ..SandboxGroup::WARM }
    }

    /// The smallest group that can hold a program, which gets a fresh child or may get one that was put back. Only T1 has those.
    pub(crate) fn of(runtime: RuntimeKey, isolation: Isolation, limits: &Limits, fresh: bool) -> Self {
        let standard = limits.memory <= Limits::DEFAULT.memory && limits.tmpfs <= Limits::DEFAULT.tmpfs;
        let restored = !fresh && isolation == Isolation::TenantWarm;
        SandboxGroup { runtime, isolation, size: if standard { Size::Standard } else { Size::Large }, restored }
    }

    /// How many sandboxes of the group are kept ready for tenants that have none: at least, and at most. Where the least is none,
    /// none are kept.
    pub(crate) fn spares(self, pool: &Pool) -> (usize, usize) {
        let least = match self {
            group if group == SandboxGroup::warm(pool) => pool.unassigned,
            // Of fresh children beside others, for the few who ask for them: one, however many do at once.
            SandboxGroup::WARM => return (pool.unassigned.min(1), pool.unassigned.min(1)),
            SandboxGroup::SINGLE => pool.single_use,
            _ => 0,
        };
        (least, if least == 0 { 0 } else { pool.max_unassigned.max(least) })
    }

    /// Whether a sandbox of the group runs one program only.
    pub(crate) fn is_single(self) -> bool {
        match self.isolation {
            Isolation::TenantWarm => false,
            Isolation::SingleUse | Isolation::OneShot => true,
        }
    }

    /// Children of one sandbox, waiting and running together.
    pub(crate) fn children(self, pool: &Pool) -> usize {
        match (self.is_single(), self.size) {
            (true, _) => 1,
            (false, Size::Standard) => pool.children,
            (false, Size::Large) => pool.children.min(LARGE_CHILDREN),
        }
    }

    /// How many children there should be while so many of them run a program. Where they are put back, one is always ready beside
    /// those that run.
    pub(crate) fn wanted(self, pool: &Pool, running: usize) -> usize {
        let most = self.children(pool);
        if self.restored { READY.max(running + 1).min(most) } else { most }
    }

    /// How many children wait for long at most.
    pub(crate) fn ready(self, pool: &Pool) -> usize {
        self.wanted(pool, 0)
    }

    /// How children are sealed.
    pub(crate) fn seal(self) -> SealMode {
        if self.is_single() { SealMode::Processes } else { SealMode::Strict }
    }

    /// Modules that are imported before a program arrives. A sandbox that is made for one program while it waits imports none: the
    /// program imports what it needs, which is less.
    pub(crate) fn preload(self, config: &Config, runtime: &RuntimeFacts) -> Vec<String> {
        match self.isolation {
            Isolation::TenantWarm | Isolation::SingleUse => [config.preload.as_slice(), &runtime.preload].concat(),
            Isolation::OneShot => Vec::new(),
        }
    }

    /// Limits at which children are sealed. What a child lowers for itself irrevocably (descriptors, CPU) is the maximum.
    pub(crate) fn class(self, pool: &Pool) -> Class {
        let size = match self.size {
            Size::Standard => Limits::DEFAULT,
            Size::Large => Limits::MAX,
        };
        Class {
            memory: size.memory,
            tmpfs: size.tmpfs,
            open_files: Limits::MAX.open_files,
            cpu_seconds: whole_seconds(Limits::MAX.cpu),
            processes: if self.is_single() { pool.processes } else { 0 },
        }
    }

    /// Limits of the whole sandbox: its own needs and those of all its children at once. `/tmp` counts as memory, and so do the copies by which
    /// an agent puts children back: one of the zygote's memory and one of each child's.
    pub(crate) fn envelope(self, pool: &Pool) -> Envelope {
        let class = self.class(pool);
        let children = self.children(pool) as u64;
        let copies = if self.restored { (1 + children) * MOST_PUT_BACK } else { 0 };
        Envelope {
            memory: OVERHEAD + children * (class.memory + class.tmpfs) + copies,
            processes: OVERHEAD_PROCESSES + children * 2 * (1 + u64::from(class.processes)),
        }
    }
}

/// A duration in whole seconds, rounded up, as resource limits count.
pub(crate) fn whole_seconds(duration: std::time::Duration) -> u32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_above_the_default_limits_gets_a_larger_sandbox() {
        let large = Limits { memory: Limits::DEFAULT.memory + 1, ..Limits::DEFAULT };
        let of = |limits: &Limits| SandboxGroup::of(RuntimeKey::DEFAULT, Isolation::TenantWarm, limits, true);
        assert_eq!(of(&Limits::DEFAULT), SandboxGroup::WARM);
        assert_eq!(of(&large).size, Size::Large);
        assert_eq!(of(&Limits { tmpfs: Limits::MAX.tmpfs, ..Limits::DEFAULT }).size, Size::Large);
    }

    #[test]
    fn a_sandbox_holds_all_its_children_at_their_limits() {
        let pool = Pool::default();
        for isolation in [Isolation::TenantWarm, Isolation::SingleUse, Isolation::OneShot] {
            for size in [Size::Standard, Size::Large] {
                let group = SandboxGroup { isolation, size, ..SandboxGroup::WARM };
                let children = group.children(&pool) as u64;
                assert!(group.envelope(&pool).memory > children * group.class(&pool).memory);
                assert!(group.envelope(&pool).processes > children * u64::from(group.class(&pool).processes));
            }
        }
    }

    #[test]
    fn a_sandbox_holds_all_its_children_at_their_limits_and_the_copies_that_they_are_put_back_by() {
        for children in [1, 4, 64] {
            let pool = Pool { children, restore: true, ..Pool::default() };
            for size in [Size::Standard, Size::Large] {
                let fresh = SandboxGroup { size, ..SandboxGroup::WARM };
                let restored = SandboxGroup { size, ..SandboxGroup::warm(&pool) };
                let (fresh, children) = (fresh.envelope(&pool), restored.children(&pool) as u64);
                let Envelope { memory, processes } = restored.envelope(&pool);
                assert_eq!(memory - fresh.memory, MOST_PUT_BACK + children * MOST_PUT_BACK, "whatever the fresh ones need is there, too");
                assert_eq!(processes, fresh.processes);
            }
        }
    }

    #[test]
    fn only_t1_has_children_that_are_put_back_and_fewer_of_them_wait() {
        let of = |isolation, fresh| SandboxGroup::of(RuntimeKey::DEFAULT, isolation, &Limits::DEFAULT, fresh);
        assert!(of(Isolation::TenantWarm, false).restored);
        assert!(!of(Isolation::TenantWarm, true).restored);
        assert!(![Isolation::SingleUse, Isolation::OneShot].iter().any(|&isolation| of(isolation, false).restored));
        let pool = Pool { children: 4, ..Pool::default() };
        let wanted = |group: SandboxGroup| [0, 1, 2, 3, 4].map(|running| group.wanted(&pool, running));
        assert_eq!(wanted(of(Isolation::TenantWarm, true)), [4, 4, 4, 4, 4]);
        assert_eq!(wanted(of(Isolation::TenantWarm, false)), [2, 2, 3, 4, 4]);
    }

    #[test]
    fn part_of_a_second_counts_as_one() {
        use std::time::Duration;
        assert_eq!([0, 1, 1000, 1001].map(|millis| whole_seconds(Duration::from_millis(millis))), [1, 1, 1, 2]);
    }
}
