//! Words, durations and sizes as Compose reads them.

use std::time::Duration;

/// What a command line in one text comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its words.
    pub(super) words: Vec<String>,
    /// The operator of a shell at which Compose stops reading.
    pub(super) cut_at: Option<char>,
}

/// The words of a command line. Compose knows quotes and no shell: it stops at the first operator. None where a quote is not closed.
pub(super) fn words(text: &str) -> Option<Line> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => word.get_or_insert_default().push(characters.next()?),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            (None, ';' | '&' | '|' | '<' | '>') => {
                words.extend(word.take());
                return Some(Line { words, cut_at: Some(c) });
            }
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(Line { words, cut_at: None })
}

/// A duration: numbers, also with fractions, and units.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let units =
        [("ms", 1e6), ("us", 1e3), ("µs", 1e3), ("ns", 1.0), ("s", 1e9), ("m", 6e10), ("h", 3.6e12), ("d", 8.64e13), ("w", 6.048e14)];
    let (mut rest, mut nanos) = (text, 0.0_f64);
    if text.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|digits| *digits > 0)?;
        let (number, after) = rest.split_at(digits);
        let (unit, factor) = units.into_iter().find(|(unit, _)| after.starts_with(unit))?;
        nanos += number.parse::<f64>().ok()? * factor;
        rest = &after[unit.len()..];
    }
    // What a u64 of nanoseconds holds, about 584 years.
    (nanos < 1.8e19).then(|| Duration::from_nanos(nanos.round() as u64))
}

/// A size: a number of bytes, or with a unit that is always binary (`1k`, `1kb` and `1kib` are 1,024).
pub(super) fn size(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let factor: u64 = match unit.trim_start() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        "p" | "pb" | "pib" => 1 << 50,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    let bytes = number * factor as f64;
    (bytes < 9e18).then_some(bytes as u64)
}
