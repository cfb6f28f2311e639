//! Collecting findings: one per rule and place, sorted, capped, turned into the domain's report.

use domain::code::{Finding, Severity};
use ruff_text_size::TextRange;

use crate::character;
use crate::location::Lines;
use crate::map::Set;
use crate::rule::{self, Rule};

/// Most findings of one report; an author who has this many reads the first ones.
pub const MAX_FINDINGS: usize = 200;
/// Most findings that are collected before sorting: bounds time and memory for hostile input.
const MAX_COLLECTED: usize = 2_000;
/// Longest piece of source that a message quotes, in characters.
const MAX_QUOTE: usize = 60;

/// A finding before its place is known in lines.
#[derive(Debug)]
struct Raw {
    rule: &'static Rule,
    range: TextRange,
    message: String,
    suggestion: Option<String>,
}

/// Where rules leave what they find.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    raw: Vec<Raw>,
    seen: Set<(&'static str, TextRange)>,
    dropped: usize,
    denied: Vec<&'static str>,
    allowed: Vec<&'static str>,
}

impl Sink {
    /// A sink that raises the rules in `denied` to errors and drops the ones in `allowed`.
    pub fn new(denied: Vec<&'static str>, allowed: Vec<&'static str>) -> Self {
        Sink { denied, allowed, ..Sink::default() }
    }

    /// Adds a finding with the rule's own suggestion.
    pub fn add(&mut self, rule: &'static Rule, range: TextRange, message: String) {
        self.push(Raw { rule, range, message, suggestion: None });
    }

    /// Adds a finding with a suggestion of its own.
    pub fn suggest(&mut self, rule: &'static Rule, range: TextRange, message: String, suggestion: String) {
        self.push(Raw { rule, range, message, suggestion: Some(suggestion) });
    }

    fn push(&mut self, raw: Raw) {
        if self.allowed.contains(&raw.rule.id) {
            return;
        }
        if self.raw.len() >= MAX_COLLECTED {
            self.dropped += 1;
        } else if self.seen.insert((raw.rule.id, raw.range)) {
            self.raw.push(raw);
        }
    }

    /// Whether nothing more is collected: looking on would only cost time.
    pub fn is_full(&self) -> bool {
        self.dropped > 0
    }

    /// The rule ids found so far, in order.
    #[cfg(test)]
    pub fn rules(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.raw.iter().map(|raw| raw.rule.id)
    }

    /// The findings, errors kept before warnings when there are too many, sorted by place.
    pub fn finish(mut self, lines: &Lines<'_>) -> Vec<Finding> {
        let total = self.raw.len() + self.dropped;
        let denied = std::mem::take(&mut self.denied);
        let severity = |raw: &Raw| if denied.contains(&raw.rule.id) { Severity::Error } else { raw.rule.severity };
        self.raw.sort_by_key(|raw| (severity(raw), raw.range.start(), raw.range.end(), raw.rule.id));
        let hides_errors = self.dropped > 0 || self.raw.get(MAX_FINDINGS).is_some_and(|raw| severity(raw) == Severity::Error);
        self.raw.truncate(MAX_FINDINGS);
        self.raw.sort_by_key(|raw| (raw.range.start(), raw.range.end(), raw.rule.id));
        let last = self.raw.last().map(|raw| raw.range);
        let mut findings: Vec<Finding> = self.raw.iter().map(|raw| finding(raw, severity(raw), lines)).collect();
        if total > MAX_FINDINGS {
            let range = last.unwrap_or_default();
            let message = format!("{total} findings or more; {MAX_FINDINGS} are shown");
            let raw = Raw { rule: &rule::LIMITS_FINDINGS, range, message, suggestion: None };
            findings.push(finding(&raw, if hides_errors { Severity::Error } else { severity(&raw) }, lines));
        }
        findings
    }
}

fn finding(raw: &Raw, severity: Severity, lines: &Lines<'_>) -> Finding {
    Finding {
        rule: raw.rule.id,
        family: raw.rule.family,
        severity,
        span: lines.span(raw.range),
        message: raw.message.clone(),
        suggestion: raw.suggestion.clone().unwrap_or_else(|| raw.rule.fix.to_owned()),
    }
}

/// A piece of source for a message: bounded, without control characters and without any that nobody sees.
pub(crate) fn shorten(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().min(MAX_QUOTE));
    for character in text.chars().take(MAX_QUOTE) {
        match character {
            character if character.is_control() => quoted.push(' '),
            // What nobody sees is named.
            character if character::is_invisible(character) => quoted.push_str(&format!("<U+{:04X}>", u32::from(character))),
            character => quoted.push(character),
        }
    }
    if text.chars().nth(MAX_QUOTE).is_some() {
        quoted.push('…');
    }
    quoted
}
