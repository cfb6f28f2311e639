//! Which parts of the sandbox a test leaves out. In every build but one with the feature `weaken` the answer is a constant, none,
//! and the questions cost nothing; there is then no way to ask for less.
//!
//! With the feature, names of parts are read from the end of the program's own file, where the test has appended them: so the
//! protocol, the command line and the server know nothing of it.

#[cfg(not(feature = "weaken"))]
mod none {
    use std::borrow::Cow;

    /// Whether a part is left out.
    pub const fn off(_part: u32) -> bool {
        false
    }

    /// What the seal is told.
    pub const fn mask() -> u64 {
        0
    }

    /// A script of ours, as it is written into the sandbox.
    pub fn script(_name: &str, bytes: &'static [u8]) -> Cow<'static, [u8]> {
        Cow::Borrowed(bytes)
    }
}

#[cfg(feature = "weaken")]
mod some {
    use std::{borrow::Cow, fs, sync::OnceLock};

    use crate::part;

    /// Before the names, at the end of the file.
    const MARK: &str = "ZONA-WEAKENED:";
    /// Longest list of names.
    const TAIL: usize = 1024;

    /// Whether a part is left out.
    pub fn off(part: u32) -> bool {
        mask() >> part & 1 == 1
    }

    /// One bit a part.
    pub fn mask() -> u64 {
        static MASK: OnceLock<u64> = OnceLock::new();
        *MASK.get_or_init(read)
    }

    /// A script of ours, as it is written into the sandbox: the runner lowers limits below the seal's, and the zygote clears its
    /// environment, so what a test leaves out goes there too.
    pub fn script(name: &str, bytes: &'static [u8]) -> Cow<'static, [u8]> {
        let limits = [part::MEMORY_LIMIT, part::CPU_LIMIT, part::OPEN_FILES_LIMIT, part::FILE_SIZE_LIMIT];
        let text = String::from_utf8_lossy(bytes);
        match name {
            "_zona_runner.py" if limits.into_iter().any(off) => {
                Cow::Owned(format!("{text}\n\ndef lower(kind, value):\n    return None\n").into_bytes())
            }
            "_zona_runner.py" if off(part::RESTORED_SEEDS) => Cow::Owned(format!("{text}\n\ndef seed():\n    return None\n").into_bytes()),
            "zygote.py" if off(part::ENVIRONMENT) => {
                let kept = text.replace(r#"set(os.environ) - {"LANG", "TZ"}"#, "()");
                assert_ne!(kept, text, "the zygote clears its environment in other words");
                Cow::Owned(kept.into_bytes())
            }
            _ => Cow::Borrowed(bytes),
        }
    }

    /// # Panics
    /// On a name that no part has: the test would show nothing.
    fn read() -> u64 {
        let program = fs::read("/proc/self/exe").unwrap_or_default();
        let tail = String::from_utf8_lossy(&program[program.len().saturating_sub(TAIL)..]).into_owned();
        let Some((_, names)) = tail.rsplit_once(MARK) else { return 0 };
        let bit = |name: &str| 1 << part::number(name).unwrap_or_else(|| panic!("no part is called {name}"));
        names.split(',').filter(|name| !name.is_empty()).fold(0, |mask, name| mask | bit(name))
    }
}

#[cfg(not(feature = "weaken"))]
pub use none::{mask, off, script};
#[cfg(feature = "weaken")]
pub use some::{mask, off, script};
