//! Which pages may ask, and under which names. A browser names the origin of whatever could do harm; what it sends along by itself, such as
//! the certificate of a client, must not count for pages of others.

use std::net::IpAddr;
use std::str::FromStr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};

/// How a browser says where the page is from that asks, where it names no origin: of reads without CORS.
const FETCH_SITE: &str = "sec-fetch-site";
/// How it says that somebody goes to an address, in a tab and not within a page.
const FETCH_MODE: &str = "sec-fetch-mode";
const FETCH_DEST: &str = "sec-fetch-dest";
const LOCALHOST: &str = "localhost";
/// Hosts behind which a browser finds the machine that it runs on.
const OWN_HOSTS: [&str; 3] = ["127.0.0.1", "[::1]", LOCALHOST];

/// The origin of a page, such as `https://zona.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(pub(crate) HeaderValue);

/// Who is let in.
#[derive(Debug)]
pub(crate) struct Door {
    allowed: Vec<Origin>,
    /// The names of hosts in these.
    names: Vec<String>,
    is_encrypted: bool,
}

/// Why somebody is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    /// A page of another origin asks.
    ForeignPage,
    /// The gateway is not known by this name.
    ForeignHost,
}

impl FromStr for Origin {
    type Err = String;

    /// Reads one as browsers write it.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no origin such as https://zona.example");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let named = matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some();
        let bare = uri.path() == "/" && uri.query().is_none() && !text.ends_with('/') && !text.contains('@');
        match named && bare && *text == text.to_ascii_lowercase() {
            true => HeaderValue::from_str(text).map(Origin).map_err(|_| wrong()),
            false => Err(wrong()),
        }
    }
}

// === impl Origin ===

impl Origin {
    /// As it is written.
    pub(crate) fn text(&self) -> &str {
        self.0.to_str().expect("it was read from a text")
    }

    /// Whether nobody on the way reads what is sent there: it goes over TLS, or does not leave this host.
    pub fn is_guarded(&self) -> bool {
        let address = self.text().parse::<Uri>().expect("it was read from an address");
        self.is_encrypted() || address.host().is_some_and(|host| OWN_HOSTS.contains(&host))
    }

    /// Whether its pages come over TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.text().starts_with("https:")
    }
}

// === impl Door ===

impl Door {
    /// Lets pages of these origins in, beside the gateway's own, which are encrypted or not.
    pub(crate) fn new(allowed: Vec<Origin>, is_encrypted: bool) -> Self {
        let host = |origin: &Origin| Some(origin.0.to_str().ok()?.parse::<Uri>().ok()?.host()?.to_owned());
        let names = allowed.iter().filter_map(host).collect();
        Door { allowed, names, is_encrypted }
    }

    /// Lets a request in that comes from no page, from one of the gateway's own, or from one that may ask.
    pub(crate) fn lets_in(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Turned> {
        self.judge(uri, headers, |site| site == "same-origin" || site == "none")
    }

    /// Lets in, beside these, whom a page of another site has sent here in the whole tab: for the one address to which issuers send people back.
    pub(crate) fn lets_back(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Turned> {
        let says = |name: &str, wanted: &str| headers.get(name).is_none_or(|said| said == wanted);
        let goes_there = says(FETCH_MODE, "navigate") && says(FETCH_DEST, "document");
        self.judge(uri, headers, |site| goes_there || site == "same-origin" || site == "none")
    }

    fn judge(&self, uri: &Uri, headers: &HeaderMap, is_site: impl Fn(&HeaderValue) -> bool) -> Result<(), Turned> {
        let host = headers.get(HOST).map(|host| host.to_str().unwrap_or_default());
        // A request may name the whole address in its first line, which counts before the header (RFC 9112, 3.2.2).
        let host = uri.authority().map(Authority::as_str).or(host);
        // A page can have its own name lead to this port; over TLS, the certificate is for other names than that.
        if !self.is_encrypted && host.is_some_and(|host| !self.is_named(host)) {
            return Err(Turned::ForeignHost);
        }
        let is_let_in = match headers.get(ORIGIN) {
            Some(origin) => self.is_own(origin, host) || self.allowed.iter().any(|allowed| allowed.0 == origin),
            None => headers.get(FETCH_SITE).is_none_or(is_site),
        };
        is_let_in.then_some(()).ok_or(Turned::ForeignPage)
    }

    fn is_own(&self, origin: &HeaderValue, host: Option<&str>) -> bool {
        let own = if self.is_encrypted { "https" } else { "http" };
        let named = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        named.zip(host).is_some_and(|((scheme, authority), host)| scheme == own && authority.eq_ignore_ascii_case(host))
    }

    /// Whether a request in plain text may name the gateway so. An address cannot be led elsewhere.
    fn is_named(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let name = authority.host();
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        address.parse::<IpAddr>().is_ok() || name == LOCALHOST || self.names.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_nothing_more() {
        for right in ["https://zona.example", "http://127.0.0.1:5173", "https://[::1]:8443"] {
            assert!(right.parse::<Origin>().is_ok(), "{right}");
        }
        for wrong in [
            "zona.example",
            "https://zona.example/",
            "https://zona.example/x",
            "ftp://zona.example",
            "*",
            "null",
            "https://u@zona.example",
            "",
        ] {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_goes_to_an_origin_in_plain_text_is_guarded_on_this_host_only() {
        for (origin, expected) in [
            ("https://zona.example", true),
            ("http://127.0.0.1:7080", true),
            ("http://[::1]:7080", true),
            ("http://localhost", true),
            ("http://zona.example", false),
            ("http://192.0.2.1:7080", false),
            ("http://localhost.evil.example", false),
        ] {
            assert_eq!(origin.parse::<Origin>().unwrap().is_guarded(), expected, "{origin}");
        }
    }

    fn check(is_encrypted: bool, headers: &[(&'static str, &str)], expected: Result<(), Turned>) {
        let door = Door::new(vec!["https://zona.example".parse().unwrap()], is_encrypted);
        let stated = headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        let told = door.lets_in(&Uri::from_static("/v1/whoami"), &stated.collect());
        assert_eq!(told, expected, "encrypted: {is_encrypted}, {headers:?}");
    }

    #[test]
    fn pages_of_others_may_not_ask_unless_they_are_listed() {
        let host = ("host", "127.0.0.1:7080");
        check(false, &[host], Ok(()));
        check(false, &[host, ("origin", "http://127.0.0.1:7080")], Ok(()));
        check(false, &[host, ("origin", "https://zona.example")], Ok(()));
        for foreign in ["https://evil.example", "http://127.0.0.1:7081", "https://127.0.0.1:7080", "null"] {
            check(false, &[host, ("origin", foreign)], Err(Turned::ForeignPage));
        }
        check(true, &[host, ("origin", "https://127.0.0.1:7080")], Ok(()));
        check(true, &[host, ("origin", "http://127.0.0.1:7080")], Err(Turned::ForeignPage));
    }

    #[test]
    fn what_a_page_of_others_reads_without_naming_its_origin_is_refused_too() {
        for (site, expected) in
            [("none", Ok(())), ("same-origin", Ok(())), ("same-site", Err(Turned::ForeignPage)), ("cross-site", Err(Turned::ForeignPage))]
        {
            check(true, &[("host", "zona.internal"), (FETCH_SITE, site)], expected);
        }
        // Where an origin is named, it decides.
        check(true, &[("host", "zona.internal"), (FETCH_SITE, "cross-site"), ("origin", "https://zona.example")], Ok(()));
    }

    #[test]
    fn who_comes_back_from_an_issuers_page_comes_in_a_whole_tab() {
        let check = |headers: &[(&'static str, &'static str)], expected: Result<(), Turned>| {
            let door = Door::new(Vec::new(), true);
            let headers: HeaderMap =
                headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
            assert_eq!(door.lets_back(&Uri::from_static("/console/sign-in/a/callback"), &headers), expected, "{headers:?}");
        };
        let site = (FETCH_SITE, "cross-site");
        check(&[site, (FETCH_MODE, "navigate"), (FETCH_DEST, "document")], Ok(()));
        check(&[site, (FETCH_MODE, "navigate"), (FETCH_DEST, "iframe")], Err(Turned::ForeignPage));
        check(&[site, (FETCH_MODE, "no-cors"), (FETCH_DEST, "image")], Err(Turned::ForeignPage));
        check(&[("origin", "https://evil.example")], Err(Turned::ForeignPage));
        check(&[], Ok(()));
    }

    #[test]
    fn in_plain_text_the_gateway_has_no_names_that_could_be_led_to_it() {
        for own in ["127.0.0.1:7080", "[::1]:7080", "localhost:7080", "LOCALHOST.", "zona.example"] {
            check(false, &[("host", own)], Ok(()));
        }
        for foreign in ["evil.example:7080", "localhost.evil.example", "", "a b"] {
            check(false, &[("host", foreign), ("origin", &format!("http://{foreign}"))], Err(Turned::ForeignHost));
        }
        check(true, &[("host", "zona.internal")], Ok(()));
    }
}
