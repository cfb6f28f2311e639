//! Real programs, mutated token by token, through the whole check: what gets past the parser and into the scan.

#![no_main]

use std::sync::LazyLock;

use fuzz::{promise, recipe};
use libfuzzer_sys::fuzz_target;
use python_check::{Checker, CheckPolicy};

static CHECKER: LazyLock<Checker> = LazyLock::new(|| Checker::new(CheckPolicy::default()));

fuzz_target!(|bytes: &[u8]| promise::holds_for(&CHECKER, recipe::source(bytes).as_bytes()));
