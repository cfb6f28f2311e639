//! The committed seeds of the fuzz targets, replayed with the stable compiler: what fuzzing has found stays found. Fuzzing itself
//! is `cargo xtask fuzz`.

use std::path::{Path, PathBuf};

use python_check::{CheckPolicy, Checker, MAX_CODE_BYTES};

#[path = "../../../../fuzz/src/promise.rs"]
mod promise;
#[path = "../../../../fuzz/src/recipe.rs"]
mod recipe;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    seed_files(target).into_iter().map(|(_, seed)| seed).collect()
}

fn seed_files(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no seeds of {target}");
    files.into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

#[test]
fn every_seed_of_arbitrary_bytes_keeps_the_promise() {
    let checker = Checker::new(CheckPolicy::default());
    seeds("bytes").iter().for_each(|seed| promise::holds_for(&checker, seed));
}

#[test]
fn every_seed_of_mutated_sources_keeps_the_promise() {
    let checker = Checker::new(CheckPolicy::default());
    seeds("mutated_sources").iter().for_each(|seed| promise::holds_for(&checker, recipe::source(seed).as_bytes()));
}

/// Otherwise the target would fuzz nothing but the programs as they are, or make sources that are refused for their length.
#[test]
fn recipes_change_real_programs_within_the_limit() {
    let whole = recipe::source(&[]);
    let program = recipe::source(&[0, 0]);
    assert_eq!(whole, program, "the empty recipe is the first program");
    assert!(Checker::new(CheckPolicy::default()).check(program.as_bytes()).accepted(), "{program}");
    let nested = recipe::source(&[0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 9]);
    assert!(nested.starts_with("((((((((((") && nested.len() == program.len() + 20, "{nested}");
    let repeat: Vec<u8> = [0, 0].into_iter().chain([1, 0, 0, 0, 63, 0, 255].repeat(40)).collect();
    let long = recipe::source(&repeat);
    assert!(long.len() <= MAX_CODE_BYTES && long.len() > MAX_CODE_BYTES / 8, "{}", long.len());
}

/// A seed holds what the check found hard, not what would bring down a parser that stands behind the check without its limits:
/// limits are tested just beyond them.
#[test]
fn no_seed_goes_far_beyond_a_limit() {
    /// CPython's own limit on brackets is 200, and trees of some thousand levels fit every stack.
    const FAR: (usize, usize) = (400, 5_000);
    let mut far = Vec::new();
    for target in ["bytes", "mutated_sources"] {
        for (file, seed) in seed_files(target) {
            let source = if target == "bytes" { seed } else { recipe::source(&seed).into_bytes() };
            let (brackets, operators) = depths(&source);
            if brackets > FAR.0 || operators > FAR.1 {
                far.push(format!("{}: {brackets} brackets, {operators} operators", file.display()));
            }
        }
    }
    assert!(far.is_empty(), "{}", far.join("\n"));
}

/// Brackets inside one another, and operators without a separator, as bytes show them: strings and comments count too.
fn depths(source: &[u8]) -> (usize, usize) {
    let (mut open, mut deepest, mut chain, mut longest) = (0_usize, 0, 0_usize, 0);
    for byte in source {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'\n' | b',' | b';' => chain = 0,
            b'.' | b'+' | b'-' | b'~' | b'*' | b'/' | b'@' | b'|' | b'&' | b'^' | b':' => chain += 1,
            _ => {}
        }
        (deepest, longest) = (deepest.max(open), longest.max(chain));
    }
    (deepest, longest)
}
