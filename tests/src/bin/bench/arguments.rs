//! The command line: which parts, for how long, and in which form the answer comes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use crate::neighbor::Work;
use crate::part::Part;

/// Measures what SPECIFICATION.md promises.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", about)]
pub struct Arguments {
    /// Measures only these parts
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    pub only: Vec<Part>,
    /// Short slices and few rounds: figures to look at, not to publish
    #[arg(long)]
    pub quick: bool,
    /// Measures T1 beside sandlock and Monty too, and without `--only` nothing else; `cargo xtask` installs them
    #[arg(long)]
    pub peers: bool,
    /// Lists among one million utilities of 100 tenants too: 3 GB on the disk
    #[arg(long)]
    pub full: bool,
    /// Repeats the random programs of a run
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Measures an earlier build of `zona` beside this one instead, in turns, and prints this build's figures divided by its
    #[arg(long, value_name = "BINARY", conflicts_with_all = ["only", "peers", "full"])]
    pub against: Option<PathBuf>,
    /// What is printed
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
    /// Where the JSON of each run is kept
    #[arg(long, default_value = "target/bench")]
    pub directory: PathBuf,
    /// Where the server under test keeps its data; its file system's fsync time is measured
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The interpreter of every yardstick and of the namespace backend
    #[arg(long, default_value = "/usr/bin/python3")]
    pub python: PathBuf,
    /// The runtime image of the Docker backend and of the one-shot yardstick
    #[arg(long, default_value = "zona/runtime-python:3.11")]
    pub image: String,
    /// Serves the gRPC yardstick instead: answers every call with the bytes given on standard input
    #[arg(long, hide = true, value_name = "ADDR")]
    pub echo: Option<SocketAddr>,
    /// Keeps a processor busy instead, until standard input ends
    #[arg(long, hide = true, value_name = "WORK")]
    pub neighbor: Option<Work>,
    /// Checks or parses files instead, so that its instructions can be counted: SUBJECT ROUNDS FILE...
    #[arg(long, hide = true, num_args = 3.., value_names = ["SUBJECT", "ROUNDS", "FILE"])]
    pub parse: Option<Vec<String>>,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people.
    Table,
    /// One JSON object.
    Json,
}

/// How long things are measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Slices of each subject; subjects alternate slice by slice, so that a noisy moment hits all of them.
    pub slices: u32,
    /// Length of one slice under load.
    pub slice: Duration,
    /// Repetitions of what is measured one by one.
    pub rounds: usize,
    /// Utilities in the larger list.
    pub utilities: usize,
}

// === impl Arguments ===

impl Arguments {
    /// How long things are measured.
    pub fn effort(&self) -> Effort {
        if self.quick {
            Effort { slices: 2, slice: Duration::from_secs(1), rounds: 20, utilities: 2_000 }
        } else {
            Effort { slices: 3, slice: Duration::from_secs(3), rounds: 100, utilities: 10_000 }
        }
    }

    /// Whether a part was asked for.
    pub fn wants(&self, part: Part) -> bool {
        match (self.only.is_empty(), self.peers) {
            (true, true) => part == Part::T1,
            (true, false) => !part.is_long(),
            (false, _) => self.only.contains(&part),
        }
    }

    /// The existing directory in which data directories are made.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn data_parent(&self) -> anyhow::Result<PathBuf> {
        let parent = self.data.clone().unwrap_or_else(|| self.directory.clone());
        std::fs::create_dir_all(&parent).with_context(|| format!("failed to make {}", parent.display()))?;
        Ok(parent.canonicalize()?)
    }
}
