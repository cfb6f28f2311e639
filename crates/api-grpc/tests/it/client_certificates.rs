//! Clients that prove by the certificate of their connection which service account they are.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::identity::v1 as pb;
use api_proto::zona::utility::v1 as utilities;
use domain::access::LoopbackAuthenticator;
use domain::identity::CertificateNames;
use domain::name::PrincipalName;
use executions::execution_service_client::ExecutionServiceClient;
use pb::identity_service_client::IdentityServiceClient;
use rcgen::{CertificateParams, SanType};
use test_support::{FakeClock, in_time};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use utilities::utility_service_client::UtilityServiceClient;

use crate::encrypted::{Place, authority, channel};
use crate::harness::{Harness, Known, LOCAL, Options};
use crate::identity::{Installation, RoleRules, is_unauthenticated, shown};

const CI: &str = "tenants/demo/serviceAccounts/ci";
const CI_URI: &str = "zona://tenants/demo/serviceAccounts/ci";
const GIVEN_URI: &str = "spiffe://example.org/ci";

/// A server of TLS that also lets in whoever comes over the loopback interface, and the accounts `ci` and `other`.
struct World {
    place: Place,
    tls: Arc<tls::Server>,
    all: Installation,
}

impl World {
    async fn new() -> Self {
        let (place, known) = (Place::new(), Arc::new(Known::new()));
        let given = CertificateNames::new([(GIVEN_URI.to_owned(), PrincipalName::parse("account", CI).unwrap())]);
        let local = LoopbackAuthenticator::new(PrincipalName::parse("principal", LOCAL).unwrap());
        let (tls, client) = (place.server(), place.client());
        let options = Options {
            authenticator: Some(Arc::new(known.authentication(given, Some(Arc::new(local))))),
            known: Some(known.clone()),
            rules: Some(Arc::new(RoleRules)),
            tls: Some((tls.clone(), client)),
            ..Options::default()
        };
        let all = Installation::on(known.clone(), Harness::with(options).await).await;
        all.account("demo", "ci", pb::Role::Creator).await;
        all.account("demo", "other", pb::Role::User).await;
        World { place, tls, all }
    }

    /// A channel whose client shows a certificate with these URIs.
    fn naming(&self, uris: &[&str]) -> Channel {
        self.showing(naming(uris))
    }

    fn showing(&self, params: CertificateParams) -> Channel {
        self.place.showing(&self.all.server, &self.place.authority, params)
    }

    /// The time of the server, by which its principals are kept.
    fn now(&self) -> SystemTime {
        use domain::time::Clock as _;
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.all.known.clock.now().as_millis())
    }
}

fn naming(uris: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    params
}

async fn who(channel: &Channel, request: Request<pb::WhoAmIRequest>) -> Result<pb::WhoAmIResponse, Status> {
    Ok(IdentityServiceClient::new(channel.clone()).who_am_i(request).await?.into_inner())
}

async fn known_as(channel: &Channel) -> Result<String, Status> {
    Ok(who(channel, Request::new(pb::WhoAmIRequest {})).await?.principal)
}

#[tokio::test]
async fn a_certificate_proves_the_service_account_that_it_names() {
    let world = World::new().await;
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    for uri in [CI_URI, GIVEN_URI] {
        let mut params = naming(&[uri]);
        params.not_after = expires.into();
        let me = who(&world.showing(params), Request::new(pb::WhoAmIRequest {})).await.unwrap();
        assert_eq!((me.principal.as_str(), me.role(), me.credential()), (CI, pb::Role::Creator, pb::CredentialKind::Certificate), "{uri}");
        assert_eq!(me.expire_time.map(|time| time.seconds), Some(4_000_000_000));
        assert_eq!((me.session.as_str(), me.api_key.as_str()), ("", ""));
    }
}

#[tokio::test]
async fn on_the_port_for_browsers_a_certificate_counts_and_to_come_from_here_does_not() {
    let mut world = World::new().await;
    assert_eq!(known_as(&world.all.server.channel).await.unwrap(), LOCAL, "elsewhere it does");
    let address = world.all.server.serve_web().await;
    let showing = |uris: &[&str]| world.place.showing_at(address, &world.place.authority, naming(uris));
    assert_eq!(known_as(&showing(&[CI_URI])).await.unwrap(), CI);
    assert!(is_unauthenticated(&known_as(&showing(&[])).await.expect_err("it names nobody")));
    let without = channel(address, world.place.client()).await.unwrap();
    assert_eq!(known_as(&without).await.expect_err("it shows nothing").code(), Code::PermissionDenied);
}

#[tokio::test]
async fn what_a_call_shows_goes_before_the_certificate_right_or_wrong() {
    let world = World::new().await;
    let channel = world.naming(&[CI_URI]);
    let key = world.all.key("tenants/demo/serviceAccounts/other").await.secret;
    let me = who(&channel, shown(&key, pb::WhoAmIRequest {})).await.unwrap();
    assert_eq!((me.principal.as_str(), me.credential()), ("tenants/demo/serviceAccounts/other", pb::CredentialKind::ApiKey));
    let unreadable = MetadataValue::try_from(&b"Bearer \xff"[..]).unwrap();
    for wrong in ["Bearer zona_key_x", "Bearer ", "Basic abc", ""].map(|text| text.parse().unwrap()).into_iter().chain([unreadable]) {
        let mut request = Request::new(pb::WhoAmIRequest {});
        request.metadata_mut().insert("authorization", wrong.clone());
        let refused = who(&channel, request).await.expect_err("it is wrong");
        assert!(is_unauthenticated(&refused), "{wrong:?}: {refused:?}");
    }
    assert_eq!(known_as(&channel).await.unwrap(), CI, "the certificate is as good as before");
}

#[tokio::test]
async fn a_certificate_of_nobody_is_refused_and_not_taken_for_none() {
    let world = World::new().await;
    world.all.user("demo", "ann", pb::Role::Admin).await;
    assert_eq!(known_as(&world.all.server.channel).await.unwrap(), LOCAL, "who shows none is let in");
    let nobodies: [&[&str]; 6] = [
        &[],
        &["zona://tenants/demo/serviceAccounts/absent"],
        &["zona://tenants/demo/users/ann"],
        &["spiffe://example.org/other"],
        &["https://example.org"],
        &[CI_URI, GIVEN_URI],
    ];
    for uris in nobodies {
        let refused = known_as(&world.naming(uris)).await.expect_err("it names nobody");
        assert!(is_unauthenticated(&refused), "{uris:?}: {refused:?}");
    }
}

#[tokio::test]
async fn certificates_of_strangers_and_of_the_past_open_no_connection() {
    let world = World::new().await;
    let mut past = naming(&[CI_URI]);
    past.not_after = (SystemTime::now() - Duration::from_secs(60)).into();
    let stranger = world.place.showing(&world.all.server, &authority(), naming(&[CI_URI]));
    for channel in [world.showing(past), stranger] {
        let refused = known_as(&channel).await.expect_err("it is not let in");
        assert_ne!(refused.code(), tonic::Code::Unauthenticated, "no call is made: {refused:?}");
    }
}

#[tokio::test]
async fn a_certificate_is_void_once_its_account_is_revoked_and_a_later_one_is_good() {
    let world = World::new().await;
    let old = world.naming(&[CI_URI]);
    assert_eq!(known_as(&old).await.unwrap(), CI);
    world.all.revoke(&world.all.root, CI).await.unwrap();
    assert!(is_unauthenticated(&known_as(&old).await.unwrap_err()), "on the connection that is open, too");
    assert!(is_unauthenticated(&known_as(&world.naming(&[CI_URI])).await.unwrap_err()));
    world.all.known.clock.advance(Duration::from_secs(60));
    let mut later = naming(&[CI_URI]);
    later.not_before = (world.now() - Duration::from_secs(1)).into();
    assert_eq!(known_as(&world.showing(later)).await.unwrap(), CI);
}

#[tokio::test]
async fn a_certificate_is_void_once_its_account_is_deleted() {
    let world = World::new().await;
    let channel = world.naming(&[CI_URI]);
    assert_eq!(known_as(&channel).await.unwrap(), CI);
    let request = pb::DeleteServiceAccountRequest { name: CI.to_owned(), ..Default::default() };
    world.all.server.identity.clone().delete_service_account(shown(&world.all.root, request)).await.unwrap();
    assert!(is_unauthenticated(&known_as(&channel).await.unwrap_err()));
}

#[tokio::test]
async fn what_was_issued_to_a_deleted_account_is_not_the_next_ones_of_its_name() {
    let world = World::new().await;
    let stolen = world.naming(&[CI_URI]);
    assert_eq!(known_as(&stolen).await.unwrap(), CI);
    world.all.revoke(&world.all.root, CI).await.unwrap();
    let request = pb::DeleteServiceAccountRequest { name: CI.to_owned(), ..Default::default() };
    world.all.server.identity.clone().delete_service_account(shown(&world.all.root, request)).await.unwrap();
    world.all.account("demo", "ci", pb::Role::Creator).await;
    for _ in 0..2 {
        assert!(is_unauthenticated(&known_as(&stolen).await.unwrap_err()));
        assert!(is_unauthenticated(&known_as(&world.naming(&[CI_URI])).await.unwrap_err()));
        world.all.known.clock.advance(Duration::from_secs(60));
    }
    let mut fresh = naming(&[CI_URI]);
    fresh.not_before = (world.now() - Duration::from_secs(1)).into();
    assert_eq!(known_as(&world.showing(fresh)).await.unwrap(), CI);
}

#[tokio::test]
async fn a_certificate_that_ends_while_its_connection_is_open_proves_nothing_any_more() {
    let world = World::new().await;
    let mut params = naming(&[CI_URI]);
    params.not_after = (SystemTime::now() + Duration::from_secs(3_600)).into();
    let channel = world.showing(params);
    assert_eq!(known_as(&channel).await.unwrap(), CI);
    let years = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + Duration::from_secs(7_200);
    world.all.known.clock.advance(years.saturating_sub(Duration::from_millis(FakeClock::START.as_millis())));
    assert!(is_unauthenticated(&known_as(&channel).await.unwrap_err()));
}

/// A run that lasts, seen by whoever shows this certificate.
async fn lasting(channel: &Channel) -> tonic::Streaming<executions::ExecutionEvent> {
    let create = utilities::CreateUtilityRequest {
        parent: "tenants/demo".to_owned(),
        utility_id: "waits".to_owned(),
        utility: Some(utilities::Utility { code: "def main():\n    #: wait\n".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    let name = UtilityServiceClient::new(channel.clone()).create_utility(create).await.unwrap().into_inner().name;
    let run = executions::ExecuteUtilityRequest { name, ..Default::default() };
    let mut events = ExecutionServiceClient::new(channel.clone()).execute_utility(run).await.unwrap().into_inner();
    in_time(events.message()).await.unwrap().expect("it has begun");
    events
}

/// Why it ended.
async fn ended(world: &World, mut events: tonic::Streaming<executions::ExecutionEvent>) -> Status {
    in_time(async {
        loop {
            world.all.known.clock.advance(Duration::from_millis(500));
            match tokio::time::timeout(Duration::from_millis(50), events.message()).await {
                Ok(Ok(Some(_))) | Err(_) => {}
                Ok(Ok(None)) => panic!("the stream ended as if nothing had happened"),
                Ok(Err(status)) => return status,
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_stream_ends_once_the_account_of_its_certificate_is_revoked() {
    let world = World::new().await;
    let events = lasting(&world.naming(&[CI_URI])).await;
    world.all.revoke(&world.all.root, CI).await.unwrap();
    let status = ended(&world, events).await;
    assert!(is_unauthenticated(&status), "{status:?}");
}

#[tokio::test]
async fn calls_and_streams_end_once_nobody_who_is_believed_has_signed_for_the_certificate() {
    let world = World::new().await;
    let channel = world.naming(&[CI_URI]);
    let events = lasting(&channel).await;
    world.place.believes(&authority());
    assert!(world.tls.reload().unwrap());
    assert!(is_unauthenticated(&known_as(&channel).await.unwrap_err()), "on the connection that is open");
    let status = ended(&world, events).await;
    assert!(is_unauthenticated(&status), "{status:?}");
}
