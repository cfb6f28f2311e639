//! Tokens of outside issuers: what the store says of their users counts more than what they say, also after it has forgotten them.

use std::time::Duration;

use api_proto::zona::identity::v1 as pb;
use domain::identity::{Issuer, MAX_EXTERNAL_TOKEN_LIFE, Role, VerifiedToken};
use domain::name::PrincipalName;
use domain::time::Clock as _;

use crate::identity::{Installation, is_unauthenticated, shown, who};

const ANN: &str = "tenants/acme/users/ann";
const SECOND: Duration = Duration::from_secs(1);

/// Has an outside issuer issue a token to ann now.
fn issue(all: &Installation, text: &str) {
    all.known.tokens.trust(text, external(all));
}

fn external(all: &Installation) -> VerifiedToken {
    let issued = all.known.clock.now();
    VerifiedToken {
        issuer: Issuer::External("https://id.example".into()),
        principal: PrincipalName::parse("name", ANN).unwrap(),
        session: None,
        role: Some(Role::Creator),
        issued,
        expires: issued.plus(MAX_EXTERNAL_TOKEN_LIFE),
        id: String::new(),
    }
}

async fn is_accepted(all: &Installation, token: &str) -> bool {
    match who(&all.server, token).await {
        Ok(me) => me.principal == ANN,
        Err(refused) if is_unauthenticated(&refused) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_an_issuer_issues_to_who_was_erased_or_to_what_stands_for_them_is_void_for_good() {
    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::User).await;
    issue(&all, "before");
    assert!(is_accepted(&all, "before").await);
    let request = pb::EraseSubjectRequest { name: ANN.to_owned(), ..Default::default() };
    let erased = all.server.identity.clone().erase_subject(shown(&all.root, request)).await.unwrap().into_inner().name;
    assert!(!is_accepted(&all, "before").await);
    all.known.clock.advance(MAX_EXTERNAL_TOKEN_LIFE * 3);
    issue(&all, "much later");
    assert!(!is_accepted(&all, "much later").await);
    let token = VerifiedToken { principal: PrincipalName::parse("name", &erased).unwrap(), ..external(&all) };
    all.known.tokens.trust("of the dead", token);
    assert!(is_unauthenticated(&who(&all.server, "of the dead").await.unwrap_err()));
}

#[tokio::test]
async fn deleting_a_user_gives_back_nothing_that_disabling_had_taken() {
    let all = Installation::new().await;
    issue(&all, "of a stranger");
    assert!(is_accepted(&all, "of a stranger").await, "the issuer says which role strangers have");
    all.known.clock.advance(SECOND);
    let ann = all.user("acme", "ann", pb::Role::User).await;
    all.known.clock.advance(SECOND);
    issue(&all, "before");
    assert!(is_accepted(&all, "before").await);

    let disabled = pb::User { state: pb::PrincipalState::Disabled.into(), ..ann.clone() };
    all.update(&all.root, disabled, &["state"], "").await.unwrap();
    assert!(!is_accepted(&all, "before").await);
    all.known.clock.advance(SECOND);
    issue(&all, "while disabled");
    assert!(!is_accepted(&all, "while disabled").await);
    all.known.clock.advance(SECOND);
    let delete = pb::DeleteUserRequest { name: ANN.to_owned(), ..Default::default() };
    all.server.identity.clone().delete_user(shown(&all.root, delete)).await.unwrap();
    for token in ["of a stranger", "before", "while disabled"] {
        assert!(!is_accepted(&all, token).await, "{token}");
    }
    all.known.clock.advance(SECOND);
    issue(&all, "after");
    assert!(is_accepted(&all, "after").await, "she is a stranger again");
}
