//! What an issuer's page sends a browser back with: parameters of a query, each once (RFC 6749, 4.1.2).

use crate::refusal::Refusal;

/// What is read of an answer.
const NAMES: [&str; 4] = ["state", "code", "error", "iss"];
/// Longest word for an error that is logged.
const MAX_WORD: usize = 64;

/// What an issuer's page has answered.
#[derive(Default)]
pub(super) struct Comeback {
    /// In the order of [`NAMES`].
    values: [Option<String>; 4],
    is_twice: bool,
}

impl Comeback {
    /// Reads the query of an answer. What else stands there is for others.
    pub(super) fn read(query: Option<&str>) -> Self {
        let mut comeback = Comeback::default();
        for (name, text) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Some(index) = NAMES.iter().position(|known| *known == name) else { continue };
            comeback.is_twice |= comeback.values[index].replace(text.into_owned()).is_some();
        }
        comeback
    }

    /// The state; empty where there is none, or something stands there twice and means nothing for certain.
    pub(super) fn state(&self) -> &str {
        self.values[0].as_deref().filter(|_| !self.is_twice).unwrap_or_default()
    }

    /// The issuer, where it names itself.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.values[3].as_deref()
    }

    /// The code.
    ///
    /// # Errors
    /// There is none, and why.
    pub(super) fn code(self) -> Result<String, Refusal> {
        let [_, code, error, _] = self.values;
        match (error.as_deref(), code) {
            (None, Some(code)) if !code.is_empty() => Ok(code),
            (Some("access_denied"), _) => Err(Refusal::sign_in_declined()),
            (error, _) => {
                let word: String =
                    error.unwrap_or_default().chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(MAX_WORD).collect();
                tracing::debug!(word, "the page of an issuer answers without a code");
                Err(Refusal::sign_in_refused())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, state: &str, issuer: Option<&str>, code: Result<&str, &str>) {
        let read = Comeback::read(Some(query));
        assert_eq!((read.state(), read.issuer()), (state, issuer), "{query}");
        let read = read.code().map_err(|refused| refused.reason());
        assert_eq!(read.as_deref().map_err(String::as_str), code, "{query}");
    }

    #[test]
    fn an_answer_has_a_code_or_says_why_not() {
        check("state=s&code=c", "s", None, Ok("c"));
        check("code=c%2Fd&state=s&iss=https%3A%2F%2Fid.example&session_state=x", "s", Some("https://id.example"), Ok("c/d"));
        check("state=s&error=access_denied&error_description=No", "s", None, Err("SIGN_IN_DECLINED"));
        check("state=s&error=server_error", "s", None, Err("SIGN_IN_REFUSED"));
        check("state=s&error=access_denied&code=c", "s", None, Err("SIGN_IN_DECLINED"));
        check("state=s", "s", None, Err("SIGN_IN_REFUSED"));
        check("state=s&code=", "s", None, Err("SIGN_IN_REFUSED"));
        check("", "", None, Err("SIGN_IN_REFUSED"));
    }

    #[test]
    fn what_stands_there_twice_is_of_no_sign_in() {
        check("state=s&code=c&code=d", "", None, Ok("d"));
        check("state=s&state=s&code=c", "", None, Ok("c"));
    }
}
