//! The tokens of a text by the parser's own lexer, with their places and what cannot be read of it. There is no tree: nothing recurses,
//! however deep nests what the tokens say.

use ruff_python_ast::Mod;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, ParseErrorType, ParseOptions, Parsed, parse_unchecked};
use ruff_text_size::{Ranged, TextRange};

use crate::location::{BOM, size};

/// A whole expression. The parser passes over all that follows one, token by token, as something that nobody has expected.
const HEAD: &str = "0\n";
/// Its tokens.
const HEAD_TOKENS: usize = 2;

/// The tokens of one text.
#[derive(Debug)]
pub(crate) struct Tokens {
    parsed: Parsed<Mod>,
}

impl Tokens {
    /// Reads `text`, in one pass.
    pub fn of(text: &str) -> Self {
        // A mark is one at the very beginning only.
        let (mark, rest) = text.split_at(if text.starts_with(BOM) { BOM.len_utf8() } else { 0 });
        Tokens { parsed: parse_unchecked(&[mark, HEAD, rest].concat(), ParseOptions::from(Mode::Expression)) }
    }

    /// The tokens with their places in the text.
    pub fn iter(&self) -> impl Iterator<Item = (TokenKind, TextRange)> + '_ {
        self.parsed.tokens().iter().skip(HEAD_TOKENS).map(|token| (token.kind(), in_text(token.range())))
    }

    /// What cannot be read, in order.
    pub fn errors(&self) -> impl Iterator<Item = (&ParseErrorType, TextRange)> + '_ {
        let lexical = self.parsed.errors().iter().filter(|error| matches!(error.error, ParseErrorType::Lexical(_)));
        lexical.map(|error| (&error.error, in_text(error.location)))
    }
}

/// A place that was counted with the head.
fn in_text(range: TextRange) -> TextRange {
    range - size(HEAD.len())
}

#[cfg(test)]
mod tests {
    use ruff_python_parser::lexer;

    use super::*;

    fn check(text: &str, expected: &[(TokenKind, &str)]) {
        let tokens = Tokens::of(text);
        let found: Vec<_> = tokens.iter().map(|(kind, range)| (kind, &text[range])).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn tokens_stand_where_they_stand_in_the_text() {
        check(
            "é = [1\n]",
            &[
                (TokenKind::Name, "é"),
                (TokenKind::Equal, "="),
                (TokenKind::Lsqb, "["),
                (TokenKind::Int, "1"),
                (TokenKind::NonLogicalNewline, "\n"),
                (TokenKind::Rsqb, "]"),
                (TokenKind::Newline, ""),
            ],
        );
        check("\u{feff}x", &[(TokenKind::Name, "x"), (TokenKind::Newline, "")]);
        check("  x", &[(TokenKind::Indent, "  "), (TokenKind::Name, "x"), (TokenKind::Newline, ""), (TokenKind::Dedent, "")]);
        check("", &[]);
    }

    #[test]
    fn what_cannot_be_read_stands_where_it_stands_in_the_text() {
        let tokens = Tokens::of("x = 'a\ny = $");
        let places: Vec<_> = tokens.errors().map(|(_, range)| range.start().to_usize()).collect();
        assert_eq!(places, [4, 11]);
        assert_eq!(Tokens::of("x = (1").errors().count(), 1, "the end of the text");
        assert_eq!(Tokens::of("x = (1)").errors().count(), 0);
    }

    #[test]
    fn tokens_are_what_the_lexer_says_however_little_of_it_is_python() {
        for text in ["\u{feff}\u{feff}x", "f'{x:{y", "if x:\n  y\n z", "[}[}", "f\"{[x def f\"((\"]}\"", "lambda a\nlambda b", "'''", "\\"]
        {
            let mut lexer = lexer::lex(text, Mode::Module);
            let kinds: Vec<_> = std::iter::from_fn(|| Some(lexer.next_token()).filter(|kind| *kind != TokenKind::EndOfFile)).collect();
            let found: Vec<_> = Tokens::of(text).iter().map(|(kind, _)| kind).collect();
            assert_eq!(found, kinds, "{text:?}");
        }
    }
}
