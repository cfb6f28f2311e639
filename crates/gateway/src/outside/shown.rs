//! What a person sees on the way: pages that lead on by themselves, without scripts. They are of the gateway's own origin, so that what comes next
//! is asked by it, and the browser sends the session's cookie along, which it sends for nobody who comes from another site.

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response};
use maud::{DOCTYPE, html};
use tonic::body::Body;

use crate::body::{full, keep_private, told};
use crate::refusal::Refusal;

const HTML: &str = "text/html; charset=utf-8";
/// The console's page for what went wrong.
const PROBLEM: &str = "/sign-in";
/// What the pages may do: lead on.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What becomes of the answer to somebody who was not signed in.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Where a browser is led; `None` where no page is wanted.
    to: Option<String>,
    taken: Option<HeaderValue>,
}

impl Shown {
    /// The answer as it is.
    pub(super) fn plain() -> Self {
        Shown { to: None, taken: None }
    }

    /// The console's page for this, where a page is wanted.
    pub(super) fn of(refused: &Refusal, is_page_wanted: bool) -> Self {
        let query = || Serializer::new(String::new()).append_pair("problem", &refused.reason()).finish();
        Shown { to: is_page_wanted.then(|| format!("{PROBLEM}?{}", query())), taken: None }
    }

    /// The same, with the sign-in taken away.
    pub(super) fn taking(self, taken: Option<HeaderValue>) -> Self {
        Shown { taken, ..self }
    }

    /// The answer, out of the one for programs.
    pub(crate) fn over(self, mut answer: Response<Body>) -> Response<Body> {
        answer.headers_mut().extend(self.taken.map(|taken| (SET_COOKIE, taken)));
        let Some(to) = self.to else { return answer };
        let (mut parts, _json) = answer.into_parts();
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
        guard(&mut parts.headers);
        Response::from_parts(parts, full(leading(&to, "Zona")))
    }
}

/// The page of somebody who is signed in, which leads to this path of the console.
pub(super) fn signed_in(to: &str, asked: &HeaderMap) -> Response<Body> {
    let is_german = asked.get(ACCEPT_LANGUAGE).is_some_and(|language| language.as_bytes().to_ascii_lowercase().starts_with(b"de"));
    let mut response = told(Bytes::from(leading(to, if is_german { "Weiter" } else { "Continue" })), HTML);
    keep_private(response.headers_mut());
    guard(response.headers_mut());
    response
}

/// The address of the page has a code in it, which nobody else is told.
fn guard(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

fn leading(to: &str, word: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content={ "0;url=" (to) };
                title { "Zona" }
            }
            body { p { a href=(to) { (word) } } }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_leads_where_it_is_told_and_nowhere_else() {
        let page = leading("/a?b=\"><script>&c", "Continue");
        assert!(page.contains("content=\"0;url=/a?b=&quot;&gt;&lt;script&gt;&amp;c\""), "{page}");
        assert_eq!(page.matches("<script").count(), 0, "{page}");
    }
}
