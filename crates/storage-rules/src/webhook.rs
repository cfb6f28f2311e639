//! Secrets of webhooks as they are sealed: the one of now for itself, and those before together, one a line: until when it holds, and the
//! secret.

use domain::identity::Secret;
use domain::time::Timestamp;
use zeroize::Zeroizing;

/// The secrets before the one of now, as one text.
pub fn previous_secrets(previous: &[(Secret, Timestamp)]) -> Zeroizing<String> {
    let lines: Vec<Zeroizing<String>> =
        previous.iter().map(|(secret, until)| Zeroizing::new(format!("{} {}", until.as_millis(), secret.expose()))).collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
    Zeroizing::new(lines.join("\n"))
}

/// The secrets that such a text holds; what is none of them is left out.
pub fn read_previous_secrets(text: &str) -> Vec<(Secret, Timestamp)> {
    let line = |line: &str| {
        let (until, secret) = line.split_once(' ')?;
        Some((Secret::new(secret), Timestamp::from_millis(until.parse().ok()?)))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_before_survive_their_text() {
        let secrets = || [("one", 5), ("two", 7)].map(|(secret, until)| (Secret::new(secret), Timestamp::from_millis(until)));
        let read = read_previous_secrets(&previous_secrets(&secrets()));
        let shown =
            |all: &[(Secret, Timestamp)]| all.iter().map(|(secret, until)| (secret.expose().to_owned(), *until)).collect::<Vec<_>>();
        assert_eq!(shown(&read), shown(&secrets()));
        assert!(read_previous_secrets("").is_empty() && read_previous_secrets("soon secret").is_empty());
    }
}
