//! How values are read: each function makes a reader of one kind of setting, for the place after `=>` in [`section!`](crate::section).

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::reader::Reader;

/// A text that `parse` understands.
pub fn text<T>(parse: impl Fn(&str) -> Result<T, String>) -> impl Fn(&mut Reader<'_>, &str) -> Option<T> {
    move |reader, key| reader.parsed(key, &parse)
}

/// A text that `parse` understands, or none: absent or empty is `None`.
pub fn optional<T>(parse: impl Fn(&str) -> Result<T, String>) -> impl Fn(&mut Reader<'_>, &str) -> Option<Option<T>> {
    move |reader, key| reader.optional(key, &parse)
}

/// One of these names.
pub fn choice<T: Copy>(choices: &[(&'static str, T)]) -> impl Fn(&mut Reader<'_>, &str) -> Option<T> {
    move |reader, key| {
        reader.parsed(key, |text| {
            let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
            let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            found.ok_or_else(|| format!("{text:?} is not one of {}", names()))
        })
    }
}

/// A time of at least `least`, e.g. `500ms`.
pub fn duration(least: Duration) -> impl Fn(&mut Reader<'_>, &str) -> Option<Duration> {
    text(move |text| match humantime::parse_duration(text) {
        Ok(duration) if duration >= least => Ok(duration),
        Ok(_) => Err(format!("must be at least {}", humantime::format_duration(least))),
        Err(_) => Err(format!("{text:?} is not a duration such as 500ms, 10s or 7d")),
    })
}

/// A time from `range`, e.g. `10s`.
pub fn duration_within(range: RangeInclusive<Duration>) -> impl Fn(&mut Reader<'_>, &str) -> Option<Duration> {
    text(move |text| match humantime::parse_duration(text) {
        Ok(duration) if range.contains(&duration) => Ok(duration),
        Ok(_) => {
            let [least, most] = [range.start(), range.end()].map(|end| humantime::format_duration(*end));
            Err(format!("must be from {least} to {most}"))
        }
        Err(_) => Err(format!("{text:?} is not a duration such as 500ms, 10s or 7d")),
    })
}

/// `true` or `false`.
pub fn flag() -> impl Fn(&mut Reader<'_>, &str) -> Option<bool> {
    |reader, key| reader.flag(key)
}

/// A whole number. An upper end of [`u64::MAX`] is none.
pub fn number<T: TryFrom<u64>>(range: RangeInclusive<u64>) -> impl Fn(&mut Reader<'_>, &str) -> Option<T> {
    move |reader, key| reader.number(key, &range)
}

/// A whole number, or none.
pub fn optional_number<T: TryFrom<u64>>(range: RangeInclusive<u64>) -> impl Fn(&mut Reader<'_>, &str) -> Option<Option<T>> {
    move |reader, key| match reader.has(key) {
        true => reader.number(key, &range).map(Some),
        false => Some(None),
    }
}

/// A number of things of which there is at least one.
pub fn count(most: u64) -> impl Fn(&mut Reader<'_>, &str) -> Option<NonZeroUsize> {
    move |reader, key| reader.number(key, &(1..=most)).and_then(NonZeroUsize::new)
}

/// For [`text`] and [`optional`]: a path, as it stands.
///
/// # Errors
/// None.
pub fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

/// For [`text`] and [`optional`]: any text.
///
/// # Errors
/// None.
pub fn any(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// For [`text`] and [`optional`]: `http://host:port`; the scheme may be left out.
///
/// # Errors
/// It is anything else.
pub fn http_address(text: &str) -> Result<String, String> {
    address(text, &["http"]).ok_or_else(|| "must be of the form http://host:port: there is no TLS".to_owned())
}

/// For [`text`] and [`optional`]: `http://host:port` or `https://host:port`; without a scheme it is the first.
///
/// # Errors
/// It is anything else.
pub fn server_address(text: &str) -> Result<String, String> {
    address(text, &["http", "https"]).ok_or_else(|| "must be of the form http://host:port or https://host:port".to_owned())
}

fn address(text: &str, schemes: &[&str]) -> Option<String> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let address = with_scheme.parse::<http::Uri>().ok()?;
    (schemes.contains(&address.scheme_str()?) && address.host().is_some()).then_some(with_scheme)
}
