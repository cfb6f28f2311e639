//! The committed seeds of the fuzz targets, replayed with the stable compiler: what fuzzing has found stays found. Fuzzing itself
//! is `cargo xtask fuzz`.

use std::path::{Path, PathBuf};

use python_check::{Checker, MAX_CODE_BYTES, Policy};

#[path = "../../../../fuzz/src/promise.rs"]
mod promise;
#[path = "../../../../fuzz/src/recipe.rs"]
mod recipe;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no seeds of {target}");
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn every_seed_of_arbitrary_bytes_keeps_the_promise() {
    let checker = Checker::new(Policy::default());
    seeds("bytes").iter().for_each(|seed| promise::holds_for(&checker, seed));
}

#[test]
fn every_seed_of_mutated_sources_keeps_the_promise() {
    let checker = Checker::new(Policy::default());
    seeds("mutated_sources").iter().for_each(|seed| promise::holds_for(&checker, recipe::source(seed).as_bytes()));
}

/// Otherwise the target would fuzz nothing but the programs as they are, or make sources that are refused for their length.
#[test]
fn recipes_change_real_programs_within_the_limit() {
    let whole = recipe::source(&[]);
    let program = recipe::source(&[0, 0]);
    assert_eq!(whole, program, "the empty recipe is the first program");
    assert!(Checker::new(Policy::default()).check(program.as_bytes()).accepted(), "{program}");
    let nested = recipe::source(&[0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 9]);
    assert!(nested.starts_with("((((((((((") && nested.len() == program.len() + 20, "{nested}");
    let repeat: Vec<u8> = [0, 0].into_iter().chain([1, 0, 0, 0, 63, 0, 255].repeat(40)).collect();
    let long = recipe::source(&repeat);
    assert!(long.len() <= MAX_CODE_BYTES && long.len() > MAX_CODE_BYTES / 8, "{}", long.len());
}
