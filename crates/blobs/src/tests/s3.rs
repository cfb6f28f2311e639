//! Objects in a bucket of a server that speaks S3, by who may do with it what the shipped policy says and nothing else; and what is told where that
//! server is wrong, slow, cut off or gone.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use domain::ErrorKind;
use domain::archive::Objects as _;
use domain::name::ExecutionName;
use futures_util::TryStreamExt as _;
use test_support::sample::{execution_id, output, tenant};
use tls::Trust;
use zeroize::Zeroizing;

use self::server::{ROOT, S3Server, USER};
use super::{CANARY, listed, name, put, said};
use crate::{BlobObjects, Credentials, Error, Keys, Location, S3Config};

mod server;

/// Who asks, said once.
#[derive(Debug)]
struct Said(&'static str, &'static str);

impl Credentials for Said {
    fn read(&self) -> Result<Keys, domain::error::Source> {
        Ok(Keys { id: self.0.to_owned(), secret: Zeroizing::new(self.1.to_owned()), session: None })
    }
}

fn config(port: u16, bucket: &str, (id, secret): (&'static str, &'static str)) -> S3Config {
    S3Config {
        bucket: bucket.to_owned(),
        prefix: "some/prefix".to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        trust: Trust::System,
        credentials: Arc::new(Said(id, secret)),
    }
}

fn open(port: u16, bucket: &str, who: (&'static str, &'static str)) -> BlobObjects {
    BlobObjects::open(&Location::S3(config(port, bucket, who)), "one").unwrap()
}

#[tokio::test]
async fn a_bucket_keeps_objects_by_what_the_shipped_policy_allows_and_no_more() {
    let server = S3Server::start().await;
    let (objects, other) = (open(server.port(), "zona", USER), open(server.port(), "zona", USER));
    let events: Vec<_> = (1..20).map(|sequence| output(sequence, 60_000)).chain([said(20, CANARY)]).collect();
    let piece = put(&objects, 1, &events).await;
    assert_eq!(other.get(&name(1), &piece).await.unwrap(), events, "another server reads it");
    let second = put(&other, 2, &[said(1, CANARY)]).await;
    let mut known = [piece.object.clone(), second.object.clone()];
    known.sort();
    assert_eq!(listed(&objects).await.into_iter().map(|stored| stored.object).collect::<Vec<_>>(), known);
    let files = server.files();
    assert!(files.iter().filter(|file| file.starts_with("zona/some/prefix/one/output/acme/")).count() == 2, "{files:?}");
    assert!(!server.holds(CANARY.as_bytes()));
    objects.remove(&tenant("acme"), &piece.object).await.unwrap();
    objects.remove(&tenant("acme"), &piece.object).await.expect("what is gone is no error");
    assert_eq!(objects.get(&name(1), &piece).await.unwrap_err().kind(), ErrorKind::NotFound);
    // Another bucket of the same server is nobody's business.
    let elsewhere = open(server.port(), "others", USER);
    let refused = elsewhere.put(&name(1), &[said(1, "one")]).await.unwrap_err();
    check(&refused, |error| matches!(error, Error::Refused(_)));
    let listing: Result<Vec<_>, _> = elsewhere.list().try_collect().await;
    check(&listing.unwrap_err(), |error| matches!(error, Error::Refused(_)));
}

#[tokio::test]
async fn wrong_credentials_and_an_absent_bucket_are_told_apart() {
    let server = S3Server::start().await;
    for who in [(USER.0, "wrong"), ("nobody", "wrong")] {
        let refused = open(server.port(), "zona", who).put(&name(1), &[said(1, "one")]).await.unwrap_err();
        check(&refused, |error| matches!(error, Error::Refused(_)));
    }
    let absent = open(server.port(), "absent", ROOT);
    check(&absent.put(&name(1), &[said(1, "one")]).await.unwrap_err(), |error| matches!(error, Error::NoBucket));
    let listing: Result<Vec<_>, _> = absent.list().try_collect().await;
    check(&listing.unwrap_err(), |error| matches!(error, Error::NoBucket));
}

#[tokio::test]
async fn an_object_that_was_changed_in_its_bucket_is_refused() {
    let server = S3Server::start().await;
    let objects = open(server.port(), "zona", USER);
    let piece = put(&objects, 1, &[said(1, "one")]).await;
    let file = server.path(&format!("zona/some/prefix/one/output/acme/{}", piece.object));
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, bytes).unwrap();
    assert_eq!(objects.get(&name(1), &piece).await.unwrap_err().kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn a_store_that_is_gone_cuts_off_or_says_nonsense_is_unavailable() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let refused = open(gone, "zona", USER).put(&name(1), &[said(1, "one")]).await.unwrap_err();
    check(&refused, |error| matches!(error, Error::Store(_)));
    for said_back in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        let objects = open(answering(said_back), "zona", USER);
        let piece = domain::archive::Piece {
            first: 1,
            last: 1,
            object: domain::archive::ObjectId::parse(&"0".repeat(64)).unwrap(),
            reference: domain::archive::Reference::new([&[1][..], &[7; 32]].concat()),
        };
        let read = objects.get(&name(1), &piece).await.unwrap_err();
        assert_eq!(read.kind(), ErrorKind::Unavailable, "{said_back:?}: {read:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_given_up_in_time() {
    // Nobody takes what it accepts.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let objects = open(silent.local_addr().unwrap().port(), "zona", USER);
    let begun = tokio::time::Instant::now();
    let late = objects.put(&name(1), &[said(1, "one")]).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Unavailable, "{late:?}");
    assert!(begun.elapsed() <= Duration::from_secs(31), "{:?}", begun.elapsed());
}

#[test]
fn credentials_are_shown_nowhere() {
    let config = config(1, "zona", USER);
    assert_eq!(format!("{config:?} {:?}", Location::S3(config.clone())), "s3://zona/some/prefix S3(s3://zona/some/prefix)");
}

/// The port of a server that says the same to everybody, and hangs up.
fn answering(answer: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer_one(stream.unwrap(), answer);
        }
    });
    port
}

fn answer_one(mut stream: TcpStream, answer: &str) {
    let mut request = [0; 16 * 1024];
    // Whoever has gone hears nothing, which is all that there is to it.
    if stream.read(&mut request).is_ok_and(|read| read > 0) {
        drop(stream.write_all(answer.as_bytes()));
    }
}

/// That the cause of a failure is this one.
fn check(error: &domain::Error, is_it: impl Fn(&Error) -> bool) {
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>());
    assert!(source.is_some_and(is_it), "{error:?}");
}

#[tokio::test]
async fn objects_of_one_execution_open_for_no_other_in_a_bucket_either() {
    let server = S3Server::start().await;
    let objects = open(server.port(), "zona", USER);
    let piece = put(&objects, 1, &[said(1, "one")]).await;
    let another = ExecutionName { tenant: tenant("acme"), execution: execution_id(2) };
    assert_eq!(objects.get(&another, &piece).await.unwrap_err().kind(), ErrorKind::Internal);
}
