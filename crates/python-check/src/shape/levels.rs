//! How many bytes of a text could begin something that adds a level to its tree, wherever its tokens begin and end: in strings and comments,
//! too, so that nothing depends on who reads them how.

/// Bytes that are counted together: so few that their number fits a byte, of which the processor adds many at once.
const CHUNK: usize = 128;

/// How many bytes may begin a token that adds a level.
pub(super) fn deepening(text: &str) -> usize {
    count(text, deepens)
}

/// How many of them may begin a list, which are the levels that the parser looks around from when it leaves them behind an error: brackets,
/// f-strings, the parameters of a lambda, and what is yielded.
pub(super) fn lists(text: &str) -> usize {
    count(text, begins_list)
}

/// Counts bytes by what stands before them.
fn count(text: &str, counts: impl Fn(u8, u8) -> bool) -> usize {
    let bytes = text.as_bytes();
    let Some((first, behind)) = bytes.split_first() else { return 0 };
    let chunks = bytes.chunks(CHUNK).zip(behind.chunks(CHUNK));
    let counted = chunks.map(|(before, bytes)| {
        let counted: u8 = before.iter().zip(bytes).map(|(before, byte)| u8::from(counts(*before, *byte))).sum();
        usize::from(counted)
    });
    counted.sum::<usize>() + usize::from(counts(b' ', *first))
}

/// Brackets, quotes and operators; the first letters of `and`, `async`, `await`, `if`, `lambda`, `not`, `or` and `yield`. A number may end
/// right before these, and in a letter.
fn deepens(before: u8, byte: u8) -> bool {
    let marks = is_between(byte, b'%', b'(') | is_between(byte, b'*', b'+') | is_between(byte, b'-', b'/') | is_between(byte, b'<', b'>');
    let marks = marks | is_between(byte, b'{', b'|') | (byte == b'"') | (byte == b'@') | (byte == b'[') | (byte == b'^') | (byte == b'~');
    let starts = (byte == b'a') | (byte == b'i') | (byte == b'l') | (byte == b'n') | (byte == b'o') | (byte == b'y');
    marks | (starts & !is_of_word(before)) | is_behind_number(before, byte)
}

fn begins_list(before: u8, byte: u8) -> bool {
    let opens = (byte == b'(') | (byte == b'[') | (byte == b'{');
    let quotes = (byte == b'"') | (byte == b'\'');
    let starts = (byte == b'l') | (byte == b'y');
    opens | (quotes & is_of_word(before)) | (starts & !is_of_word(before)) | is_behind_number(before, byte)
}

fn is_behind_number(before: u8, byte: u8) -> bool {
    is_letter(byte) & is_between(before, b'0', b'9')
}

fn is_of_word(byte: u8) -> bool {
    is_letter(byte) | (byte == b'_')
}

fn is_letter(byte: u8) -> bool {
    is_between(byte | 0x20, b'a', b'z')
}

/// Without a branch, for the sake of [`count`].
fn is_between(byte: u8, first: u8, last: u8) -> bool {
    byte.wrapping_sub(first) <= last - first
}
