//! Processes that only spin: tests beside them meet the host that a shared machine is, where whoever waits for a processor waits
//! long. What passes alone and fails here depends on timing.

use std::{
    process::{Child, Command, Stdio},
    thread::available_parallelism,
};

use anyhow::Context as _;

/// One spinning process per processor; they end when this is dropped, or when the process that started them is gone.
pub struct Busy(Vec<Child>);

// === impl Busy ===

impl Busy {
    /// Starts them.
    ///
    /// # Errors
    /// When the number of processors is unknown, or a process cannot start.
    pub fn start() -> anyhow::Result<Self> {
        let mut busy = Busy(Vec::new());
        let looping = format!("while [ -d /proc/{} ]; do :; done", std::process::id());
        for _ in 0..available_parallelism().context("failed to count the processors")?.get() {
            let mut command = Command::new("sh");
            command.args(["-c", &looping]).stdin(Stdio::null());
            busy.0.push(command.spawn().context("failed to start a spinning process")?);
        }
        println!("beside {} spinning processes", busy.0.len());
        Ok(busy)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            if let Err(error) = child.kill().and_then(|()| child.wait()) {
                eprintln!("failed to end spinning process {}: {error}", child.id());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spinning_processes_end_with_their_owner() {
        let busy = Busy::start().expect("sh starts");
        let alive = |id: &u32| std::path::Path::new(&format!("/proc/{id}")).exists();
        let ids: Vec<u32> = busy.0.iter().map(Child::id).collect();
        assert!(!ids.is_empty() && ids.iter().all(alive));
        drop(busy);
        assert!(!ids.iter().any(alive));
    }
}
