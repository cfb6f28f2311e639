//! What a command line names instead of writing it out: a file, or standard input for `-`.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::Path;

use crate::failure::{Failure, Result};

/// Most bytes of one parameter and of all: what the server takes in one request.
pub const MAX_PARAMETERS_BYTES: u64 = 8 * 1024 * 1024;

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if is_stdin(path) { io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes) } else { std::fs::read(path) };
    read.map_err(|error| Failure::file(path, &error))
}

/// Reads a text of at most `limit` bytes from a file, or from standard input for `-`.
///
/// # Errors
/// It cannot be read, is longer, or is no UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String> {
    let open = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut source: Box<dyn Read> = if is_stdin(path) { Box::new(io::stdin().lock()) } else { Box::new(File::open(path)?) };
        source.by_ref().take(limit + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = open().map_err(|error| Failure::file(path, &error))?;
    let name = if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() };
    if bytes.len() as u64 > limit {
        return Err(Failure::usage(format!("{name} has more than {} MiB, the most that one request may have", limit >> 20)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("{name} is not UTF-8 at byte {at}")).hint("save it as UTF-8")
    })
}

/// Asks the person at the terminal for a line.
///
/// # Errors
/// There is no terminal, or nothing was typed.
pub fn line(question: &str) -> Result<String> {
    let nothing = || Failure::usage(format!("{} was not named", question.to_lowercase()));
    if !io::stdin().is_terminal() {
        return Err(nothing().hint(format!("name it with --{}", question.to_lowercase())));
    }
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question}: ").and_then(|()| stderr.flush())?;
    let mut typed = String::new();
    io::stdin().read_line(&mut typed)?;
    Some(typed.trim().to_owned()).filter(|typed| !typed.is_empty()).ok_or_else(nothing)
}

/// Whether a path means standard input.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
