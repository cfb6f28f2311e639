//! The parts of a JSON text, as they are written: for those who look into a value and must keep the rest of it, digit by digit.

use std::ops::Range;

/// One part of a well-formed JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// An object begins.
    Open,
    /// An object ends.
    Close,
    /// The name of a member: where it stands, with its quotes.
    Name(Range<usize>),
    /// A text: where it stands, with its quotes.
    Text(Range<usize>),
    /// A number: where it stands.
    Number(Range<usize>),
}

/// The names, texts, numbers and objects of a well-formed JSON text, in order; of any other text, something.
pub fn tokens(json: &str) -> impl Iterator<Item = Token> + '_ {
    let bytes = json.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at;
            let byte = *bytes.get(at)?;
            at += 1;
            return Some(match byte {
                b'{' => Token::Open,
                b'}' => Token::Close,
                b'"' => {
                    at = end_of_string(bytes, at);
                    if is_name(bytes, at) { Token::Name(start..at) } else { Token::Text(start..at) }
                }
                b'-' | b'0'..=b'9' => {
                    at += bytes[at..].iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count();
                    Token::Number(start..at)
                }
                _ => continue,
            });
        }
    })
}

/// Where the string is over whose content begins at `at`.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn is_name(bytes: &[u8], after: usize) -> bool {
    let next = bytes[after..].iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    next == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(json: &str) -> Vec<String> {
        let word = |token| match token {
            Token::Open => "{".to_owned(),
            Token::Close => "}".to_owned(),
            Token::Name(span) => format!("name {}", &json[span]),
            Token::Text(span) => format!("text {}", &json[span]),
            Token::Number(span) => format!("number {}", &json[span]),
        };
        tokens(json).map(word).collect()
    }

    #[test]
    fn every_name_text_and_number_comes_as_it_is_written() {
        let json = r#" {"a\"}" : [1.50e+3, -2, true, "x:\\", null], "b":{"c" :"d"}} "#;
        let expected = [
            "{",
            r#"name "a\"}""#,
            "number 1.50e+3",
            "number -2",
            r#"text "x:\\""#,
            r#"name "b""#,
            "{",
            r#"name "c""#,
            r#"text "d""#,
            "}",
            "}",
        ];
        assert_eq!(words(json), expected);
        assert_eq!((words("7"), words("\"7\""), words("[]")), (vec!["number 7".to_owned()], vec!["text \"7\"".to_owned()], vec![]));
    }

    #[test]
    fn texts_that_are_no_json_are_read_to_their_end() {
        for text in ["\"", "\"\\", "{\"a", "-", "1\"", "\"é\\"] {
            assert!(tokens(text).count() <= 2, "{text}");
        }
    }
}
