//! The pipeline: bytes, token limits, parse, semantic errors, scan, entry point. Pure: no IO, no clock, no state.

use std::thread;

use domain::code::CodeReport;
use domain::code_policy::is_exceptable;
use ruff_python_ast::{ModModule, PythonVersion};
use ruff_python_parser::Parsed;
use ruff_text_size::TextRange;

use crate::catalog::Catalog;
use crate::entry;
use crate::location::Lines;
use crate::numbers::Counter;
use crate::policy::CheckPolicy;
use crate::report::Sink;
use crate::rule;
use crate::scan::{self, Attributes, Texts};
use crate::scope::Scopes;
use crate::shape::{Excess, Gaps, Misfit, Refusal};
use crate::tokens::Tokens;
use crate::walk::Both;
use crate::{identifier, numbers, semantic, shape, source, syntax};

/// Stack of the thread that holds a tree. The limits on tokens bound the depth of what is judged, and this is twenty times what an unoptimized
/// build needs for it. What has errors and is looked at may be five times as deep, and what is only parsed, measured and dropped again ten
/// times ([`shape::is_shallow`]). Only touched pages cost memory.
const STACK: usize = 128 * 1024 * 1024;
/// Longest line in bytes.
const MAX_LINE: usize = 64 * 1024;

/// How far a check goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Bytes, limits on tokens, and the tree.
    Parse,
    /// Names, semantic errors and the parameter schema.
    Semantics,
    /// All of it.
    Scan,
}

/// Checks source texts against one policy. Cheap to share; every check is independent.
#[derive(Debug)]
pub struct Checker {
    policy: CheckPolicy,
    catalog: Catalog,
    attributes: Attributes,
}

impl Checker {
    /// A checker for `policy`.
    pub fn new(policy: CheckPolicy) -> Self {
        let catalog = Catalog::new(&policy);
        Checker { policy, catalog, attributes: Attributes::new() }
    }

    /// The policy in force.
    pub fn policy(&self) -> &CheckPolicy {
        &self.policy
    }

    /// Modules that code may import under the policy, ascending.
    pub fn allowed_modules(&self) -> Vec<String> {
        self.catalog.allowed()
    }

    /// Says everything there is to say of `source`. Never runs any of it, never panics, and takes bounded time.
    pub fn check(&self, source: &[u8]) -> CodeReport {
        self.check_until(source, Stage::Scan)
    }

    /// The check as far as `stage`: how benchmarks tell what each costs. Only the last stage's report says what there is to say.
    pub fn check_until(&self, source: &[u8], stage: Stage) -> CodeReport {
        on_own_stack(|| self.examine(source, stage)).unwrap_or_else(|| self.give_up(source))
    }

    fn sink(&self) -> Sink {
        let denied = self.policy.denied_rules.iter().filter_map(|id| rule::find(id));
        let allowed = self.policy.allowed_rules.iter().filter_map(|id| rule::find(id)).filter(|rule| is_exceptable(rule.id, rule.family));
        Sink::new(denied.map(|rule| rule.id).collect(), allowed.map(|rule| rule.id).collect())
    }

    fn examine(&self, bytes: &[u8], stage: Stage) -> CodeReport {
        let mut sink = self.sink();
        let text = source::decode(bytes, self.policy.max_code_bytes, &mut sink);
        let lines = Lines::new(if bytes.len() > self.policy.max_code_bytes { "" } else { text.unwrap_or_else(|| source::readable(bytes)) });
        let mut report = CodeReport { findings: Vec::new(), kind: None, parameters: Vec::new(), imports: Vec::new() };
        if let Some(text) = text {
            self.analyze(text, stage, &lines, &mut sink, &mut report);
        }
        report.findings = sink.finish(&lines);
        report
    }

    fn analyze(&self, text: &str, stage: Stage, lines: &Lines<'_>, sink: &mut Sink, report: &mut CodeReport) {
        for range in lines.longer_than(MAX_LINE) {
            sink.add(&rule::LIMITS_LINE, range, format!("a line is longer than {MAX_LINE} bytes"));
        }
        let version = self.policy.runtime.version();
        let parsed = match parse(text, lines, version) {
            Ok(parsed) => parsed,
            Err(refused) => return refused.report(sink),
        };
        let sound = syntax::report(text, &parsed, sink);
        numbers::report(text, lines, parsed.tokens(), sink);
        identifier::report(text, parsed.tokens(), version, sink);
        if stage == Stage::Parse || !(sound || shape::is_small(text)) {
            return;
        }
        let body = parsed.suite();
        let (mut counter, mut texts) = (Counter::default(), Texts::default());
        let scopes = Scopes::build(body, &mut Both(&mut counter, &mut texts));
        if !counter.report(&scopes, sink) {
            return;
        }
        if sound {
            semantic::report(text, body, &scopes, version, sink);
            let entry = entry::infer(body, &scopes, sink);
            report.kind = Some(entry.kind);
            report.parameters = entry.parameters;
        }
        if stage == Stage::Semantics {
            return;
        }
        let input = scan::Input { text, lines, body, scopes: &scopes, texts, catalog: &self.catalog, attributes: &self.attributes, sound };
        report.imports = scan::run(input, sink);
    }

    /// The answer when the analysis itself failed: refuse, and say so.
    fn give_up(&self, source: &[u8]) -> CodeReport {
        let mut sink = Sink::default();
        sink.add(&rule::LIMITS_NESTING, TextRange::default(), "the code cannot be analyzed".to_owned());
        CodeReport { findings: sink.finish(&Lines::new(source::readable(source))), kind: None, parameters: Vec::new(), imports: Vec::new() }
    }
}

/// The name of the first parameter of the module's `transform`, where the module shows it.
pub(crate) fn input_name(text: &str) -> Option<String> {
    on_own_stack(|| {
        let parsed = parse(text, &Lines::new(text), PythonVersion::latest()).ok()?;
        if parsed.errors().is_empty() || shape::is_small(text) { entry::input_name(parsed.suite()) } else { None }
    })?
}

/// Why there is no tree.
enum Refused {
    Excess(TextRange, Excess),
    /// What its tokens are, and what of them does not fit.
    Tokens(Tokens, Option<(TextRange, Misfit)>),
}

impl Refused {
    fn report(self, sink: &mut Sink) {
        match self {
            Refused::Excess(range, excess) => sink.add(&rule::LIMITS_NESTING, range, excess.describe()),
            Refused::Tokens(tokens, misfit) => syntax::report_tokens(&tokens, misfit, sink),
        }
    }
}

/// The tree of a text. Refusals are found before there is one, where it could be too deep, or too slow, to be made.
fn parse(text: &str, lines: &Lines<'_>, version: PythonVersion) -> Result<Parsed<ModModule>, Refused> {
    let gaps = Gaps::of(lines);
    let is_shallow = shape::is_shallow(text, &gaps);
    if !is_shallow {
        let tokens = Tokens::of(text);
        match shape::refusal(text, &gaps, &tokens) {
            None => {}
            Some(Refusal::Excess(range, excess)) => return Err(Refused::Excess(range, excess)),
            Some(Refusal::Misfit(range, misfit)) => return Err(Refused::Tokens(tokens, Some((range, misfit)))),
            Some(Refusal::Unreadable) => return Err(Refused::Tokens(tokens, None)),
        }
    }
    let parsed = syntax::parse(text, version).expect("the parser is asked for a module");
    let behind = if is_shallow { shape::excess_of(text, &parsed) } else { None };
    behind.map_or(Ok(parsed), |(range, excess)| Err(Refused::Excess(range, excess)))
}

/// Trees may be deep: `None` where the work could not be done.
fn on_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let worker = thread::Builder::new().name("python-check".to_owned()).stack_size(STACK);
        worker.spawn_scoped(scope, work).ok().and_then(|handle| handle.join().ok())
    })
}
