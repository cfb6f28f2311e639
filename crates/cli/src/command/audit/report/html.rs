//! A report as a page that needs nothing else: no script, nothing from elsewhere, one style that its policy names by its hash. All that
//! comes from the report is escaped by the template.

use std::collections::BTreeMap;

use api_proto::zona::audit::v1 as pb;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::chart::{Column, bars, columns};
use super::figures::Figures;
use super::tables::{Section, is_cut, outcome, role, sections, state};

/// Light and dark, on a screen and on paper.
const STYLE: &str = include_str!("page.css");

/// The page.
pub(super) fn page(report: &pb::AuditReport, figures: &Figures) -> String {
    let count = |number: i64| figures.number(number.unsigned_abs());
    let title = format!("Audit report of {}: {} to {}", report.parent, report.from_date, report.to_date);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p { (count(report.calls)) " calls in " (count(report.records)) " records. Days are of the time zone " (report.time_zone) "." }
                    (verdict(report))
                }
                main {
                    @for section in sections(report) {
                        (shown(report, &section, figures))
                    }
                }
            }
        }
    };
    format!("{}\n", page.into_string())
}

/// Nothing but the page's own style is loaded or run.
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

fn verdict(report: &pb::AuditReport) -> Markup {
    html! {
        @match &report.verification {
            _ if is_cut(report) => p class="bad" role="alert" { "Records were taken from the beginning of the log: see Retention." },
            None => p { "The log has no record of this period." },
            Some(found) if found.whole => p class="good" { "The log of this period is whole." },
            Some(_) => p class="bad" role="alert" { "The log of this period was changed: see Verification." },
        }
    }
}

fn shown(report: &pb::AuditReport, section: &Section, figures: &Figures) -> Markup {
    html! {
        section id=(section.id) {
            h2 { (section.title) }
            p { (section.about) }
            @if !section.rows.is_empty() {
                (chart(report, section, figures))
                (table(section, figures))
            }
        }
    }
}

fn table(section: &Section, figures: &Figures) -> Markup {
    html! {
        table {
            caption { (section.title) }
            thead { tr { @for column in section.columns { th scope="col" { (column) } } } }
            tbody {
                @for row in &section.rows {
                    tr {
                        @for (at, cell) in row.iter().enumerate() {
                            @if at == 0 { th scope="row" { (cell) } }
                            @else if let Some(number) = figures.cell(cell) { td class="number" { (number) } }
                            @else { td { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

/// The chart of those sections that have one.
fn chart(report: &pb::AuditReport, section: &Section, figures: &Figures) -> Markup {
    match section.id {
        "days" => days(report, figures),
        "outcomes" => named(figures, "Calls by outcome", report.outcomes.iter().map(|count| (outcome(count.outcome()), count.calls))),
        "access" => named(figures, "Calls by role", report.access.iter().map(|count| (role(count.role()), count.calls))),
        "denials" => named(figures, "Denied attempts by action", report.denials.iter().map(|count| (count.action.clone(), count.calls))),
        "executions" => {
            named(figures, "Executions by state", report.executions.iter().map(|count| (state(count.state()), count.executions)))
        }
        _ => Markup::default(),
    }
}

fn days(report: &pb::AuditReport, figures: &Figures) -> Markup {
    let days: Vec<Column<'_>> = report.days.iter().map(column).collect();
    html! {
        figure {
            (columns("Calls by day", &days, figures))
            figcaption {
                @for class in ["allowed", "denied", "failed", "other"] {
                    svg viewBox="0 0 10 10" class="key" aria-hidden="true" { rect class=(class) width="10" height="10" {} }
                    " " (class) " "
                }
            }
        }
    }
}

fn column(day: &pb::AuditDayCount) -> Column<'_> {
    let parts = [("allowed", day.allowed), ("denied", day.denied), ("failed", day.failed), ("other", day.other)];
    Column { label: &day.date, parts: parts.map(|(class, number)| (class, number.unsigned_abs())) }
}

/// A bar for each name, with the sum of its numbers.
fn named(figures: &Figures, title: &str, counts: impl Iterator<Item = (String, i64)>) -> Markup {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (name, number) in counts.filter(|(_, number)| *number > 0) {
        *sums.entry(name).or_default() += number.unsigned_abs();
    }
    let sums: Vec<(String, u64)> = sums.into_iter().collect();
    html! { @if !sums.is_empty() { figure { (bars(title, &sums, figures)) } } }
}
