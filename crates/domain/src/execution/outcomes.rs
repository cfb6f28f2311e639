//! What a Transform call answers: each value has its own verdict, and all of them together are bounded, so that what ran can always be
//! answered. Results and texts of failures have bounds of their own: neither takes room from the other.

use crate::execution::MAX_VALUES;
use crate::json::JsonText;
use crate::sandbox::{Failure, Reason};

/// What the results of one call may add up to, in bytes of JSON: twice what a request holds. A result that no longer fits fails with
/// [`Reason::ResultTooLarge`]; smaller ones after it may still fit.
pub const MAX_RESULTS: usize = 16 * 1024 * 1024;

/// What the texts of failures of one call may add up to, in bytes. Beyond, a failure keeps its reason, its line and the beginning of its
/// message.
pub const MAX_FAILURE_TEXTS: usize = 4 * 1024 * 1024;

/// Most bytes of one verdict that do not count to a total: a shortened failure, and what names its parts on the way.
pub const MAX_VERDICT: usize = 400;

/// Longest part of a message that is kept when the texts of failures are used up.
const SHORT_MESSAGE: usize = 80;

/// The verdicts of one call so far.
pub(super) struct Outcomes {
    count: usize,
    results_left: usize,
    texts_left: usize,
    kept: Vec<Result<JsonText, Failure>>,
}

impl Outcomes {
    /// Of a call with so many values.
    pub fn new(count: usize) -> Self {
        Outcomes { count, results_left: MAX_RESULTS, texts_left: MAX_FAILURE_TEXTS, kept: Vec::new() }
    }

    /// Takes note of the next value's verdict.
    pub fn keep(&mut self, verdict: Result<JsonText, Failure>) {
        if self.kept.len() < self.count {
            let fitting = self.fitting(verdict);
            self.kept.push(fitting);
        }
    }

    /// Takes note of how the process ended. One value: the outcome is its own. Several: the value at which the process ended gets the
    /// reason, later ones did not run.
    pub fn complete(&mut self, outcome: &Result<JsonText, Failure>) {
        if self.kept.len() >= self.count {
            return;
        }
        match outcome {
            Ok(result) if self.count == 1 => self.keep(Ok(result.clone())),
            Ok(_) => {}
            Err(failure) => self.keep(Err(failure.clone())),
        }
        let not_run = || Err(Failure::new(Reason::NotRun, "an earlier value of this call ended the process"));
        self.kept.resize_with(self.count, not_run);
    }

    /// The verdicts so far, in order.
    pub fn kept(&self) -> &[Result<JsonText, Failure>] {
        &self.kept
    }

    /// How many values failed.
    pub fn failed(&self) -> u32 {
        self.kept.iter().filter(|verdict| verdict.is_err()).count() as u32
    }

    fn fitting(&mut self, verdict: Result<JsonText, Failure>) -> Result<JsonText, Failure> {
        match verdict {
            Ok(result) => match self.results_left.checked_sub(result.len()) {
                Some(left) => {
                    self.results_left = left;
                    Ok(result)
                }
                None => Err(no_longer_fits(result.len(), self.results_left)),
            },
            Err(failure) => match self.texts_left.checked_sub(texts(&failure)) {
                Some(left) => {
                    self.texts_left = left;
                    Err(failure)
                }
                None => Err(shortened(failure)),
            },
        }
    }
}

/// The value ran and its result is fine, so the sentence blames neither.
fn no_longer_fits(bytes: usize, left: usize) -> Failure {
    let total = MAX_RESULTS / (1024 * 1024);
    let text = format!(
        "the results of one Transform call may add up to {total} MiB; earlier values used all but {left} bytes, and this result has {bytes}: \
         send this value in another call, with fewer values at once"
    );
    Failure::new(Reason::ResultTooLarge, text)
}

fn texts(failure: &Failure) -> usize {
    let optional = [&failure.exception, &failure.traceback, &failure.signal];
    failure.message.len() + optional.into_iter().flatten().map(String::len).sum::<usize>()
}

fn shortened(failure: Failure) -> Failure {
    let mut message = failure.message;
    message.truncate(message.floor_char_boundary(SHORT_MESSAGE));
    let total = MAX_FAILURE_TEXTS / (1024 * 1024);
    message.push_str(&format!(" [shortened: the failures of this call hold {total} MiB of text; send fewer values at once]"));
    Failure { message, exception: None, traceback: None, ..failure }
}

/// What all verdicts of one call may add up to, in bytes on the wire.
pub const MAX_OUTCOMES: usize = MAX_RESULTS + MAX_FAILURE_TEXTS + MAX_VALUES * MAX_VERDICT;

#[cfg(test)]
mod tests {
    use super::*;

    fn result(bytes: usize) -> Result<JsonText, Failure> {
        Ok(JsonText::read(format!("\"{}\"", "x".repeat(bytes - 2))))
    }

    fn raised(bytes: usize) -> Result<JsonText, Failure> {
        let traceback = Some("é".repeat(bytes / 2));
        let exception = Some("ValueError".to_owned());
        Err(Failure { exception, traceback, line: Some(3), ..Failure::new(Reason::UserError, "é".repeat(100)) })
    }

    fn outcomes(verdicts: Vec<Result<JsonText, Failure>>) -> Outcomes {
        let mut outcomes = Outcomes::new(verdicts.len());
        for verdict in verdicts {
            outcomes.keep(verdict);
        }
        outcomes
    }

    const MIB: usize = 1024 * 1024;

    #[test]
    fn results_fit_up_to_their_total_and_each_one_beyond_it_fails_by_itself() {
        let mut sizes = vec![MIB; 15];
        sizes.extend([MIB - 10, MIB, 10, 10, 1_000]);
        let outcomes = outcomes(sizes.iter().map(|bytes| result(*bytes)).collect());
        let fits: Vec<bool> = outcomes.kept().iter().map(Result::is_ok).collect();
        assert_eq!(&fits[..16], &[true; 16]);
        assert_eq!(&fits[16..], &[false, true, false, false], "a smaller one still fits");
        let refused = outcomes.kept()[16].as_ref().unwrap_err();
        assert_eq!(refused.reason, Reason::ResultTooLarge);
        assert!(["16 MiB", "10 bytes", "1048576", "fewer values"].iter().all(|part| refused.message.contains(part)), "{}", refused.message);
        assert_eq!(outcomes.failed(), 3);
    }

    #[test]
    fn failures_take_nothing_from_results_and_results_nothing_from_failures() {
        let mut verdicts: Vec<_> = (0..1_000).map(|_| raised(16 * 1024)).collect();
        verdicts.extend((0..16).map(|_| result(MIB)));
        let outcomes = outcomes(verdicts);
        assert!(outcomes.kept()[1_000..].iter().all(Result::is_ok));
        assert_eq!(outcomes.kept()[0], raised(16 * 1024), "whole while there is room");
    }

    #[test]
    fn a_failure_beyond_the_total_keeps_its_reason_and_line_and_says_why_it_is_short() {
        let outcomes = outcomes((0..1_000).map(|_| raised(16 * 1024)).collect());
        let last = outcomes.kept()[999].as_ref().unwrap_err();
        assert_eq!((last.reason, last.line, &last.traceback), (Reason::UserError, Some(3), &None));
        assert!(last.message.starts_with("éé") && last.message.contains("4 MiB"), "{}", last.message);
    }

    #[test]
    fn the_largest_call_stays_within_what_all_verdicts_may_add_up_to() {
        let many = outcomes((0..MAX_VALUES).map(|number| if number % 2 == 0 { raised(18 * 1024) } else { result(3_500) }).collect());
        let bytes: usize = many.kept().iter().map(|verdict| verdict.as_ref().map_or_else(texts, |result| result.len())).sum();
        assert!(bytes <= MAX_OUTCOMES, "{bytes}");
        let longest = shortened(raised(100).unwrap_err()).message.len().max(no_longer_fits(MAX_RESULTS, MAX_RESULTS).message.len());
        assert!(longest + 50 <= MAX_VERDICT, "{longest}");
    }

    #[test]
    fn what_did_not_run_is_told_after_what_ended_the_process() {
        let mut outcomes = Outcomes::new(3);
        outcomes.keep(result(10));
        outcomes.complete(&Err(Failure::new(Reason::OutOfMemory, "no more memory")));
        let reasons: Vec<_> = outcomes.kept().iter().map(|verdict| verdict.as_ref().err().map(|failure| failure.reason)).collect();
        assert_eq!(reasons, [None, Some(Reason::OutOfMemory), Some(Reason::NotRun)]);
    }
}
