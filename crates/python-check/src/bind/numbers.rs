//! How Python writes a number that it was given as JSON. It does not follow what code computes of it, rounds or formats.

/// Exponents of ten that `repr` of a float writes without one.
const PLAIN_EXPONENTS: std::ops::Range<i32> = -4..16;

/// The number as it was given, and as `repr`, `str` and `json.dumps` write it, also where code has made a float of an integer, or an
/// integer of a float without a fraction.
pub(super) fn spellings(given: &str) -> Vec<String> {
    let mut spellings = vec![given.to_owned()];
    let Some(float) = given.parse::<f64>().ok().filter(|float| float.is_finite()) else { return spellings };
    let is_integer = !given.contains(['.', 'e', 'E']);
    if !is_integer && float.fract() == 0.0 {
        spellings.push(format!("{float:.0}"));
    }
    let written = repr(float);
    // `12345.0` holds `12345`: who looks for this finds that.
    if !(is_integer && written.starts_with(given)) {
        spellings.push(written);
    }
    spellings
}

/// A finite float as Python's `repr` writes it: the fewest digits that read as the same one.
fn repr(float: f64) -> String {
    let scientific = format!("{float:e}");
    let parts = scientific.split_once('e').and_then(|(digits, exponent)| Some((digits, exponent.parse::<i32>().ok()?)));
    match parts {
        Some((digits, exponent)) if !PLAIN_EXPONENTS.contains(&exponent) => format!("{digits}e{exponent:+03}"),
        Some(_) | None if float.fract() == 0.0 => format!("{float:.1}"),
        Some(_) | None => float.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected texts are what CPython 3.11 writes.
    #[test]
    fn floats_are_written_as_python_does() {
        for (given, expected) in [
            ("1234.50", "1234.5"),
            ("1e5", "100000.0"),
            ("1e15", "1000000000000000.0"),
            ("9999999999999998.0", "9999999999999998.0"),
            ("1e16", "1e+16"),
            ("1.0E22", "1e+22"),
            ("123456789012345678.0", "1.2345678901234568e+17"),
            ("1.50e300", "1.5e+300"),
            ("0.00010", "0.0001"),
            ("0.000012", "1.2e-05"),
            ("-4.9406564584124654e-324", "-5e-324"),
            ("-0.0", "-0.0"),
        ] {
            assert_eq!(repr(given.parse().unwrap()), expected, "{given}");
        }
    }

    #[test]
    fn a_number_is_spelled_as_given_and_as_integer_and_float_of_python() {
        for (given, others) in [
            ("1234.50", vec!["1234.5"]),
            ("1e5", vec!["100000", "100000.0"]),
            ("12345.0", vec!["12345", "12345.0"]),
            ("1e23", vec!["99999999999999991611392", "1e+23"]),
            ("12345", vec![]),
            ("-7", vec![]),
            ("12345678901234567", vec!["1.2345678901234568e+16"]),
        ] {
            assert_eq!(spellings(given), [vec![given], others].concat(), "{given}");
        }
    }
}
