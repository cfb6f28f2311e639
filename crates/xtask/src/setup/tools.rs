//! Pinned tools, built from source once and kept in the cache by name and version.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::{
    process::{cargo, find, run},
    workspace::Workspace,
};

/// A tool that a check runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Lints the protos and compares them with the accepted contract.
    Buf,
    /// Calls the server through reflection.
    Grpcurl,
    /// Loads the server.
    Ghz,
    /// Generates Go messages.
    ProtocGenGo,
    /// Generates Go clients.
    ProtocGenGoGrpc,
    /// Checks licenses, sources and who may depend on what.
    CargoDeny,
    /// Builds and runs the fuzz targets.
    CargoFuzz,
    /// Counts which lines the tests reach.
    CargoTarpaulin,
    /// Speaks the protocol of MongoDB, for tests of the store on it. A process of its own, as its license is the GPL.
    Secantusd,
    /// Speaks S3, for tests of objects in buckets.
    Versitygw,
}

/// How a tool is built.
enum Source {
    Go { package: &'static str, version: &'static str },
    Cargo { package: &'static str, version: &'static str, flags: &'static [&'static str] },
}

impl Tool {
    /// Name of the program.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Buf => "buf",
            Tool::Grpcurl => "grpcurl",
            Tool::Ghz => "ghz",
            Tool::ProtocGenGo => "protoc-gen-go",
            Tool::ProtocGenGoGrpc => "protoc-gen-go-grpc",
            Tool::CargoDeny => "cargo-deny",
            Tool::CargoFuzz => "cargo-fuzz",
            Tool::CargoTarpaulin => "cargo-tarpaulin",
            Tool::Secantusd => "secantusd-rs",
            Tool::Versitygw => "versitygw",
        }
    }

    fn source(self) -> Source {
        let go = |package, version| Source::Go { package, version };
        let cargo = |version| Source::Cargo { package: self.name(), version, flags: &[] };
        match self {
            Tool::Buf => go("github.com/bufbuild/buf/cmd/buf", "v1.75.0"),
            Tool::Grpcurl => go("github.com/fullstorydev/grpcurl/cmd/grpcurl", "v1.9.4"),
            Tool::Ghz => go("github.com/bojand/ghz/cmd/ghz", "v0.93.0"),
            Tool::ProtocGenGo => go("google.golang.org/protobuf/cmd/protoc-gen-go", "v1.36.12"),
            Tool::ProtocGenGoGrpc => go("google.golang.org/grpc/cmd/protoc-gen-go-grpc", "v1.6.2"),
            Tool::Versitygw => go("github.com/versity/versitygw/cmd/versitygw", "v1.8.0"),
            Tool::CargoDeny => cargo("0.20.2"),
            Tool::CargoFuzz => cargo("0.13.1"),
            Tool::CargoTarpaulin => cargo("0.37.5"),
            // It asks for a newer compiler than it needs.
            Tool::Secantusd => Source::Cargo { package: "secantus-mdb", version: "0.5.3-beta.193", flags: &["--ignore-rust-version"] },
        }
    }

    /// Builds the tool unless the cache has it. Returns the directory that holds it.
    ///
    /// # Errors
    /// When its compiler is missing or the build fails.
    pub fn install(self, workspace: &Workspace) -> anyhow::Result<PathBuf> {
        let source = self.source();
        let (Source::Go { version, .. } | Source::Cargo { version, .. }) = source;
        let home = workspace.cache.join("tools").join(format!("{}-{version}", self.name()));
        let directory = home.join("bin");
        if directory.join(self.name()).is_file() {
            return Ok(directory);
        }
        fs::create_dir_all(&directory).with_context(|| format!("failed to create {}", directory.display()))?;
        match source {
            Source::Go { package, version } => go_install(&directory, package, version)?,
            Source::Cargo { package, version, flags } => cargo_install(&home, package, version, flags)?,
        }
        if !directory.join(self.name()).is_file() {
            bail!("the build of {} leaves no {}", self.name(), directory.join(self.name()).display());
        }
        Ok(directory)
    }
}

/// Where Go lies when it is not on PATH: its installer's default.
pub fn go_directory() -> Option<PathBuf> {
    let default = PathBuf::from("/usr/local/go/bin");
    (find("go").is_none() && default.join("go").is_file()).then_some(default)
}

fn go_install(directory: &Path, package: &str, version: &str) -> anyhow::Result<()> {
    let go = find("go").or_else(|| go_directory().map(|directory| directory.join("go")));
    let go = go.context("Go is missing: https://go.dev/doc/install")?;
    // Outside the workspace: a go.mod here must not decide about the tool's dependencies.
    run(Command::new(go).args(["install", &format!("{package}@{version}")]).env("GOBIN", directory).current_dir(directory))
}

fn cargo_install(home: &Path, package: &str, version: &str, flags: &[&str]) -> anyhow::Result<()> {
    // A target directory of its own, thrown away: 400 MB that no other build shares.
    let target = home.join("target");
    let built = run(cargo()
        .args(["install", "--quiet", "--locked", "--version", &format!("={version}"), "--root"])
        .arg(home)
        .arg("--target-dir")
        .arg(&target)
        .args(flags)
        .arg(package)
        .current_dir(home));
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    built
}
