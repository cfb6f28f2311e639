//! Refresh tokens through a real client: going on with a session, and what ends one.

use std::time::Duration;

use api_proto::zona::identity::v1 as pb;
use tonic::Code;

use crate::harness::reason;
use crate::identity::{Installation, PASSWORD, is_unauthenticated, refresh, sign_in, who};

#[tokio::test]
async fn a_refresh_token_serves_once_and_a_reused_one_ends_its_session() {
    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::User).await;
    let first = sign_in(&all.server, "tenants/acme/users/ann", PASSWORD).await.unwrap();
    let other = sign_in(&all.server, "tenants/acme/users/ann", PASSWORD).await.unwrap();
    let second = refresh(&all.server, &first.refresh_token).await.unwrap();
    assert_eq!(second.session, first.session);
    let third = refresh(&all.server, &second.refresh_token).await.unwrap();
    who(&all.server, &first.access_token).await.unwrap();
    // The oldest is no less a thief's than the one before the newest.
    assert!(is_unauthenticated(&refresh(&all.server, &first.refresh_token).await.unwrap_err()));
    assert!(is_unauthenticated(&refresh(&all.server, &third.refresh_token).await.unwrap_err()), "the session has ended");
    for access in [&first.access_token, &second.access_token, &third.access_token] {
        assert!(is_unauthenticated(&who(&all.server, access).await.unwrap_err()));
    }
    refresh(&all.server, &other.refresh_token).await.unwrap();
}

#[tokio::test]
async fn a_made_up_refresh_token_ends_no_session_and_counts_as_an_attempt() {
    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::User).await;
    let issued = sign_in(&all.server, "tenants/acme/users/ann", PASSWORD).await.unwrap();
    let (_, id) = issued.session.rsplit_once('/').unwrap();
    let (family, _) = issued.refresh_token.strip_prefix(&format!("zona_refresh_{id}_")).unwrap().split_at(43);
    let made_up = ["x".to_owned(), "é".repeat(22), "0".repeat(43), "0".repeat(86), "0".repeat(92), format!("{}x", &family[..42])];
    for secret in &made_up {
        assert!(is_unauthenticated(&refresh(&all.server, &format!("zona_refresh_{id}_{secret}")).await.unwrap_err()), "{secret}");
    }
    who(&all.server, &issued.access_token).await.expect("the session goes on");
    let newest = refresh(&all.server, &issued.refresh_token).await.unwrap().refresh_token;
    // The address has 20 attempts that cost no wait.
    for _ in made_up.len()..20 {
        assert!(is_unauthenticated(&refresh(&all.server, &format!("zona_refresh_{id}_wrong")).await.unwrap_err()));
    }
    let refused = refresh(&all.server, &newest).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::ResourceExhausted, "TOO_MANY_ATTEMPTS".to_owned()));
    all.known.clock.advance(Duration::from_secs(1));
    refresh(&all.server, &newest).await.unwrap();
}

#[tokio::test]
async fn an_earlier_refresh_token_ends_its_session_however_often_a_thief_went_on_meanwhile() {
    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::User).await;
    let stolen = sign_in(&all.server, "tenants/acme/users/ann", PASSWORD).await.unwrap();
    let mut theirs = stolen.refresh_token.clone();
    for _ in 0..500 {
        theirs = refresh(&all.server, &theirs).await.unwrap().refresh_token;
    }
    assert!(is_unauthenticated(&refresh(&all.server, &stolen.refresh_token).await.unwrap_err()));
    assert!(is_unauthenticated(&refresh(&all.server, &theirs).await.unwrap_err()), "the session has ended");
}

#[tokio::test]
async fn a_session_ends_in_time_however_often_it_is_refreshed() {
    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::User).await;
    let mut token = sign_in(&all.server, "tenants/acme/users/ann", PASSWORD).await.unwrap().refresh_token;
    for _ in 0..23 {
        all.known.clock.advance(Duration::from_secs(3_600));
        token = refresh(&all.server, &token).await.unwrap().refresh_token;
    }
    all.known.clock.advance(Duration::from_secs(3_600));
    assert!(is_unauthenticated(&refresh(&all.server, &token).await.unwrap_err()));
}
