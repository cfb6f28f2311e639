//! What holds for the check of every input: it ends with a report, in bounded time, with findings in order and inside the
//! text. It does not judge whether a finding is right.

use std::time::{Duration, Instant};

use domain::code::CodeReport;
use python_check::{Checker, MAX_CODE_BYTES};
use rustix::time::{ClockId, clock_gettime};

/// What the check of an input of the largest size may take in a release build on a quiet machine.
const PROMISED: Duration = Duration::from_millis(50);
/// Coverage instrumentation and debug assertions cost a factor of 3 to 10, and the machines that fuzz are never quiet.
const SLACK: u32 = 20;
/// A busy machine makes one run slow; an input that is slow is slow each time.
const ATTEMPTS: usize = 3;

/// Checks `source` and asserts what must hold.
///
/// # Panics
/// When something does not hold.
pub fn holds_for(checker: &Checker, source: &[u8]) {
    let (report, fastest) = check(checker, source);
    // The checker turns a panic of its own into this finding; here it is a failure.
    let gave_up = report.findings.iter().any(|finding| finding.message == "the code cannot be analyzed");
    assert!(!gave_up, "the analysis panicked");
    assert!(report.findings.is_sorted_by_key(|finding| (finding.span.line, finding.span.column)), "findings are out of order");
    let lines = u32::try_from(source.len()).unwrap_or(u32::MAX).saturating_add(1);
    for finding in &report.findings {
        let span = &finding.span;
        assert!(span.line >= 1 && span.column >= 1, "{} stands before the text", finding.rule);
        assert!((span.line, span.column) <= (span.end_line, span.end_column), "{} ends before it begins", finding.rule);
        assert!(span.end_line <= lines, "{} stands behind the text", finding.rule);
    }
    // Longer inputs are refused by their length, which is counted and not looked at.
    if source.len() <= MAX_CODE_BYTES {
        assert!(fastest <= PROMISED * SLACK, "the check of {} bytes takes {fastest:?}", source.len());
    }
}

/// The report, and the fastest of as many attempts as it takes to be fast enough.
fn check(checker: &Checker, source: &[u8]) -> (CodeReport, Duration) {
    let mut fastest = Duration::MAX;
    let mut attempts = 0;
    loop {
        let (begin, used) = (Instant::now(), processor_time());
        let report = checker.check(source);
        // Either is at least what the check took: the clock also counts waiting, the other also counts other threads.
        fastest = fastest.min(begin.elapsed()).min(processor_time().saturating_sub(used));
        attempts += 1;
        if fastest <= PROMISED * SLACK || attempts == ATTEMPTS {
            return (report, fastest);
        }
    }
}

/// What the process has used of its processors.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).expect("processor time does not run backwards")
}
