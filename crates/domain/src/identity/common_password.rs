//! Passwords that everybody tries first. A short list of what stands at the top of every published one, and of how people make longer
//! ones of it: digits and signs around it, signs for letters, one word after the other. It replaces no list of leaked passwords.

/// Most words that are looked for one after the other.
const MOST_WORDS: u32 = 3;
/// Most digits and signs beside the words; more of them may make a password of their own.
const MOST_BESIDE: usize = 10;

/// Words that passwords are made of.
const WORDS: &[&str] = &[
    "abc",
    "access",
    "account",
    "admin",
    "administrator",
    "asdf",
    "asdfgh",
    "asdfghjkl",
    "autumn",
    "baseball",
    "batman",
    "change",
    "changeme",
    "charlie",
    "company",
    "computer",
    "default",
    "dragon",
    "flower",
    "football",
    "freedom",
    "guest",
    "hello",
    "hunter",
    "iloveyou",
    "internet",
    "killer",
    "letmein",
    "login",
    "lovely",
    "master",
    "monkey",
    "mustang",
    "my",
    "ninja",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "passwort",
    "pokemon",
    "princess",
    "qazwsx",
    "qazwsxedc",
    "qwer",
    "qwerty",
    "qwertyuiop",
    "qwertz",
    "qwertzuiop",
    "root",
    "secret",
    "server",
    "shadow",
    "soccer",
    "spring",
    "starwars",
    "summer",
    "sunshine",
    "superman",
    "system",
    "temp",
    "temporary",
    "test",
    "testing",
    "trustno",
    "user",
    "welcome",
    "whatever",
    "winter",
    "zaq",
    "zona",
    "zxcvbn",
    "zxcvbnm",
];

/// Sequences that hold no such word.
const SEQUENCES: &[&str] =
    &["1234567890", "0987654321", "abcdefghijklmnopqrstuvwxyz", "1q2w3e4r5t6z7u8i9o0p", "1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb"];

/// Whether a password is one of those.
pub(super) fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let core: String =
        lower.trim_matches(|letter: char| !letter.is_alphabetic()).chars().map(meant).filter(|c| c.is_alphabetic()).collect();
    let beside = lower.chars().count() - core.chars().count();
    let is_of_words = !core.is_empty() && beside <= MOST_BESIDE && is_made_of_words(&core, MOST_WORDS);
    is_of_words || SEQUENCES.iter().any(|sequence| runs_through(sequence, &lower))
}

fn is_made_of_words(text: &str, most: u32) -> bool {
    let rest_is = |rest: &str| rest.is_empty() || (most > 1 && is_made_of_words(rest, most - 1));
    WORDS.iter().filter_map(|word| text.strip_prefix(word)).any(rest_is)
}

/// Whether a text is the beginning of a sequence, over and over.
fn runs_through(sequence: &str, text: &str) -> bool {
    text.chars().zip(sequence.chars().cycle()).all(|(letter, expected)| letter == expected)
}

/// The letter that a sign is put for.
fn meant(sign: char) -> char {
    match sign {
        '@' | '4' => 'a',
        '3' => 'e',
        '1' => 'i',
        '0' => 'o',
        '$' | '5' => 's',
        '7' => 't',
        letter => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_tries_first_is_common_in_every_guise() {
        for common in [
            "password1234",
            "Password2026!",
            "P@ssw0rd1234!",
            "passwordpassword",
            "123456789012",
            "1234-password",
            "Welcome-Admin-1",
            "letmein, letmein",
            "qwertyuiop12",
            "1q2w3e4r5t6y",
            "1qaz2wsx3edc",
            "abcdefghijkl",
            "My$ecretPa55word",
            "changeme!changeme!",
        ] {
            assert!(is_common(common), "{common}");
        }
    }

    #[test]
    fn a_word_that_is_common_may_stand_among_others() {
        for fine in [
            "correct horse battery",
            "a password that nobody expects",
            "73920 18466 20957",
            "äöüßéíäöüßéí",
            "abc 73920 18466",
            "summer rain on tin",
        ] {
            assert!(!is_common(fine), "{fine}");
        }
    }

    #[test]
    fn the_longest_password_is_looked_at_quickly() {
        assert!(!is_common(&"passwordpass".repeat(86)));
    }
}
