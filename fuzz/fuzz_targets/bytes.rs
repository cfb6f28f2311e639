//! Arbitrary bytes through the whole check. It knows nothing of Python; the dictionary does.

#![no_main]

use std::sync::LazyLock;

use fuzz::promise;
use libfuzzer_sys::fuzz_target;
use python_check::{Checker, CheckPolicy};

static CHECKER: LazyLock<Checker> = LazyLock::new(|| Checker::new(CheckPolicy::default()));

fuzz_target!(|source: &[u8]| promise::holds_for(&CHECKER, source));
