//! The programs of a soak: how each is called, and how each must end.

use domain::sandbox::{Isolation, Limits};

use crate::peers::CODE;

const PRINT: &str = "def main():\n    for number in range(40):\n        print('line', number, 'x' * 60)\n    return 40\n";
const RAISE: &str = "def main():\n    raise ValueError('on purpose')\n";
const EXIT: &str = "def main():\n    raise SystemExit(3)\n";
const MEMORY: &str = "def main():\n    return len('x' * (1 << 30))\n";
const SLEEP: &str = "import time\n\n\ndef main():\n    print('begun')\n    time.sleep(30)\n";
/// Values of a call with many.
pub const MANY: usize = 100;
/// Wall limit of the program that exceeds it.
pub const SHORT: std::time::Duration = std::time::Duration::from_millis(250);

/// One program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// A transformer with one value.
    One,
    /// A transformer with a hundred.
    Many,
    /// A transformer in a sandbox of its own.
    Single,
    /// A script that prints 3 KB.
    Print,
    /// It raises.
    Raise,
    /// It exits with a status.
    Exit,
    /// It asks for more memory than it may have.
    Memory,
    /// It exceeds its time.
    Timeout,
    /// It is cancelled once it has printed.
    Cancel,
}

// === impl Program ===

impl Program {
    /// Every program.
    pub const ALL: [Program; 9] = [
        Program::One,
        Program::Many,
        Program::Single,
        Program::Print,
        Program::Raise,
        Program::Exit,
        Program::Memory,
        Program::Timeout,
        Program::Cancel,
    ];

    /// The program of the execution with this number: in each hundred, half transforms and a fifth that do not succeed, well mixed.
    pub fn of(number: usize) -> Self {
        // 37 has no divisor in common with 100.
        match number * 37 % 100 {
            0..50 => Program::One,
            50..75 => Program::Print,
            75..80 => Program::Many,
            80..85 => Program::Raise,
            85..89 => Program::Exit,
            89..91 => Program::Memory,
            91..95 => Program::Timeout,
            95..99 => Program::Cancel,
            _ => Program::Single,
        }
    }

    /// Id of its utility.
    pub fn id(self) -> String {
        format!("soak-{self:?}").to_lowercase()
    }

    /// Its source.
    pub fn code(self) -> &'static str {
        match self {
            Program::One | Program::Many | Program::Single => CODE,
            Program::Print => PRINT,
            Program::Raise => RAISE,
            Program::Exit => EXIT,
            Program::Memory => MEMORY,
            Program::Timeout | Program::Cancel => SLEEP,
        }
    }

    /// How it is isolated.
    pub fn isolation(self) -> Isolation {
        if self == Program::Single { Isolation::SingleUse } else { Isolation::TenantWarm }
    }

    /// Its limits.
    pub fn limits(self) -> Limits {
        match self {
            Program::Timeout => Limits { wall: SHORT, ..Limits::DEFAULT },
            _ => Limits::DEFAULT,
        }
    }

    /// The reason with which it ends; empty for a success.
    pub fn reason(self) -> &'static str {
        match self {
            Program::One | Program::Many | Program::Single | Program::Print => "",
            Program::Raise => "USER_ERROR",
            Program::Exit => "EXIT_CODE",
            Program::Memory => "OUT_OF_MEMORY",
            Program::Timeout => "TIMEOUT",
            Program::Cancel => "CANCELLED",
        }
    }

    /// Checks how an execution of it ended.
    ///
    /// # Errors
    /// When it ended otherwise.
    pub fn check(self, reason: &str) -> anyhow::Result<()> {
        anyhow::ensure!(reason == self.reason(), "{self:?} ended with {reason:?} instead of {:?}", self.reason());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hundred_executions_run_every_program() {
        let count = |program| (300..400).filter(|number| Program::of(*number) == program).count();
        assert_eq!(Program::ALL.map(count), [50, 5, 1, 25, 5, 4, 2, 4, 4]);
    }
}
