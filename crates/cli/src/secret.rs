//! Secrets of people and programs: asked for without an echo, or read from a file or standard input; never an argument, which every
//! process of the machine could read, and never printed by accident.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::input::is_stdin;
use crate::interrupt::interrupts_of_this_process;

/// Longest secret in a file, in bytes: any password, key or token, and no file that was named by mistake.
const MAX_BYTES: u64 = 16 * 1024;
/// Longest value of a named secret: what the server takes.
const MAX_TEXT_BYTES: u64 = 64 * 1024;

/// A text that must not be shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

// === impl Secret ===

impl Secret {
    /// Keeps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text, for whom it is meant.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Reads a secret from a file, or from standard input for `-`; where that is a terminal, it is asked for without an echo. A line break
/// at its end is no part of it.
///
/// # Errors
/// It cannot be read, is empty, longer than 16 KiB, has several lines, or is no UTF-8.
pub fn read(path: &Path, what: &str) -> Result<Secret> {
    read_as(path, what, MAX_BYTES, parse)
}

/// Reads a secret of any number of lines, as [`read`] does.
///
/// # Errors
/// It cannot be read, is empty, longer than 64 KiB, or is no UTF-8.
pub fn read_text(path: &Path, what: &str) -> Result<Secret> {
    read_as(path, what, MAX_TEXT_BYTES, parse_text)
}

fn read_as(path: &Path, what: &str, most: u64, parse: fn(Vec<u8>) -> std::result::Result<Secret, &'static str>) -> Result<Secret> {
    if is_stdin(path) && io::stdin().is_terminal() {
        return ask(what);
    }
    let mut bytes = Vec::new();
    let mut source: Box<dyn Read> = match is_stdin(path) {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).map_err(|error| Failure::file(path, &error))?),
    };
    // Room for a line break at its end, and for one byte that is too many.
    source.by_ref().take(most + 3).read_to_end(&mut bytes).map_err(|error| Failure::file(path, &error))?;
    let name = if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() };
    parse(bytes).map_err(|problem| Failure::usage(format!("{name} {problem}, and no {what}")))
}

/// What was read, without its line break. A refusal says nothing of what stands there.
fn parse(bytes: Vec<u8>) -> std::result::Result<Secret, &'static str> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err("has more than 16 KiB");
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    match without_break(&text) {
        "" => Err("is empty"),
        line if line.contains(['\n', '\r', '\0']) => Err("has several lines"),
        line => Ok(Secret::new(line)),
    }
}

/// The same of a text of several lines.
fn parse_text(bytes: Vec<u8>) -> std::result::Result<Secret, &'static str> {
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    match without_break(&text) {
        "" => Err("is empty"),
        text if text.len() as u64 > MAX_TEXT_BYTES => Err("has more than 64 KiB"),
        text => Ok(Secret::new(text)),
    }
}

fn without_break(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line))
}

/// Asks the person at the terminal without showing what is typed.
///
/// # Errors
/// There is no terminal, nothing was typed, or the person left by Ctrl-C.
pub fn ask(what: &str) -> Result<Secret> {
    // The reader turns Ctrl-C into the signal before it has given the terminal its echo back: handled, it comes to that.
    let _handled = interrupts_of_this_process()?;
    match rpassword::prompt_password(format!("{}: ", capitalized(what))) {
        Ok(text) if text.is_empty() => Err(Failure::usage(format!("no {what} was typed"))),
        Ok(text) => Ok(Secret::new(text)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(Failure::new(Exit::Interrupted, "interrupted")),
        Err(error) => Err(Failure::usage(format!("there is no terminal to ask for the {what}: {error}"))),
    }
}

/// Asks for a secret that is new, twice.
///
/// # Errors
/// As [`ask`], or the two differ.
pub fn ask_new(what: &str) -> Result<Secret> {
    let first = ask(what)?;
    match ask(&format!("{what} again"))? == first {
        true => Ok(first),
        false => Err(Failure::usage("the two differ; nothing was changed")),
    }
}

/// A question begins with a capital letter.
fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_of_a_file_whatever_ends_it() {
        for text in ["pass word", "pass word\n", "pass word\r\n"] {
            assert_eq!(parse(text.into()).unwrap().expose(), "pass word", "{text:?}");
        }
        assert_eq!(parse("  é ".into()).unwrap().expose(), "  é ", "blanks are part of it");
        for wrong in [&b""[..], b"\n", b"two\nlines", b"two\n\n", b"a\0b", b"\xff", &[b'x'; 16 * 1024 + 1]] {
            assert!(parse(wrong.to_vec()).is_err(), "{:?}", &wrong[..wrong.len().min(16)]);
        }
    }

    #[test]
    fn a_value_may_have_several_lines_of_which_the_last_break_is_no_part() {
        for text in ["two\nlines", "two\nlines\n", "two\nlines\r\n"] {
            assert_eq!(parse_text(text.into()).unwrap().expose(), "two\nlines", "{text:?}");
        }
        assert!(parse_text([vec![b'x'; 64 * 1024], b"\r\n".to_vec()].concat()).is_ok());
        for wrong in [&b""[..], b"\n", b"\xff", &[b'x'; 64 * 1024 + 1]] {
            assert!(parse_text(wrong.to_vec()).is_err(), "{:?}", &wrong[..wrong.len().min(16)]);
        }
    }

    #[test]
    fn no_secret_is_shown_by_accident() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hunter2\nhunter3").unwrap();
        let failure = read(file.path(), "password").unwrap_err();
        assert!(!format!("{failure} {failure:?} {:?}", Secret::new("hunter2")).contains("hunter"), "{failure}");
    }
}
