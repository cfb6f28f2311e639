//! The characters of names: those that the runtime's Python does not know yet, and those that nobody sees.

use ruff_python_ast::PythonVersion;
use ruff_python_ast::token::{Token, TokenKind};
use ruff_text_size::{Ranged, TextRange};

use crate::character::{describe, is_ignorable, since};
use crate::location::size;
use crate::report::{Sink, shorten};
use crate::rule;

/// Reports names that the runtime's Python cannot read, and names with characters that nobody sees.
pub(crate) fn report(text: &str, tokens: &[Token], version: PythonVersion, sink: &mut Sink) {
    if text.is_ascii() {
        return;
    }
    for token in tokens.iter().filter(|token| token.kind() == TokenKind::Name) {
        let name = text.get(token.start().to_usize()..token.end().to_usize()).unwrap_or_default();
        if name.is_ascii() {
            continue;
        }
        for (at, character) in name.char_indices().filter(|(_, character)| !character.is_ascii()) {
            let range = TextRange::at(token.start() + size(at), size(character.len_utf8()));
            if let Some((major, minor)) = since(character).filter(|since| *since > (version.major, version.minor)) {
                let message = format!("{} is part of names only since Python {major}.{minor}", describe(character));
                sink.add(&rule::SYNTAX_VERSION, range, message);
            }
            if is_ignorable(character) {
                let message = format!("the name `{}` holds {}, which nobody sees", shorten(name), describe(character));
                sink.add(&rule::ENCODING_INVISIBLE, range, message);
            }
        }
    }
}
