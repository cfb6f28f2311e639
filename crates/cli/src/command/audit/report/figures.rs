//! Numbers as people of a locale write them. Words stay English and dates those of ISO 8601, which mean the same everywhere.

use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_locale_core::Locale;

use crate::failure::{Failure, Result};

/// The numbers of a locale.
pub(super) struct Figures(DecimalFormatter);

impl Figures {
    /// Those of a locale; of one that nobody knows, those of the next that is known.
    ///
    /// # Errors
    /// Not even those are known.
    pub(super) fn of(locale: &Locale) -> Result<Self> {
        let formatter = DecimalFormatter::try_new(locale.into(), Default::default());
        formatter.map(Figures).map_err(|error| Failure::usage(format!("how numbers are written in {locale} is not known: {error}")))
    }

    pub(super) fn number(&self, number: u64) -> String {
        self.0.format(&Decimal::from(number)).to_string()
    }

    /// A cell of a table, which may be a number.
    pub(super) fn cell(&self, cell: &str) -> Option<String> {
        let is_number = !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
        cell.parse().ok().filter(|_| is_number).map(|number| self.number(number))
    }
}
