//! Builds the seal (`src/seal.rs`), the shared object that seals children from within the interpreter, and leaves it in
//! `OUT_DIR` for the agent to carry.
//!
//! The seal is compiled by rustc directly and not as a target of this package: it links nothing, not even a C library, since
//! the interpreter that loads it may use another one than this machine, or an older one.

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::Command,
};

/// Sources of the seal; the first is its root.
const SOURCES: [&str; 9] = [
    "src/seal.rs",
    "src/breed.rs",
    "src/limits.rs",
    "src/line.rs",
    "src/linux.rs",
    "src/part.rs",
    "src/privileges.rs",
    "src/stage.rs",
    "src/words.rs",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    let output = PathBuf::from(variable("OUT_DIR")?).join("zona_seal.so");
    compile_seal(Path::new(SOURCES[0]), &output)
}

fn compile_seal(source: &Path, output: &Path) -> Result<(), Box<dyn Error>> {
    let mut rustc = Command::new(variable("RUSTC")?);
    rustc
        .args(["--edition", "2024", "--crate-name", "zona_seal", "--crate-type", "cdylib", "-D", "warnings"])
        .args(["--target", &variable("TARGET")?])
        .args(["-C", "panic=abort", "-C", "opt-level=s", "-C", "strip=symbols", "-C", "codegen-units=1"])
        // `-z defs` turns a call into a C library that slipped in into a link error.
        .args(["-C", "link-arg=-nostdlib", "-C", "link-arg=-nostartfiles", "-C", "link-arg=-Wl,-z,defs"])
        .arg("-o")
        .arg(output)
        .arg(source);
    rustc.args(["--check-cfg", r#"cfg(feature, values("weaken"))"#]);
    if env::var_os("CARGO_FEATURE_WEAKEN").is_some() {
        rustc.args(["--cfg", r#"feature="weaken""#]);
    }
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.arg("-C").arg(format!("linker={linker}"));
    }
    let status = rustc.status().map_err(|error| format!("cannot run rustc for the seal: {error}"))?;
    if !status.success() {
        return Err(format!("compiling the seal failed: {status}").into());
    }
    Ok(())
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}
