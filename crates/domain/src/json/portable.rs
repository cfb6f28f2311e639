//! What every reader of JSON takes alike. JSON allows more than its readers do: half a surrogate pair is refused by some and changed by
//! others, a number beyond the doubles becomes an infinity here and an error there. Such a text is refused where it comes in, from a
//! caller or from a program, so that whatever is a result can be read by every client and be the next call's value.

/// Deepest nesting of arrays and objects: readers that recurse take it, and what one program returns, the next one gets.
pub const MAX_DEPTH: usize = 128;

/// Most digits of an integer: Python reads no more.
pub const MAX_DIGITS: usize = 4_300;

/// Longest part of a number that a message shows.
const SHOWN: usize = 40;

/// Why a JSON text is not taken alike by all readers. Each is a lower-case fragment that fits after what the text is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unportable {
    /// Arrays and objects nest deeper than [`MAX_DEPTH`].
    #[error("is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// An escape that is no character.
    #[error("holds `{0}`, half of a surrogate pair and no character, which many readers of JSON refuse or replace")]
    LoneSurrogate(String),
    /// A number with a fraction or an exponent that no double holds.
    #[error("holds the number {0}, which is beyond the largest one with a fraction or an exponent, about 1.8e308")]
    OutOfRange(String),
    /// An integer of more than [`MAX_DIGITS`] digits.
    #[error("holds an integer of {0} digits; at most {MAX_DIGITS} are read")]
    TooManyDigits(usize),
}

/// Checks a well-formed JSON text, without recursion; of any other text, whatever is found first.
///
/// # Errors
/// The first thing that some reader would refuse or change.
pub fn check_portable(json: &str) -> Result<(), Unportable> {
    let bytes = json.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b'"' => check_string(json, at + 1)?,
            b'-' | b'0'..=b'9' => check_number(json, at)?,
            b'[' | b'{' if depth == MAX_DEPTH => return Err(Unportable::TooDeep),
            b'[' | b'{' => {
                depth += 1;
                at + 1
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            _ => at + 1,
        };
    }
    Ok(())
}

/// Checks the string whose content begins at `at`; answers where it is over.
fn check_string(json: &str, mut at: usize) -> Result<usize, Unportable> {
    let bytes = json.as_bytes();
    loop {
        match bytes.get(at) {
            None => return Ok(at),
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = check_escape(bytes, at)?,
            Some(_) => at += 1,
        }
    }
}

fn check_escape(bytes: &[u8], at: usize) -> Result<usize, Unportable> {
    match unit(bytes, at) {
        None => Ok(at + 2),
        Some(0xD800..=0xDBFF) if matches!(unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) => Ok(at + 12),
        Some(0xD800..=0xDFFF) => Err(Unportable::LoneSurrogate(String::from_utf8_lossy(&bytes[at..at + 6]).into_owned())),
        Some(_) => Ok(at + 6),
    }
}

/// The code unit that an escape at `at` stands for.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Checks the number that begins at `at`; answers where it is over.
fn check_number(json: &str, at: usize) -> Result<usize, Unportable> {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let length = json.as_bytes()[at..].iter().take_while(|byte| is_part(byte)).count();
    let number = &json[at..at + length];
    if !number.contains(['.', 'e', 'E']) {
        let digits = number.trim_start_matches('-').len();
        return if digits > MAX_DIGITS { Err(Unportable::TooManyDigits(digits)) } else { Ok(at + length) };
    }
    match number.parse::<f64>() {
        Ok(read) if read.is_infinite() => Err(Unportable::OutOfRange(shown(number))),
        Ok(_) | Err(_) => Ok(at + length),
    }
}

fn shown(number: &str) -> String {
    match number.get(..SHOWN) {
        Some(beginning) => format!("{beginning}..."),
        None => number.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> Unportable {
        check_portable(json).expect_err(json)
    }

    #[test]
    fn ordinary_texts_pass() {
        let deepest = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
        let longest = "9".repeat(MAX_DIGITS);
        let brackets = format!("[\"{}\", {}[]]", "[".repeat(1_000), "[],".repeat(1_000));
        for json in ["null", "-0", "1e308", "-1.5E-400", "0.1", "\"\"", "{\"a\": [1, {\"b\": 2}]}", "1e+5", &deepest, &longest, &brackets] {
            assert_eq!(check_portable(json), Ok(()), "{json}");
        }
    }

    #[test]
    fn what_nests_too_deep_is_refused_however_deep_it_is() {
        for depth in [MAX_DEPTH + 1, 400_000] {
            assert_eq!(refused(&"[".repeat(depth)), Unportable::TooDeep);
            assert_eq!(refused(&"{\"a\":".repeat(depth)), Unportable::TooDeep);
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_refused_and_a_whole_one_passes() {
        for json in [r#""\ud83d\ude00""#, r#""\uD83D\uDE00 \u00e9""#, r#""\\ud83d""#, r#""\\\\ud83d""#, "\"\u{1F600}\""] {
            assert_eq!(check_portable(json), Ok(()), "{json}");
        }
        let halves = [r#""\ud83d""#, r#""\ude00""#, r#""\ud83d\ud83d""#, r#""\ud83d\n""#, r#"{"\udfff": 1}"#, r#"["\\\ud800"]"#];
        for json in halves {
            assert!(matches!(refused(json), Unportable::LoneSurrogate(_)), "{json}");
        }
        assert!(refused(r#""a\uDC80b""#).to_string().contains(r"`\uDC80`"));
    }

    #[test]
    fn numbers_that_readers_make_infinite_are_refused() {
        for json in ["1e400", "-1E400", "[1.0e309]", "{\"a\": 2e308}"] {
            assert!(matches!(refused(json), Unportable::OutOfRange(_)), "{json}");
        }
        let long = format!("{}.5", "9".repeat(400));
        assert!(refused(&long).to_string().contains("9999..."));
        assert_eq!(check_portable(&"9".repeat(400)), Ok(()), "an integer is exact where it is read as one");
    }

    #[test]
    fn integers_beyond_what_python_reads_are_refused() {
        let digits = MAX_DIGITS + 1;
        assert_eq!(refused(&format!("[-{}]", "1".repeat(digits))), Unportable::TooManyDigits(digits));
    }

    #[test]
    fn what_is_no_json_is_gone_through_without_harm() {
        for text in ["", "\"", "\"\\", "\"\\u12", "]]]", "-", "1e", "\"\\ud83d\\u", "é", "\"\\ué12\""] {
            assert!(check_portable(text).is_ok() || text.contains("ud83d"), "{text}");
        }
    }
}
