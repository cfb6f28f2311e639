//! A Rust file as a flat row of tokens with lines, and which of them are test code. Comments and the insides of strings are
//! no code here, so a word in a message is never taken for the thing.

use std::{collections::BTreeMap, ops::Range, str::FromStr as _};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One token. Brackets are tokens too; a literal keeps its quotes.
pub struct Token {
    /// As written.
    pub text: String,
    /// Counted from 1.
    pub line: usize,
}

/// Rust files by path.
pub type Sources = BTreeMap<String, Tokens>;

/// The tokens of one file.
pub struct Tokens {
    all: Vec<Token>,
    tests: Vec<Range<usize>>,
}

impl Tokens {
    /// # Errors
    /// Why the text is not Rust.
    pub fn parse(text: &str) -> Result<Self, String> {
        let stream = TokenStream::from_str(text).map_err(|error| format!("not Rust: {error}"))?;
        let mut all = Vec::new();
        flatten(stream, &mut all);
        let tests = test_items(&all);
        Ok(Self { all, tests })
    }

    /// Lines where these tokens follow each other, with whether that is test code.
    pub fn find(&self, pattern: &[&str]) -> impl Iterator<Item = (usize, bool)> {
        let starts = 0..(self.all.len() + 1).saturating_sub(pattern.len());
        let matches = move |start: &usize| pattern.iter().zip(&self.all[*start..]).all(|(word, token)| token.text == *word);
        starts.filter(matches).map(|start| (self.all[start].line, self.is_test(start)))
    }

    /// Names that follow one of the keywords, with whether that is test code.
    pub fn names_after(&self, keywords: &[&str]) -> impl Iterator<Item = (&str, bool)> {
        let pairs = self.all.windows(2).enumerate();
        pairs
            .filter(|(_, pair)| keywords.contains(&pair[0].text.as_str()))
            .map(|(start, pair)| (pair[1].text.as_str(), self.is_test(start)))
    }

    /// Every token, in order.
    pub fn all(&self) -> &[Token] {
        &self.all
    }

    /// The text of one token; empty beyond the end.
    pub fn text(&self, index: usize) -> &str {
        self.all.get(index).map_or("", |token| token.text.as_str())
    }

    /// Where the bracket that opens at `open` closes.
    pub fn close_of(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (index, token) in self.all.iter().enumerate().skip(open) {
            match token.text.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return index;
            }
        }
        self.all.len()
    }

    /// Whether the token at `index` is test code.
    pub fn is_test(&self, index: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&index))
    }
}

fn flatten(stream: TokenStream, all: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                let end = group.span_close().end().line;
                all.push(Token { text: open.to_owned(), line });
                flatten(group.stream(), all);
                all.push(Token { text: close.to_owned(), line: end });
            }
            other => all.push(Token { text: other.to_string(), line }),
        }
    }
}

const CFG_TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

/// Items under `#[cfg(test)]`, from the attribute to the end of the body.
fn test_items(all: &[Token]) -> Vec<Range<usize>> {
    let is_mark = |start: &usize| CFG_TEST.iter().zip(&all[*start..]).all(|(word, token)| token.text == *word);
    let starts = (0..(all.len() + 1).saturating_sub(CFG_TEST.len())).filter(is_mark);
    starts.map(|start| start..end_of_item(all, start + CFG_TEST.len())).collect()
}

fn end_of_item(all: &[Token], start: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in all.iter().enumerate().skip(start) {
        match token.text.as_str() {
            ";" if depth == 0 => return index + 1,
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token.text == "}" {
                    return index + 1;
                }
            }
            _ => {}
        }
    }
    all.len()
}

/// Whether a token is a name or a keyword.
pub fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, pattern: &[&str]) -> Vec<(usize, bool)> {
        Tokens::parse(text).expect("the fixture is Rust").find(pattern).collect()
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        assert_eq!(lines("// unsafe\nfn f() { g(\"unsafe\") } /* unsafe */", &["unsafe"]), []);
    }

    #[test]
    fn code_is_found_with_its_line_at_any_depth() {
        assert_eq!(lines("fn f() {\n  if x {\n    unsafe { g() }\n  }\n}", &["unsafe"]), [(3, false)]);
    }

    #[test]
    fn test_code_is_what_stands_under_the_attribute_and_no_more() {
        let text = "#[cfg(test)]\nmod tests {\n fn a() { x }\n}\nfn b() { x }\n#[cfg(test)]\nuse x;\nfn c() { x }";
        assert_eq!(lines(text, &["x"]), [(3, true), (5, false), (7, true), (8, false)]);
    }

    #[test]
    fn what_is_not_rust_is_an_error() {
        assert!(Tokens::parse("fn f( {").is_err());
    }
}
