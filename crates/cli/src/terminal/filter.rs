//! Bytes that a program prints, on their way to a terminal: text, line breaks, tabs, returns and colors pass, everything else that a
//! terminal would obey or hide stands escaped. A character or a color may arrive in pieces.

use std::io::{self, Write};
use std::str;

use super::character::{escape, is_hidden, is_joiner};

/// Longest sequence of a color that is waited for: `ESC [`, parameters, `m`.
const MAX_COLOR: usize = 32;
/// Bytes that are looked at together: what follows a piece is not read again and again.
const WINDOW: usize = 256;
/// Takes colors back.
const RESET: &[u8] = b"\x1b[0m";

/// One stream on its way to a terminal.
#[derive(Debug, Default)]
pub struct Filter {
    /// The beginning of a character or a color whose end has not arrived.
    open: Vec<u8>,
    /// Whether a color may be in force.
    colored: bool,
}

/// The way of a program's output to a stream of this process: through a filter where that is a terminal, else as it is.
#[derive(Debug)]
pub struct Passage {
    filter: Option<Filter>,
}

/// What the first bytes of a stream are.
enum Piece {
    /// So many bytes that pass.
    Passes(usize),
    /// A color of so many bytes.
    Color(usize),
    /// A character that a terminal would obey, of so many bytes.
    Hidden(char, usize),
    /// A byte that belongs to no character.
    NoText(u8),
    /// More bytes are needed to tell.
    Open,
}

impl Filter {
    /// What a terminal may be given of the next bytes.
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.open);
        all.extend_from_slice(bytes);
        let mut shown = Vec::with_capacity(all.len());
        let mut at = 0;
        while at < all.len() {
            match piece(&all[at..]) {
                Piece::Open => break,
                piece => at += self.show(piece, &all[at..], &mut shown),
            }
        }
        self.open = all.split_off(at);
        shown
    }

    /// What is left at the end: an unfinished piece, escaped, and the end of colors.
    pub fn end(&mut self) -> Vec<u8> {
        let open = std::mem::take(&mut self.open);
        let mut shown = Vec::new();
        let (first, rest) = open.split_at(usize::from(open.first() == Some(&0x1b)));
        if let [byte] = first {
            shown.extend(escape(char::from(*byte)).bytes());
        }
        match str::from_utf8(rest) {
            Ok(text) => shown.extend(text.bytes()),
            Err(_) => rest.iter().for_each(|byte| shown.extend(format!("\\x{byte:02x}").bytes())),
        }
        if std::mem::take(&mut self.colored) {
            shown.extend(RESET);
        }
        shown
    }

    /// Shows one piece; answers how many bytes it took.
    fn show(&mut self, piece: Piece, bytes: &[u8], shown: &mut Vec<u8>) -> usize {
        match piece {
            Piece::Passes(length) => {
                shown.extend_from_slice(&bytes[..length]);
                length
            }
            Piece::Color(length) => {
                self.colored = true;
                shown.extend_from_slice(&bytes[..length]);
                length
            }
            Piece::Hidden(character, length) => {
                shown.extend(escape(character).bytes());
                length
            }
            Piece::NoText(byte) => {
                shown.extend(format!("\\x{byte:02x}").bytes());
                1
            }
            Piece::Open => 0,
        }
    }
}

impl Passage {
    /// A way to a terminal, or to something else.
    pub fn new(to_terminal: bool) -> Self {
        Passage { filter: to_terminal.then(Filter::default) }
    }

    /// Writes the next bytes at once.
    ///
    /// # Errors
    /// Those of the stream; a closed pipe is one.
    pub fn write(&mut self, mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
        match &mut self.filter {
            Some(filter) => stream.write_all(&filter.pass(bytes))?,
            None => stream.write_all(bytes)?,
        }
        stream.flush()
    }

    /// Writes what is left at the end.
    ///
    /// # Errors
    /// Those of the stream; a closed pipe is one.
    pub fn end(&mut self, mut stream: impl Write) -> io::Result<()> {
        let left = self.filter.as_mut().map(Filter::end).unwrap_or_default();
        stream.write_all(&left)?;
        stream.flush()
    }
}

fn piece(bytes: &[u8]) -> Piece {
    if bytes.starts_with(b"\x1b") {
        return color(bytes);
    }
    let bytes = &bytes[..bytes.len().min(WINDOW)];
    let valid = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() == 0 => {
            return if error.error_len().is_none() { Piece::Open } else { Piece::NoText(bytes[0]) };
        }
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    let passes = |character| !is_hidden(character) || is_joiner(character) || matches!(character, '\n' | '\r' | '\t');
    match valid.char_indices().find(|(_, character)| !passes(*character)) {
        Some((0, character)) => Piece::Hidden(character, character.len_utf8()),
        Some((at, _)) => Piece::Passes(at),
        None => Piece::Passes(valid.len()),
    }
}

/// `ESC [ 1 ; 31 m`.
fn color(bytes: &[u8]) -> Piece {
    let escape = Piece::Hidden('\x1b', 1);
    match bytes.get(1) {
        None => return Piece::Open,
        Some(b'[') => {}
        Some(_) => return escape,
    }
    let parameters = bytes[2..].iter().take(MAX_COLOR).take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    match bytes.get(2 + parameters) {
        Some(b'm') if conceals(&bytes[2..2 + parameters]) => escape,
        Some(b'm') => Piece::Color(3 + parameters),
        None if parameters <= MAX_COLOR => Piece::Open,
        _ => escape,
    }
}

/// Whether the parameters of a color hide what follows (8), or are none that a terminal knows: what it makes of those is its own affair.
/// The 8 of `38;5;8` and of `48;2;8;8;8` is a color's number.
fn conceals(parameters: &[u8]) -> bool {
    let numbers: Option<Vec<u8>> = parameters
        .split(|byte| *byte == b';')
        .map(|digits| if digits.is_empty() { Some(0) } else { str::from_utf8(digits).ok()?.parse().ok() })
        .collect();
    let Some(numbers) = numbers else { return true };
    let mut rest = numbers.as_slice();
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (8, _) => return true,
            (38 | 48 | 58, [5, _, after @ ..] | [2, _, _, _, after @ ..]) => after,
            _ => after,
        };
    }
    false
}
