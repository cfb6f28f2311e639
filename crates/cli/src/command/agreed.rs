//! Asks a person back before something is done that nothing brings back.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::failure::{Failure, Result};
use crate::terminal;

/// Whether the person at the terminal has typed the word of what is to be lost. `lost` says what that is, `doing` what `--yes` does unasked.
///
/// # Errors
/// There is no terminal, or nothing can be read from it.
pub(super) fn agreed(lost: &str, word: &str, doing: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("there is no terminal to ask back at").hint(format!("give --yes to {doing} without being asked")));
    }
    eprint!("{} is lost for good. Type {} to {doing}: ", terminal::line(lost), terminal::line(word));
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed).map_err(|error| Failure::usage(format!("cannot read the answer: {error}")))?;
    Ok(typed.trim_end_matches(['\n', '\r']) == word)
}
