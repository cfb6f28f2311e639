//! The program that the server writes to a child's request pipe: a four-byte little-endian length, then [`Program`] as JSON.

use serde::Serialize;
use serde_json::value::RawValue;

/// One program, for one child. JSON texts pass through untouched, so no number loses precision.
#[derive(Debug, Serialize)]
pub struct Program<'a> {
    /// Python source.
    pub code: &'a str,
    /// Which entry point is called.
    pub entry: Entry,
    /// Keyword arguments: one JSON object.
    pub params: &'a RawValue,
    /// The values of a transformer, in order. `None` for a script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<&'a RawValue>>,
    /// Limits the child applies to itself before user code starts; never above its class.
    pub limits: Limits,
}

/// Which entry point of the code is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// `transform(value, **params)` for each of the values.
    Transform,
    /// `main(**params)` when the code defines it, else the top-level code with a global `params`.
    Script,
}

/// Limits of one execution that the child lowers its own resource limits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Bytes of address space beyond the interpreter's own.
    pub memory: u64,
    /// CPU seconds.
    pub cpu_seconds: u32,
    /// Open descriptors.
    pub open_files: u32,
    /// Largest file, and total of `/tmp`, in bytes.
    pub tmpfs: u64,
    /// Largest result in bytes of JSON.
    pub result: u64,
}
