//! The network between one of two servers and what both share is cut, in either way: connections break, or nothing passes any more and
//! nobody is told. The server that is cut off says so soon and comes back by itself; the other one goes on, with a tenant that the first
//! one was just changing as soon as the database gives that up.

use std::time::{Duration, Instant};

use api_proto::zona::{
    execution::v1::{TransformRequest, transform_result::Outcome},
    utility::v1::{CreateUtilityRequest, GetUtilityRequest, UpdateUtilityRequest, Utility},
};
use e2e::{
    installation::Installation,
    network::Network,
    rpc::{self, Client, TENANT},
};
use prost_types::FieldMask;
use tokio::time::sleep;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::steps::SHOUT;

/// A store is given up after two seconds, and a record of what is about to happen, which others may be written with, after four; the rest
/// is slack for a busy machine.
const REFUSED_WITHIN: Duration = Duration::from_secs(15);
/// A database gives up a transaction of which it hears nothing more after a minute; the rest is slack.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(90);
/// It is known within three seconds that something is missing, and within ten that it is back; the rest is slack.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// What one server is told the others know within a second; the rest is slack.
const TOLD_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// A way to break a network.
type Break = fn(&Network);

const BREAKS: [(&str, Break); 2] = [("cut", Network::cut), ("silent", Network::silence)];

async fn create(client: &Client, id: &str) -> Result<(), Status> {
    let utility = Some(Utility { code: SHOUT.to_owned(), ..Utility::default() });
    let request = CreateUtilityRequest { parent: TENANT.to_owned(), utility_id: id.to_owned(), utility, ..Default::default() };
    client.utilities.clone().create_utility(request).await.map(drop)
}

async fn code_of(client: &Client, id: &str) -> Result<String, Status> {
    let answer = client.utilities.clone().get_utility(GetUtilityRequest { name: rpc::utility(id) }).await;
    answer.map(|answer| answer.into_inner().code)
}

async fn transforms(client: &Client, id: &str) {
    let request = TransformRequest { name: rpc::utility(id), values_json: vec!["\"a\"".to_owned()], ..Default::default() };
    let answer = client.executions.clone().transform(request).await.expect("it is answered").into_inner();
    assert_eq!(answer.results[0].outcome, Some(Outcome::ResultJson("\"A!\"".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_cut_off_from_the_database_refuses_soon_and_comes_back_and_the_other_goes_on() {
    let installation = Installation::default();
    let network = Network::to(installation.database.port());
    let (cut_off, whole) = (installation.server_as_shipped_by("cut-off", network.port()), installation.server("whole", ""));
    let (lonely, other) = (Client::connect(&cut_off).await, Client::connect(&whole).await);
    create(&lonely, "before").await.expect("everything is there");
    for (how, breaks) in BREAKS {
        breaks(&network);
        let broken = Instant::now();
        for number in 0.. {
            let asked = Instant::now();
            match create(&lonely, &format!("{how}-lost-{number}")).await {
                // What was under way may still get through.
                Ok(()) => assert!(broken.elapsed() < KNOWN_WITHIN, "{how}: it goes on creating"),
                Err(status) => {
                    assert_eq!(status.code(), Code::Unavailable, "{how}: {status:?}");
                    assert!(status.get_details_retry_info().is_some(), "{how}: {status:?}");
                    assert!(asked.elapsed() < REFUSED_WITHIN, "{how}: refused after {:?}", asked.elapsed());
                    break;
                }
            }
        }
        // What the first one was just changing is held by a transaction that nobody ends.
        while let Err(status) = create(&other, &format!("{how}-kept")).await {
            // One of an earlier round may have been stored without an answer.
            if status.code() == Code::AlreadyExists {
                break;
            }
            assert_eq!(status.code(), Code::Unavailable, "{how}: {status:?}");
            assert!(broken.elapsed() < GIVEN_UP_WITHIN, "{how}: the other server does not go on: {status:?}");
            sleep(PAUSE).await;
        }
        transforms(&other, &format!("{how}-kept")).await;

        network.mend();
        let mended = Instant::now();
        while let Err(status) = create(&lonely, &format!("{how}-again")).await {
            // One of an earlier round may have been stored without an answer.
            if status.code() == Code::AlreadyExists {
                break;
            }
            assert_eq!(status.code(), Code::Unavailable, "{how}: {status:?}");
            assert!(mended.elapsed() < BACK_WITHIN, "{how}: it does not come back: {status:?}");
            sleep(PAUSE).await;
        }
        transforms(&lonely, &format!("{how}-kept")).await;
        assert_eq!(code_of(&other, &format!("{how}-again")).await.expect("what was created is there"), SHOUT);
    }
    whole.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_cut_off_from_redis_answers_as_before_and_no_older_than_a_second() {
    let installation = Installation::with_redis();
    let redis = installation.redis.as_ref().expect("it has one").port();
    let network = Network::to(redis);
    let cut_off = installation.server_by("cut-off", "", installation.database.port(), Some(network.port()));
    let whole = installation.server("whole", "");
    let (lonely, mut other) = (Client::connect(&cut_off).await, Client::connect(&whole).await);
    create(&lonely, "shout").await.expect("everything is there");
    let mut round = 0;
    for (how, breaks) in BREAKS {
        for mended in [false, true] {
            match mended {
                false => breaks(&network),
                true => network.mend(),
            }
            round += 1;
            let code = format!("{SHOUT}\n\n# {round}\n");
            let utility = Some(Utility { name: rpc::utility("shout"), code: code.clone(), ..Utility::default() });
            let update_mask = Some(FieldMask { paths: vec!["code".to_owned()] });
            let request = UpdateUtilityRequest { utility, update_mask, ..Default::default() };
            other.utilities.update_utility(request).await.expect("nobody needs Redis to change something");
            let changed = Instant::now();
            while code_of(&lonely, "shout").await.expect("nobody needs Redis to read") != code {
                assert!(changed.elapsed() < TOLD_WITHIN, "{how}, mended: {mended}: what was changed is not seen");
                sleep(PAUSE).await;
            }
            transforms(&lonely, "shout").await;
            create(&lonely, &format!("{how}-{mended}")).await.expect("nobody needs Redis to create");
        }
    }
    whole.stop();
}
