//! Signing in at an issuer's page, as a browser does it: what it is sent there with, what it may come back with, and what it is told.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Builder;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::harness::{Answer, Harness};
use super::identity::CODE;
use crate::{Config, Issuers, Page, SignIn, Unanswered, Way};

const PAGE: &str = "https://id.example/auth?theme=dark";
const ISSUER: &str = "https://id.example";
const BEGIN: &str = "/console/sign-in/corporate";

/// Issuers of whom one is away.
struct Known {
    now: AtomicU64,
    names_issuer: bool,
}

impl Issuers for Known {
    fn page<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = Result<Page, Unanswered>> + Send + 'a>> {
        let page = Page { address: PAGE.to_owned(), names_issuer: self.names_issuer };
        Box::pin(async move { if name == "away" { Err(Unanswered) } else { Ok(page) } })
    }

    fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }
}

/// A browser before a gateway at this public address.
struct Browser {
    harness: Harness,
    known: Arc<Known>,
}

/// A sign-in that has gone to the issuer's page.
struct Sent {
    cookie: String,
    query: Vec<(String, String)>,
}

impl Sent {
    fn says(&self, name: &str) -> &str {
        self.query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn back(&self, rest: &str) -> String {
        format!("{BEGIN}/callback?state={}&{rest}", self.says("state"))
    }
}

impl Browser {
    fn new(public: &str, names_issuer: bool) -> Self {
        let way = |name: &str| Way {
            name: name.to_owned(),
            label: "Corporate & Co".to_owned(),
            issuer: ISSUER.to_owned(),
            client: "zona".to_owned(),
            scopes: "openid groups".to_owned(),
        };
        let known = Arc::new(Known { now: AtomicU64::new(1_790_000_000), names_issuer });
        let ways = vec![way("corporate"), way("away")];
        let sign_in = SignIn { public: public.parse().unwrap(), ways, issuers: known.clone() };
        Browser { harness: Harness::with(Config { sign_in: Some(sign_in), ..Config::default() }), known }
    }

    async fn begin(&self, query: &str) -> Sent {
        let answer = self.harness.get(&format!("{BEGIN}{query}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        let (page, query) = answer.header("location").split_once("&response_type").unwrap();
        assert_eq!(page, PAGE);
        let query = form_urlencoded::parse(format!("response_type{query}").as_bytes()).into_owned().collect();
        Sent { cookie: answer.header("set-cookie").to_owned(), query }
    }

    /// Comes back as browsers do from another site.
    async fn comes_back(&self, cookie: &str, address: &str) -> Answer {
        let cookie = cookie.split(';').next().unwrap_or_default();
        self.harness.ask(navigating(address).header("cookie", cookie), "").await
    }

    fn was_asked(&self) -> bool {
        !self.harness.asked.lock().unwrap().is_empty()
    }
}

fn navigating(address: &str) -> Builder {
    let request = Request::get(address).header("accept", "text/html,*/*").header("sec-fetch-site", "cross-site");
    request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document")
}

fn cookies(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
}

/// Where the page of a failure leads.
#[track_caller]
fn led(answer: &Answer) -> String {
    let text = answer.text();
    let (_, rest) = text.split_once("content=\"0;url=").unwrap_or_else(|| panic!("{text}"));
    rest.split('"').next().unwrap().replace("&amp;", "&")
}

#[tokio::test]
async fn a_browser_is_sent_to_the_issuers_page_with_what_only_it_can_finish() {
    let browser = Browser::new("https://zona.example", false);
    let sent = browser.begin("?to=/executions").await;
    let expected = [
        ("response_type", "code"),
        ("client_id", "zona"),
        ("redirect_uri", "https://zona.example/console/sign-in/corporate/callback"),
        ("scope", "openid groups"),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in expected {
        assert_eq!(sent.says(name), value, "{name}");
    }
    assert!(sent.cookie.starts_with("__Host-zona-sign-in="), "{}", sent.cookie);
    assert!(sent.cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600; Secure"), "{}", sent.cookie);
    for told in ["state", "nonce", "code_challenge"] {
        assert!(sent.says(told).len() == 43 && !sent.cookie.contains(sent.says(told)), "{told}");
    }
    assert_ne!(browser.begin("").await.says("state"), sent.says("state"));
    let plain = Browser::new("http://127.0.0.1:7080", false).begin("").await.cookie;
    assert!(plain.starts_with("zona-sign-in=") && !plain.contains("Secure"), "{plain}");
    assert!(!browser.was_asked());
}

#[tokio::test]
async fn a_code_becomes_a_session_and_a_page_that_leads_on_by_itself() {
    let browser = Browser::new("https://zona.example", false);
    let sent = browser.begin("?to=/executions%3Fstate%3DFAILED%26x").await;
    let answer = browser.comes_back(&sent.cookie, &sent.back("code=a%20code&session_state=x")).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    assert_eq!(led(&answer), "/executions?state=FAILED&x");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!((answer.header("referrer-policy"), answer.header("cache-control")), ("no-referrer", "no-store"));
    assert!(!answer.text().contains("<script"));
    let [session, over] = cookies(&answer).try_into().unwrap();
    assert_eq!(session, "__Host-zona-session=zona_session_0_ann; Path=/; HttpOnly; SameSite=Strict; Max-Age=3600; Secure");
    assert!(over.starts_with("__Host-zona-sign-in=;") && over.contains("Max-Age=0"), "{over}");
    let codes = browser.harness.identity.codes.lock().unwrap();
    assert_eq!((codes[0].issuer.as_str(), codes[0].code.as_str()), ("corporate", CODE));
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, codes[0].code_verifier.as_bytes()));
    assert_eq!((sent.says("code_challenge"), sent.says("nonce")), (challenge.as_str(), challenge.as_str()));
}

#[tokio::test]
async fn the_session_before_ends_where_the_browser_brings_it_and_goes_on_where_it_does_not() {
    let browser = Browser::new("https://zona.example", false);
    let before = "__Host-zona-session=zona_session_0_ann";
    let signs_in = async |brought: &str| {
        let sent = browser.begin("").await;
        let kept = sent.cookie.split(';').next().unwrap();
        let answer = browser.harness.ask(navigating(&sent.back("code=a+code")).header("cookie", format!("{kept}{brought}")), "").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        cookies(&answer)[0].split(';').next().unwrap().to_owned()
    };
    let goes_on = async || browser.harness.ask(Request::get("/console/session").header("cookie", before), "").await.status;
    assert_eq!(signs_in("").await, before);
    assert_eq!((signs_in("").await.as_str(), goes_on().await), ("__Host-zona-session=zona_session_1_ann", StatusCode::OK));
    signs_in(&format!("; {before}")).await;
    assert_eq!(goes_on().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn another_server_finishes_what_one_has_begun() {
    let (one, other) = (Browser::new("https://zona.example", false), Browser::new("https://zona.example", false));
    let sent = one.begin("").await;
    assert_eq!(other.comes_back(&sent.cookie, &sent.back("code=a+code")).await.status, StatusCode::OK);
    let verifier = other.harness.identity.codes.lock().unwrap()[0].code_verifier.clone();
    assert_eq!(URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())), sent.says("code_challenge"));
}

#[tokio::test]
async fn an_answer_that_is_not_of_this_browsers_sign_in_begins_no_session() {
    let browser = Browser::new("https://zona.example", false);
    let (sent, other) = (browser.begin("").await, browser.begin("").await);
    let check = async |cookie: &str, address: &str| {
        let answer = browser.comes_back(cookie, address).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{address}");
        assert_eq!((led(&answer).as_str(), cookies(&answer)), ("/sign-in?problem=SIGN_IN_UNKNOWN", vec![]), "{address}");
    };
    let right = sent.back("code=a+code");
    check("", &right).await;
    check("__Host-zona-sign-in=", &right).await;
    check(&sent.cookie.replace("__Host-", ""), &right).await;
    check(&other.cookie, &right).await;
    check(&sent.cookie, &format!("{BEGIN}/callback?code=a+code")).await;
    check(&sent.cookie, &format!("{BEGIN}/callback?state=&code=a+code")).await;
    check(&sent.cookie, &format!("{right}&state={}", sent.says("state"))).await;
    check(&sent.cookie, &right.replace("corporate", "away").replace("/away/", "/corporate/").replace("state=", "state=x")).await;
    assert!(!browser.was_asked(), "nobody was shown a code");
    let elsewhere = browser.comes_back(&sent.cookie, &right.replace("corporate", "away")).await;
    assert_eq!(led(&elsewhere), "/sign-in?problem=SIGN_IN_UNKNOWN");
    let told = browser.harness.ask(Request::get(&right), "").await;
    assert_eq!(told.json()["details"][0]["reason"], json!("SIGN_IN_UNKNOWN"), "programs are told in JSON");
}

#[tokio::test]
async fn a_sign_in_that_has_failed_is_over_and_says_why() {
    let browser = Browser::new("https://zona.example", false);
    let check = async |rest: &str, later: u64, reason: &str| {
        let sent = browser.begin("").await;
        browser.known.now.fetch_add(later, Ordering::SeqCst);
        let answer = browser.comes_back(&sent.cookie, &sent.back(rest)).await;
        assert_eq!((answer.status, led(&answer)), (StatusCode::UNAUTHORIZED, format!("/sign-in?problem={reason}")), "{rest}");
        let [over] = cookies(&answer).try_into().unwrap();
        assert!(over.starts_with("__Host-zona-sign-in=;"), "{over}");
        assert!(!answer.text().contains("secret words"), "{}", answer.text());
    };
    check("error=access_denied&error_description=secret+words", 0, "SIGN_IN_DECLINED").await;
    check("error=server_error", 0, "SIGN_IN_REFUSED").await;
    check("", 0, "SIGN_IN_REFUSED").await;
    check("code=a+code", 600, "SIGN_IN_TOO_OLD").await;
    check("code=a+code&iss=https%3A%2F%2Fevil.example", 0, "SIGN_IN_UNKNOWN").await;
    assert!(!browser.was_asked());
    check("code=secret+words", 0, "SIGN_IN_OF_NOBODY").await;
    assert!(browser.was_asked());
}

#[tokio::test]
async fn an_issuer_that_promises_to_name_itself_must() {
    let browser = Browser::new("https://zona.example", true);
    let sent = browser.begin("").await;
    let answer = browser.comes_back(&sent.cookie, &sent.back("code=a+code")).await;
    assert_eq!(led(&answer), "/sign-in?problem=SIGN_IN_UNKNOWN");
    let sent = browser.begin("").await;
    let named = sent.back("code=a+code&iss=https%3A%2F%2Fid.example");
    assert_eq!(browser.comes_back(&sent.cookie, &named).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nobody_is_sent_anywhere_but_to_the_issuer_and_back_to_the_console() {
    let browser = Browser::new("https://zona.example", false);
    for to in ["https://evil.example", "//evil.example", "/%5Cevil.example", "/%09/evil.example", "/v1/whoami", ""] {
        let answer = browser.harness.get(&format!("{BEGIN}?to={to}")).await;
        assert_eq!(answer.violations(), [("to".to_owned(), "MALFORMED".to_owned())], "{to}");
    }
    assert_eq!(browser.harness.get(&format!("{BEGIN}?next=/")).await.violations(), [("next".to_owned(), "UNKNOWN_FIELD".to_owned())]);
    let led_by_host = browser.harness.ask(Request::get(BEGIN).header("host", "evil.example"), "").await;
    assert_eq!(led_by_host.status, StatusCode::MISDIRECTED_REQUEST);
    let own = browser.harness.ask(Request::get(BEGIN).header("host", "zona.example"), "").await;
    assert_eq!(own.status, StatusCode::SEE_OTHER, "the public address is the gateway's own name");
    let foreign = browser.harness.ask(navigating(BEGIN), "").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "a page of others signs nobody in");
    let framed = Request::get(format!("{BEGIN}/callback")).header("sec-fetch-site", "cross-site").header("sec-fetch-dest", "iframe");
    assert_eq!(browser.harness.ask(framed, "").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_console_is_told_who_can_be_signed_in_with_and_no_more() {
    let browser = Browser::new("https://zona.example", false);
    let told: Value = browser.harness.get("/console/issuers").await.json();
    let expected = json!([{ "name": "corporate", "label": "Corporate & Co" }, { "name": "away", "label": "Corporate & Co" }]);
    assert_eq!(told, json!({ "issuers": expected }));
    assert_eq!(Harness::new().get("/console/issuers").await.json(), json!({ "issuers": [] }));
    for nobody in ["/console/sign-in/other", "/console/sign-in/other/callback", "/console/sign-in/", "/console/sign-in/corporate/x"] {
        assert_eq!(browser.harness.get(nobody).await.status, StatusCode::NOT_FOUND, "{nobody}");
    }
    assert_eq!(browser.harness.post(BEGIN, "{}").await.status, StatusCode::METHOD_NOT_ALLOWED);
    let away = browser.harness.get("/console/sign-in/away").await;
    assert_eq!((away.status, away.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
    assert!(away.text().contains("\"reason\":\"DEPENDENCY_UNAVAILABLE\""), "{}", away.text());
}
