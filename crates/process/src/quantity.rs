//! Durations, sizes and shares as manifests write them. A number without a unit is refused: nobody can tell what it meant.

use std::time::Duration;

/// Units of durations in microseconds, longest first where one begins with another.
const DURATIONS: [(&str, u64); 6] =
    [("ms", 1_000), ("us", 1), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000)];

/// Units of sizes in bytes.
const SIZES: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// The longest duration: nothing that is waited for takes longer than a year.
const MAX_DURATION: Duration = Duration::from_secs(366 * 86_400);

/// `1h30m`, `15s`, `500ms`. None where it is no such text, or longer than a year.
pub fn duration(text: &str) -> Option<Duration> {
    let (mut rest, mut micros) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let (unit, factor) = DURATIONS.into_iter().find(|(unit, _)| after.starts_with(unit))?;
        micros = micros.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = &after[unit.len()..];
    }
    let duration = Duration::from_micros(micros);
    (!text.is_empty() && duration <= MAX_DURATION).then_some(duration)
}

/// A duration as [`duration`] reads it.
pub fn duration_text(duration: Duration) -> String {
    let mut micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    if micros == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, factor) in [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)] {
        if micros >= factor {
            text.push_str(&format!("{}{unit}", micros / factor));
            micros %= factor;
        }
    }
    text
}

/// `256MiB`, `1GB`, `512B`. None where it is no such text.
pub fn size(text: &str) -> Option<u64> {
    let (unit, factor) = SIZES.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    let number = &text[..text.len() - unit.len()];
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A size as [`size`] reads it.
pub fn size_text(bytes: u64) -> String {
    let units = SIZES[..4].iter().rev().chain(SIZES[4..8].iter().rev());
    let unit = units.into_iter().find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor));
    unit.map_or_else(|| format!("{bytes}B"), |(unit, factor)| format!("{}{unit}", bytes / factor))
}

/// `20%` as 20. None where it is no whole number from 1 to 100.
pub fn share(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|percent| plain && (1..=100).contains(percent))
}

/// `0.5` processors as 500. None where it is no number of processors from 0.001 to 1,024.
pub fn milli_processors(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 3 {
        return None;
    }
    let milli = whole.parse::<u32>().ok()?.checked_mul(1_000)?.checked_add(format!("{fraction:0<3}").parse().ok()?)?;
    (1..=1_024_000).contains(&milli).then_some(milli)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, millis) in [("15s", 15_000), ("500ms", 500), ("1h30m", 5_400_000), ("1d", 86_400_000), ("0s", 0)] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "15", "s", "1.5s", "-1s", "1 s", "1w", "9999999d", "99999999999999999999s", "15S"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("1B", 1), ("256MiB", 268_435_456), ("1GB", 1_000_000_000), ("2KiB", 2_048)] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "256", "MiB", "1.5GiB", "-1B", "1 GB", "1g", "1M", "99999999999TiB", "+1B"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn shares_and_processors_have_bounds() {
        assert_eq!(
            (share("20%"), share("100%"), share("0%"), share("101%"), share("20"), share("+5%")),
            (Some(20), Some(100), None, None, None, None)
        );
        assert_eq!(milli_processors("0.5"), Some(500));
        assert_eq!(milli_processors("2"), Some(2_000));
        assert_eq!(milli_processors("0.25"), Some(250));
        for text in ["0", "0.0001", "-1", "1e3", "", ".", "1.", "2000", "half"] {
            assert_eq!(milli_processors(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(micros in 0_u64..31_000_000_000_000, bytes in 0_u64..1 << 50) {
            let written = Duration::from_micros(micros);
            prop_assert_eq!(duration(&duration_text(written)), Some(written));
            prop_assert_eq!(size(&size_text(bytes)), Some(bytes));
        }
    }
}
