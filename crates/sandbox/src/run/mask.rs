//! Masks a job's secret values in everything that its program reports: in output as it comes, in results, and in the words of failures.
//!
//! One place, which all of it passes before anything is counted, stored or shown. It finds values in the forms that the domain tells; what
//! a program encodes or cuts it does not find, so it helps against slips of honest code and holds nobody back who means to tell.

use std::borrow::Cow;
use std::sync::Arc;

use domain::json::{JsonText, Token, tokens};
use domain::sandbox::{MASK, Secrets};
use sandbox_protocol::frame::Failure;

mod names;
mod patterns;
mod stream;

use names::Names;
use patterns::Patterns;
pub(super) use stream::StreamMask;

/// Where a text was cut: what stands before it may be the beginning of a secret.
const CUT: &str = "…";

/// Values of more bytes than a key has may keep a thread busy for longer than others should wait for it.
const LARGE: usize = 1024;

/// What is masked in the reports of one job.
#[derive(Debug)]
pub(crate) struct Mask(Option<Arc<Patterns>>);

// === impl Mask ===

impl Mask {
    pub(super) fn new(secrets: &Secrets) -> Self {
        Mask((!secrets.is_empty()).then(|| Arc::new(Patterns::new(secrets.forms()))))
    }

    /// The mask of a job. A large one is made on a thread where nothing else waits.
    pub(crate) async fn of(secrets: &Secrets) -> Self {
        if secrets.bytes() <= LARGE {
            return Mask::new(secrets);
        }
        let moved = secrets.clone();
        let made = tokio::task::spawn_blocking(move || Mask::new(&moved)).await;
        // Without such a thread, as while the server ends, nothing goes unmasked.
        made.unwrap_or_else(|_not_made| Mask::new(secrets))
    }

    /// The mask of one stream of output; `None` where there is nothing to mask.
    pub(super) fn stream(&self) -> Option<StreamMask> {
        self.0.clone().map(StreamMask::new)
    }

    /// A result without secrets, still JSON: in texts and names they are masked, and a number that is one becomes the text of the mask.
    pub(super) fn result(&self, json: JsonText) -> JsonText {
        let Some(patterns) = &self.0 else { return json };
        masked_json(patterns, &json).map_or(json, JsonText::read)
    }

    /// What a child says of its failure, without secrets.
    pub(super) fn failure(&self, mut failure: Failure) -> Failure {
        let Some(patterns) = &self.0 else { return failure };
        let texts = [Some(&mut failure.message), failure.exception.as_mut(), failure.traceback.as_mut()];
        for text in texts.into_iter().flatten() {
            *text = masked_cut(patterns, text);
        }
        failure
    }
}

/// A text without secrets.
fn masked(patterns: &Arc<Patterns>, text: &str) -> String {
    let (mut mask, mut out) = (StreamMask::new(Arc::clone(patterns)), Vec::with_capacity(text.len()));
    mask.push(text.as_bytes(), &mut out);
    mask.show(&mut out);
    // Patterns are texts, so what is cut out of one leaves one.
    String::from_utf8_lossy(&out).into_owned()
}

/// A text without secrets, and without the beginning of one where the text was cut.
fn masked_cut(patterns: &Arc<Patterns>, text: &str) -> String {
    let (mut mask, mut out) = (StreamMask::new(Arc::clone(patterns)), Vec::with_capacity(text.len()));
    for part in text.split_inclusive(CUT) {
        let (before, cut) = part.split_at(part.strip_suffix(CUT).unwrap_or(part).len());
        mask.push(before.as_bytes(), &mut out);
        if !cut.is_empty() {
            mask.pause(&mut out);
        }
        mask.push(cut.as_bytes(), &mut out);
    }
    mask.show(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The JSON text without secrets; `None` where it has none.
fn masked_json(patterns: &Arc<Patterns>, json: &str) -> Option<String> {
    let (mut out, mut copied) = (String::new(), 0);
    // The names of each object that is open: two secrets are two names still.
    let mut objects: Vec<Names> = Vec::new();
    for token in tokens(json) {
        let (span, instead) = match token {
            Token::Open => {
                objects.push(Names::default());
                continue;
            }
            Token::Close => {
                objects.pop();
                continue;
            }
            Token::Name(span) => {
                let name = masked_name(patterns, &json[span.clone()], objects.last_mut());
                (span, name)
            }
            Token::Text(span) => (span.clone(), masked_string(patterns, &json[span])),
            Token::Number(span) => (span.clone(), is_secret(patterns, &json[span]).then(|| MASK.to_owned())),
        };
        if let Some(instead) = instead {
            out.push_str(&json[copied..span.start]);
            out.push_str(&serde_json::Value::from(instead).to_string());
            copied = span.end;
        }
    }
    (copied > 0).then(|| out + &json[copied..])
}

/// Whether a number is a secret as a whole: within another one it stands by chance. An integer may come back as a float.
fn is_secret(patterns: &Arc<Patterns>, number: &str) -> bool {
    [Some(number), number.strip_suffix(".0")].into_iter().flatten().any(|number| masked(patterns, number) == MASK)
}

/// What a JSON string says without secrets; `None` where it has none.
fn masked_string(patterns: &Arc<Patterns>, json: &str) -> Option<String> {
    let text = said(json);
    patterns.occur_in(text.as_bytes()).then(|| masked(patterns, &text))
}

/// The name to write instead of this one of an object; `None` where it stays.
fn masked_name(patterns: &Arc<Patterns>, json: &str, object: Option<&mut Names>) -> Option<String> {
    let name = masked_string(patterns, json);
    let Some(object) = object else { return name };
    match name {
        Some(name) => Some(object.distinct(name)),
        None => object.keep(&said(json)),
    }
}

/// What a JSON string says.
fn said(json: &str) -> Cow<'_, str> {
    let escaped = json.contains('\\').then(|| serde_json::from_str(json).ok()).flatten();
    escaped.map_or_else(|| Cow::Borrowed(json.trim_matches('"')), Cow::Owned)
}

#[cfg(test)]
mod tests;
