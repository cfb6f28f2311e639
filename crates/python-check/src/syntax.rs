//! Parsing, and the parser's complaints as findings at the place where CPython puts them.

mod indentation;

use ruff_python_ast::token::{Token, TokenKind};
use ruff_python_ast::{ModModule, PythonVersion};
use ruff_python_parser::{LexicalErrorType, Mode, ParseError, ParseErrorType, ParseOptions, Parsed, parse_unchecked};
use ruff_text_size::{Ranged, TextRange};

use crate::character::{describe, is_invisible};
use crate::location::size;
use crate::report::{Sink, shorten};
use crate::rule;
use crate::shape::{self, Misfit};
use crate::tokens::Tokens;

/// Most parse errors reported: later ones mostly follow from the first.
const MAX_ERRORS: usize = 20;

/// Parses a module for `version`. The tree is returned even when it has errors.
pub(crate) fn parse(text: &str, version: PythonVersion) -> Option<Parsed<ModModule>> {
    parse_unchecked(text, ParseOptions::from(Mode::Module).with_target_version(version)).try_into_module()
}

/// Reports what the parser found; says whether the tree is sound.
pub(crate) fn report(text: &str, parsed: &Parsed<ModModule>, sink: &mut Sink) -> bool {
    let indentation = indentation::inconsistent(text, parsed.tokens());
    if let Some((range, problem)) = indentation {
        sink.add(&rule::SYNTAX_PARSE, range, problem.to_owned());
    }
    if !parsed.errors().is_empty() {
        errors(text, parsed, sink);
        return false;
    }
    if indentation.is_some() {
        return false;
    }
    for error in parsed.unsupported_syntax_errors() {
        if sink.is_full() {
            break;
        }
        sink.add(&rule::SYNTAX_VERSION, error.range(), sentence(&error.to_string()));
    }
    true
}

/// Reports what there is to say of a text that is not parsed because its tokens are no Python's: what cannot be read, and the first that
/// does not fit.
pub(crate) fn report_tokens(tokens: &Tokens, misfit: Option<(TextRange, Misfit)>, sink: &mut Sink) {
    for (error, range) in tokens.errors().take(MAX_ERRORS) {
        sink.add(&rule::SYNTAX_PARSE, range, words(error));
    }
    if let Some((range, problem)) = shape::unbalanced(tokens.iter()).or(misfit) {
        sink.add(&rule::SYNTAX_PARSE, range, problem.describe());
    }
}

fn errors(text: &str, parsed: &Parsed<ModModule>, sink: &mut Sink) {
    let (lexical, grammatical): (Vec<_>, Vec<_>) =
        parsed.errors().iter().partition(|error| matches!(error.error, ParseErrorType::Lexical(_)));
    // CPython reads all tokens before it judges brackets, and brackets before it judges the rest.
    for error in lexical.iter().take(MAX_ERRORS) {
        sink.add(&rule::SYNTAX_PARSE, error.location, words(&error.error));
    }
    let bracket = shape::unbalanced(parsed.tokens().iter().map(|token| (token.kind(), token.range())));
    if let Some((range, problem)) = bracket {
        sink.add(&rule::SYNTAX_PARSE, range, problem.describe());
    }
    // What the parser says after a wrong bracket only follows from it.
    let until = bracket.map_or(text.len() + 1, |(range, _)| range.start().to_usize());
    let earlier = grammatical.iter().filter(|error| error.location.start().to_usize() < until);
    let mut last_line = None;
    for error in earlier.take(MAX_ERRORS) {
        let range = place(text, parsed.tokens(), error);
        let line = text[..text.floor_char_boundary(range.start().to_usize())].matches('\n').count();
        if last_line != Some(line) {
            sink.add(&rule::SYNTAX_PARSE, range, words(&error.error));
        }
        last_line = Some(line);
    }
}

/// Where CPython puts an error that the parser puts elsewhere.
fn place(text: &str, tokens: &[Token], error: &ParseError) -> TextRange {
    let significant = |token: &&Token| !is_layout(token.kind());
    let message = error.error.to_string();
    if message.starts_with("Expected an indented block") {
        // At what stands where the block should be, if anything does.
        let next = tokens.iter().filter(significant).find(|token| token.start() >= error.location.end());
        return next.map_or_else(|| end(text), Ranged::range);
    }
    let before = || tokens.iter().rev().filter(significant).find(|token| token.end() <= error.location.start());
    if message == "Expected `,`, found name" || text[error.location.start().to_usize().min(text.len())..].trim().is_empty() {
        // Between two values: at the first. At the end of the file: at the last thing in it.
        return before().map_or(error.location, |token| TextRange::new(token.start(), error.location.end().max(token.end())));
    }
    error.location
}

/// Where the text ends, before its last line break.
fn end(text: &str) -> TextRange {
    TextRange::empty(size(text.trim_end_matches(['\n', '\r']).len().max(text.strip_suffix('\n').unwrap_or(text).len())))
}

/// What the parser found, for people: no name of a type of its own, and no character that nobody sees.
fn words(error: &ParseErrorType) -> String {
    match error {
        ParseErrorType::Lexical(LexicalErrorType::UnrecognizedToken { tok }) => unknown_character(*tok),
        // The parser's own error is that of reading an empty number.
        ParseErrorType::Lexical(LexicalErrorType::OtherError(text)) if text.contains("ParseIntError") => {
            "a number without digits after its prefix".to_owned()
        }
        ParseErrorType::Lexical(LexicalErrorType::UnicodeError) => "an escape that names no character".to_owned(),
        ParseErrorType::UnexpectedIpythonEscapeCommand => "invalid syntax".to_owned(),
        other => TOKENS.iter().fold(sentence(&other.to_string()), |text, (token, word)| text.replace(token, word)),
    }
}

/// The parser's names of tokens, and the words for them.
const TOKENS: &[(&str, &str)] = &[
    ("FStringStart", "f-string"),
    ("FStringMiddle", "text of an f-string"),
    ("FStringEnd", "end of an f-string"),
    ("TStringStart", "t-string"),
    ("TStringMiddle", "text of a t-string"),
    ("TStringEnd", "end of a t-string"),
    ("NonLogicalNewline", "line break"),
    ("Unknown", "something unreadable"),
    ("Got unexpected", "unexpected"),
];

fn unknown_character(character: char) -> String {
    if is_invisible(character) {
        format!("invalid character that nobody sees: {}", describe(character))
    } else if character.is_ascii() {
        format!("invalid character `{character}`")
    } else {
        format!("invalid character `{character}`, {}", describe(character))
    }
}

/// Tokens that say nothing on their own.
fn is_layout(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Newline
            | TokenKind::NonLogicalNewline
            | TokenKind::Indent
            | TokenKind::Dedent
            | TokenKind::Comment
            | TokenKind::EndOfFile
    )
}

/// The parser's message without its trailing newline tokens and control characters.
fn sentence(message: &str) -> String {
    shorten_long(message)
}

fn shorten_long(message: &str) -> String {
    let pieces: Vec<String> =
        message.split_inclusive(' ').map(|word| if word.chars().count() > 60 { shorten(word) } else { word.to_owned() }).collect();
    pieces.concat().chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect()
}

/// Parses a string as an expression, e.g. an annotation. `None` when it is none, or too deep to look at.
pub(crate) fn parse_annotation(text: &str) -> Option<Parsed<ruff_python_ast::ModExpression>> {
    if shape::is_plain(text) { ruff_python_parser::parse_expression(text).ok() } else { None }
}
