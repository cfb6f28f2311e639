//! The console: the files that a browser is given, as they were built, and what they may do there. What they ask for, the rest of the gateway
//! answers; here nothing is known of it.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, REFERRER_POLICY};
use http::{HeaderMap, HeaderName, HeaderValue, Method as Verb, Response, StatusCode};
use rust_embed::Embed;
use tonic::body::Body;

use crate::body::told;
use crate::document::Document;
use crate::{accept, precondition};

/// What `cargo xtask console` has built.
#[derive(Embed)]
#[folder = "../../console/dist"]
struct Bundle;

/// What is shown for every page of the console: the pages are told apart by its scripts.
const INDEX: &str = "index.html";
/// Where files lie whose names change with what is in them.
const ASSETS: &str = "assets/";
/// What begins so is no page: there, whoever is wrong is told so.
const NO_PAGES: [&str; 3] = ["v1/", ASSETS, "console/"];
/// What the pages may do: what comes from this server, and nothing that stands in a page itself. Nobody may frame them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
    connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// A year: longer, no browser keeps anything.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Kept, and asked for each time whether it is still the same.
const ASKED_AGAIN: &str = "no-cache";

/// The files, by their paths without the first slash.
pub(crate) struct Console {
    files: HashMap<String, File>,
}

struct File {
    bytes: Bytes,
    kind: &'static str,
    /// What is in it, for whoever has it already.
    tag: String,
    caching: &'static str,
    /// The same compressed; of what is compressed in itself, none.
    zipped: Option<Document>,
}

// === impl Console ===

impl Console {
    /// The console of this build.
    pub(crate) fn built_in() -> Self {
        let files = Bundle::iter().filter_map(|name| Some((name.clone().into_owned(), Bundle::get(&name)?.data)));
        Console::of(files.map(|(name, data)| match data {
            Cow::Borrowed(bytes) => (name, Bytes::from_static(bytes)),
            Cow::Owned(bytes) => (name, Bytes::from(bytes)),
        }))
    }

    /// A console of these files.
    fn of(files: impl Iterator<Item = (String, Bytes)>) -> Self {
        Console { files: files.map(|(name, bytes)| (name.clone(), File::of(&name, bytes))).collect() }
    }

    /// Whether a file has this very path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.file(path).is_some()
    }

    /// The file that is meant, for whoever reads: the one of this path, or the page, which shows what it means by itself.
    pub(crate) async fn answer(&self, verb: &Verb, path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
        let is_page = || accept::takes_html(headers) && !NO_PAGES.iter().any(|none| path.trim_start_matches('/').starts_with(none));
        let file = self.file(path).or_else(|| self.files.get(INDEX).filter(|_| is_page()))?;
        Some(file.answer(verb, headers).await)
    }

    fn file(&self, path: &str) -> Option<&File> {
        let name = path.strip_prefix('/')?;
        self.files.get(if name.is_empty() { INDEX } else { name })
    }
}

// === impl File ===

impl File {
    fn of(name: &str, bytes: Bytes) -> Self {
        let (kind, is_text) = kind(name);
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest(&SHA256, &bytes)));
        let caching = if name.starts_with(ASSETS) { FOREVER } else { ASKED_AGAIN };
        File { bytes, kind, tag, caching, zipped: is_text.then(Document::default) }
    }

    async fn answer(&self, verb: &Verb, headers: &HeaderMap) -> Response<Body> {
        let mut response = match &self.zipped {
            _ if precondition::is_unchanged(verb, headers, &self.tag) => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                response
            }
            Some(document) => document.answer(headers, self.kind, || self.bytes.clone()).await,
            None => told(self.bytes.clone(), self.kind),
        };
        let stated = [
            (CACHE_CONTROL, self.caching),
            (CONTENT_SECURITY_POLICY, POLICY),
            (REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ];
        let told = response.headers_mut();
        told.extend(stated.map(|(name, value)| (name, HeaderValue::from_static(value))));
        // Weak: what is compressed has other bytes.
        told.extend(HeaderValue::from_str(&format!("W/{}", self.tag)).ok().map(|tag| (ETAG, tag)));
        response
    }
}

/// The media type of a file, and whether compressing it is worth it. What nobody knows is shown by no browser.
fn kind(name: &str) -> (&'static str, bool) {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => ("text/html; charset=utf-8", true),
        "js" | "mjs" => ("text/javascript; charset=utf-8", true),
        "css" => ("text/css; charset=utf-8", true),
        "svg" => ("image/svg+xml", true),
        "json" | "map" => ("application/json", true),
        "webmanifest" => ("application/manifest+json", true),
        "txt" => ("text/plain; charset=utf-8", true),
        "png" => ("image/png", false),
        "ico" => ("image/x-icon", false),
        "woff2" => ("font/woff2", false),
        _ => ("application/octet-stream", false),
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, IF_NONE_MATCH};
    use http_body_util::BodyExt as _;

    use super::*;

    const PAGE: &str = "<!doctype html>";

    fn console() -> Console {
        let script = "let x = 1;\n".repeat(1_000);
        let files = [(INDEX, PAGE.to_owned()), ("assets/app-1a2b.js", script), ("icon.png", "png".to_owned())];
        Console::of(files.map(|(name, text)| (name.to_owned(), Bytes::from(text))).into_iter())
    }

    async fn get(path: &str, headers: &[(HeaderName, &'static str)]) -> Option<(HeaderMap, StatusCode, Bytes)> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let (parts, body) = console().answer(&Verb::GET, path, &headers).await?.into_parts();
        Some((parts.headers, parts.status, body.collect().await.unwrap().to_bytes()))
    }

    fn header(headers: &HeaderMap, name: HeaderName) -> &str {
        headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn a_page_of_the_console_is_shown_at_every_path_that_means_nothing_else() {
        for path in ["/", "/index.html", "/utilities", "/utilities/extract-iocs/runs?x=1", "/versions"] {
            let (headers, status, body) = get(path, &[(ACCEPT, "text/html,*/*;q=0.8")]).await.unwrap_or_else(|| panic!("{path}"));
            assert_eq!(
                (status, &body[..], header(&headers, CONTENT_TYPE)),
                (StatusCode::OK, PAGE.as_bytes(), "text/html; charset=utf-8"),
                "{path}"
            );
            assert_eq!((header(&headers, CACHE_CONTROL), header(&headers, REFERRER_POLICY)), ("no-cache", "no-referrer"));
            let policy = header(&headers, CONTENT_SECURITY_POLICY);
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
        }
        for path in ["/v1/nothing", "/assets/old-0000.js", "/console/nothing"] {
            assert!(get(path, &[(ACCEPT, "text/html")]).await.is_none(), "{path}");
        }
        assert!(get("/utilities", &[(ACCEPT, "application/json")]).await.is_none());
        assert!(get("/utilities", &[]).await.is_none());
    }

    #[tokio::test]
    async fn what_has_its_content_in_its_name_is_kept_for_good_and_compressed() {
        let (headers, _, body) = get("/assets/app-1a2b.js", &[(ACCEPT_ENCODING, "gzip, br")]).await.unwrap();
        assert_eq!((header(&headers, CACHE_CONTROL), header(&headers, CONTENT_ENCODING)), (FOREVER, "gzip"));
        assert!(body.len() < 500, "{} bytes", body.len());
        assert_eq!(
            (header(&headers, CONTENT_TYPE), header(&headers, HeaderName::from_static("x-content-type-options"))),
            ("text/javascript; charset=utf-8", "nosniff")
        );
        let (headers, _, body) = get("/assets/app-1a2b.js", &[]).await.unwrap();
        assert_eq!((header(&headers, CONTENT_ENCODING), body.len()), ("", 11_000));
        let (headers, _, _) = get("/icon.png", &[(ACCEPT_ENCODING, "gzip")]).await.unwrap();
        assert_eq!((header(&headers, CONTENT_ENCODING), header(&headers, CACHE_CONTROL)), ("", "no-cache"));
    }

    #[tokio::test]
    async fn whoever_has_a_file_already_is_not_sent_it_again() {
        let (headers, _, _) = get("/", &[]).await.unwrap();
        let tag: &'static str = header(&headers, ETAG).to_owned().leak();
        let (headers, status, body) = get("/", &[(IF_NONE_MATCH, tag)]).await.unwrap();
        assert_eq!((status, body.len(), header(&headers, ETAG)), (StatusCode::NOT_MODIFIED, 0, tag));
        assert_eq!(get("/", &[(IF_NONE_MATCH, "W/\"other\"")]).await.unwrap().1, StatusCode::OK);
    }

    #[test]
    fn every_file_of_the_bundle_is_of_a_type_that_browsers_are_told() {
        let console = Console::built_in();
        assert!(console.has("/"), "there is a page");
        for (name, file) in &console.files {
            assert_ne!(file.kind, kind("").0, "{name}");
        }
    }
}
