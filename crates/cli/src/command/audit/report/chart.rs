//! Charts of a report as SVG inside its page: whole numbers only in its shapes, so that they are the same bytes everywhere, and no styles, which the
//! page's policy refuses beside its own. Each has a name for who cannot see it; the table behind it says the same.

use maud::{Markup, html};

use super::figures::Figures;

/// Size of the chart of days, in its own units.
const DAYS: (u64, u64) = (732, 160);
/// Width of the longest bar of a list of bars, and what stands on both sides of it.
const BAR: u64 = 400;
const LABEL: u64 = 200;
const NUMBER: u64 = 100;
/// Height of one bar of a list, and of its place.
const THICK: u64 = 16;
const PLACE: u64 = 24;

/// One column: the parts that stand on each other, from below, each of the class beside it.
pub(super) struct Column<'a> {
    pub(super) label: &'a str,
    pub(super) parts: [(&'static str, u64); 4],
}

/// Columns beside each other.
pub(super) fn columns(title: &str, columns: &[Column<'_>], figures: &Figures) -> Markup {
    let highest = columns.iter().map(total).max().unwrap_or_default().max(1);
    let (width, height) = DAYS;
    let count = columns.len().max(1) as u64;
    html! {
        svg viewBox=(format!("0 0 {width} {}", height + 1)) role="img" aria-label=(title) {
            @for (at, column) in columns.iter().enumerate() {
                @let (left, right) = (width * at as u64 / count, width * (at as u64 + 1) / count);
                g {
                    title { (column.label) ": " (figures.number(total(column))) }
                    @for (class, top, tall) in stacked(column, highest) {
                        rect class=(class) x=(left) y=(top) width=(bar_width(right - left)) height=(tall) {}
                    }
                }
            }
            line class="axis" x1="0" y1=(height) x2=(width) y2=(height) {}
        }
    }
}

/// Bars below each other, each with its name and number.
pub(super) fn bars(title: &str, bars: &[(String, u64)], figures: &Figures) -> Markup {
    let longest = bars.iter().map(|(_, number)| *number).max().unwrap_or_default().max(1);
    let height = PLACE * bars.len() as u64;
    html! {
        svg viewBox=(format!("0 0 {} {height}", LABEL + BAR + NUMBER)) role="img" aria-label=(title) {
            @for (at, (name, number)) in bars.iter().enumerate() {
                @let (top, long) = (PLACE * at as u64, scaled(*number, longest, BAR));
                text x=(LABEL - 8) y=(top + THICK) class="name" { (name) }
                rect class="bar" x=(LABEL) y=(top + 4) width=(long) height=(THICK) {}
                text x=(LABEL + long + 8) y=(top + THICK) { (figures.number(*number)) }
            }
        }
    }
}

fn total(column: &Column<'_>) -> u64 {
    column.parts.iter().map(|(_, number)| number).sum()
}

/// Class, top and height of each part.
fn stacked(column: &Column<'_>, highest: u64) -> Vec<(&'static str, u64, u64)> {
    let mut below = 0;
    let part = |(class, number): &(&'static str, u64)| {
        let (from, to) = (scaled(below, highest, DAYS.1), scaled(below + number, highest, DAYS.1));
        below += number;
        (*class, DAYS.1 - to, to - from)
    };
    column.parts.iter().map(part).collect()
}

/// Columns that are wide enough have a gap between them.
fn bar_width(place: u64) -> u64 {
    if place > 3 { place - 1 } else { place.max(1) }
}

fn scaled(number: u64, longest: u64, to: u64) -> u64 {
    let scaled = u128::from(number) * u128::from(to) / u128::from(longest);
    u64::try_from(scaled).unwrap_or(to)
}
