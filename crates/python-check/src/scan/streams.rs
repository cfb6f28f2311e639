//! Streams of the library, which the preset `compatible` lets code have, and the attributes that lead to the files behind them.
//!
//! Whether code has such streams is known when the whole file is: the attributes are noted on the way and judged then. They are
//! judged by their name, on any object but those that are plainly of this code's own classes, since a stream can come from a call,
//! a parameter or a loop that nothing here follows.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::TextRange;

use super::Scan;
use crate::report::shorten;
use crate::rule::{self, Rule};

/// The files behind a stream can be opened anew: their class is one that opens files.
const BEHIND: &[&str] = &["buffer", "detach", "raw"];

/// What may be called on the bytes of the process's own streams: the methods take and answer bytes and numbers, and nothing that leads on.
const OF_BYTES: &[(&str, &[&str])] = &[
    ("stdin", &["read", "readline", "readlines"]),
    ("stdout", &["flush", "write", "writelines"]),
    ("stderr", &["flush", "write", "writelines"]),
];

/// What is known of the streams of one file.
#[derive(Debug, Default)]
pub(super) struct Streams {
    there: bool,
    noted: Vec<(&'static Rule, TextRange, String)>,
}

impl Streams {
    /// The code gets a stream of the library.
    pub fn have_come(&mut self) {
        self.there = true;
    }

    /// Whether the code seen so far gets one.
    pub fn are_there(&self) -> bool {
        self.there
    }
}

/// Whether an attribute of this name leads behind a stream.
pub(super) fn is_behind(name: &str) -> bool {
    BEHIND.contains(&name)
}

impl<'a> Scan<'a, '_> {
    /// Notes that a member of a module is used that is a stream or makes one.
    pub(super) fn note_streams(&mut self, module: &str, name: &str) {
        if module == "tempfile" || name == "tempfile" || (module == "sys" && (name.contains("std") || name == "*")) {
            self.streams.have_come();
        }
    }

    /// Notes an attribute that leads behind a stream if the object is one.
    pub(super) fn note_behind_stream(&mut self, name: &str, range: TextRange) {
        if self.catalog.is_compatible() && is_behind(name) {
            self.streams.noted.push((&rule::INTROSPECTION_PIVOT, range, message(name)));
        }
    }

    /// Notes a computed name of which only the beginning is known, if it may become that of such an attribute.
    pub(super) fn note_prefix_of_behind(&mut self, prefix: &str, range: TextRange) {
        if self.catalog.is_compatible()
            && let Some(name) = BEHIND.iter().find(|name| name.starts_with(prefix))
        {
            let message = format!("a computed name that may be `{name}`, in code that has streams of the library");
            self.streams.noted.push((&rule::INTROSPECTION_NAME, range, message));
        }
    }

    /// Whether such an attribute is plainly one of this code's own objects.
    pub(super) fn is_own_beside_streams(&mut self, name: &str, object: &Expr, range: TextRange) -> bool {
        if !self.catalog.is_compatible() || !is_behind(name) {
            return false;
        }
        let claimed =
            !self.receiver_is_foreign() && self.claim_own_beside_streams(object, &rule::INTROSPECTION_PIVOT, range, message(name));
        claimed || self.is_own_object(object)
    }

    /// `sys.stdout.buffer.write(...)`, called where it stands: the buffer itself is in nobody's hands.
    pub(super) fn bytes_of_stream(&mut self, call: &'a ast::ExprCall) {
        let Expr::Attribute(method) = &*call.func else { return };
        let Expr::Attribute(buffer) = &*method.value else { return };
        if !self.catalog.is_compatible() || &*buffer.attr != "buffer" {
            return;
        }
        let Some((module, stream)) = self.qualified(&buffer.value) else { return };
        let harmless = OF_BYTES.iter().any(|(name, methods)| *name == stream && methods.contains(&method.attr.as_str()));
        if module == "sys" && harmless {
            self.mark_judged(&method.value);
        }
    }

    /// Judges what was noted, with the whole file seen.
    pub(super) fn judge_behind_streams(&mut self) {
        if self.streams.are_there() {
            let noted = std::mem::take(&mut self.streams.noted);
            noted.into_iter().for_each(|(rule, range, message)| self.add(rule, range, message));
        }
    }
}

fn message(name: &str) -> String {
    format!("attribute `{}`, in code that has streams of the library: of a stream it leads to the file behind it", shorten(name))
}
