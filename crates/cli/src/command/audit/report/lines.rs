//! A report as CSV: one line a cell of its tables, so that one header fits all of them.

use api_proto::zona::audit::v1 as pb;

use super::tables::sections;
use crate::csv::Lines;

/// The report.
pub(super) fn table(report: &pb::AuditReport) -> Vec<u8> {
    let mut lines = Lines::default();
    lines.push(["section", "row", "column", "value"]);
    for (column, value) in
        [("parent", &report.parent), ("from_date", &report.from_date), ("to_date", &report.to_date), ("time_zone", &report.time_zone)]
    {
        lines.push(["period", "1", column, value]);
    }
    for section in sections(report) {
        for (number, row) in section.rows.iter().enumerate() {
            for (column, value) in section.columns.iter().zip(row) {
                lines.push([section.id, &(number + 1).to_string(), column, value]);
            }
        }
    }
    lines.into_bytes()
}
