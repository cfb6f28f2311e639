//! What servers tell each other, and what they know where no message arrives.

use std::time::{Duration, Instant};

use domain::change::{ChangeListener as _, Changed};
use domain::utility::{Utility, UtilityRepository as _};
use test_support::sample::{at, change, creation, utility};
use test_support::{RedisServer, in_time};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::{World, config};
use crate::RedisConfig;

/// Bound of the promise, with slack for a busy machine: what is measured includes the reads.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_deleted_utility_is_gone_on_the_other_server_within_a_second_although_every_message_is_dropped() {
    let redis = RedisServer::start();
    // The second server hears nothing: all that is told to it is dropped.
    let world = World::new(&redis.url(), &[true, false]);
    let made = utility(&world.acme, "extract");
    let first = world.made_by(0);
    first.commit(&world.acme, creation(made.clone())).await.unwrap();
    assert_eq!(world.current(1, "extract").await, Some(made.clone()));
    let deletion = change(&made, Utility { deleted: Some(at(5)), ..made.clone() });
    first.commit(&world.acme, deletion.clone()).await.unwrap();
    let answered = Instant::now();
    world.until(async |world| world.current(1, "extract").await.as_ref() == Some(&deletion.utility)).await;
    assert!(answered.elapsed() < SOON, "{:?}", answered.elapsed());
    assert_eq!(world.nodes[1].cache.stats().news.heard, 0);
}

#[tokio::test]
async fn a_change_is_heard_of_on_the_other_server() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true, true]);
    world.until(async |world| world.nodes.iter().all(|node| node.cache.stats().news.missed >= 2)).await;
    let mut held = utility(&world.acme, "extract");
    let first = world.made_by(0);
    first.commit(&world.acme, creation(held.clone())).await.unwrap();
    world
        .until(async |world| {
            let next = change(&held, held.clone());
            first.commit(&world.acme, next.clone()).await.unwrap();
            held = next.utility;
            world.nodes[1].cache.stats().news.heard > 0
        })
        .await;
    assert_eq!(world.nodes[0].cache.stats().news.heard, 0, "nobody hears themselves");
}

#[tokio::test]
async fn behind_a_new_connection_everything_is_taken_to_have_changed() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    // Once at the start, and once connected.
    world.until(async |world| world.nodes[0].cache.stats().news.missed >= 2).await;
    assert_eq!(redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]), "1");
    world.until(async |world| world.nodes[0].cache.stats().news.missed >= 3).await;
    // And it hears again.
    world
        .until(async |world| {
            redis.command(&["PUBLISH", "zona:changes", "other utilities acme"]);
            world.nodes[0].cache.stats().news.heard > 0
        })
        .await;
}

#[tokio::test]
async fn who_reads_messages_too_slowly_takes_everything_to_have_changed() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[false]);
    let cache = world.nodes[0].cache.clone();
    let mut run = Box::pin(async move { cache.run().await });
    tokio::select! {
        () = &mut run => {}
        () = world.until(async |world| world.nodes[0].cache.stats().news.missed >= 2) => {}
    }
    let before = world.nodes[0].cache.stats().news;
    // Nobody reads meanwhile: far more messages come over the connection than wait to be read.
    let mut messages = world.nodes[0].cache.messages();
    let flood = "for i = 1, 5000 do redis.call('PUBLISH', 'zona:changes', 'other utilities acme') end return 'told'";
    assert_eq!(redis.command(&["EVAL", flood, "0"]), "told");
    in_time(async {
        let mut came = 0;
        while came < 5_000 {
            came += match messages.recv().await {
                Ok(_) => 1,
                Err(RecvError::Lagged(missed)) => missed,
                Err(RecvError::Closed) => panic!("it listens"),
            };
        }
    })
    .await;
    tokio::select! {
        () = &mut run => {}
        () = world.until(async |world| world.nodes[0].cache.stats().news.missed > before.missed) => {}
    }
}

#[tokio::test]
async fn what_others_say_that_is_not_understood_is_taken_for_everything() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    world.until(async |world| world.nodes[0].cache.stats().news.missed >= 2).await;
    for message in ["other newer acme", "other utilities ACME!", "nonsense"] {
        let before = world.nodes[0].cache.stats().news.missed;
        assert_eq!(redis.command(&["PUBLISH", "zona:changes", message]), "1");
        world.until(async |world| world.nodes[0].cache.stats().news.missed == before + 1).await;
    }
    assert_eq!(world.nodes[0].cache.stats().news.heard, 0);
}

#[tokio::test]
async fn what_another_server_has_changed_and_the_store_tells_of_is_not_told_again() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true, true]);
    let (first, mut held) = (world.made_by(0), utility(&world.acme, "extract"));
    first.commit(&world.acme, creation(held.clone())).await.unwrap();
    let mut made = 1;
    // Until both are connected, what is told is lost.
    world
        .until(async |world| {
            let next = change(&held, held.clone());
            first.commit(&world.acme, next.clone()).await.unwrap();
            (held, made) = (next.utility, made + 1);
            // As the store of a database does: each of its servers hears of it.
            for node in &world.nodes {
                let (tenant, id) = (held.name.tenant.clone(), held.name.utility.clone());
                node.cache.changed(&Changed::Utility { tenant, id }).await;
            }
            world.nodes[1].cache.stats().news.heard > 0
        })
        .await;
    let heard: Vec<u64> = world.nodes.iter().map(|node| node.cache.stats().news.heard).collect();
    assert!(heard[0] == 0 && heard[1] <= made, "only who makes a change tells of it, once: {heard:?} of {made}");
}

#[tokio::test]
async fn who_may_not_hear_says_so_and_hears_once_that_is_permitted() {
    // The first user may neither speak nor hear there, the second one speaks.
    for (forbidden, permitted) in [("resetchannels", "&zona:*"), ("-subscribe", "+subscribe")] {
        let redis = RedisServer::start();
        let user = ["ACL", "SETUSER", "zona", "on", ">word", "~zona:*", "&zona:*", "+@all", forbidden];
        assert_eq!(redis.command(&user), "OK");
        let narrow =
            RedisConfig { user: Some("zona".to_owned()), password: Some(Zeroizing::new("word".to_owned())), ..config(&redis.url()) };
        let world = World::on(&narrow, &[true]);
        let news = || world.nodes[0].cache.stats().news;
        world.until(async |_| news().is_deaf).await;
        // What hears anew has missed something.
        let missed = news().missed;
        assert_eq!(redis.command(&["ACL", "SETUSER", "zona", permitted]), "OK");
        world.until(async |_| !news().is_deaf && news().missed > missed).await;
        redis.command(&["PUBLISH", "zona:changes", "other utilities acme"]);
        world.until(async |_| news().heard > 0).await;
    }
}

#[tokio::test]
async fn a_connection_that_was_cut_without_a_word_is_noticed_and_made_anew() {
    let redis = RedisServer::start();
    let (network, cut) = network_to(redis.port()).await;
    let world = World::on(&config(&format!("redis://127.0.0.1:{network}")), &[true]);
    let news = || world.nodes[0].cache.stats().news;
    world.until(async |_| news().missed >= 2).await;
    // What is connected by now stays so, and nothing passes on it any more.
    cut.send_modify(|cut| *cut += 1);
    world.until(async |_| news().is_deaf).await;
    world.until(async |_| !news().is_deaf).await;
    redis.command(&["PUBLISH", "zona:changes", "other utilities acme"]);
    world.until(async |_| news().heard > 0).await;
}

/// A way to a port, of which each connection passes nothing on from the next cut that follows it.
async fn network_to(port: u16) -> (u16, watch::Sender<u32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let (cut, seen) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut seen = seen.clone();
            seen.mark_unchanged();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let is_cut = tokio::select! {
                    _ = copy_bidirectional(&mut near, &mut far) => false,
                    changed = seen.changed() => changed.is_ok(),
                };
                if is_cut {
                    // Held open, by both ends.
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    (own, cut)
}

#[tokio::test]
async fn a_server_that_hears_is_not_taken_for_a_deaf_one() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    let cache = &world.nodes[0].cache;
    world.until(async |_| cache.stats().news.missed >= 2).await;
    // Others speak on its channel, too.
    let channel = redis.command(&["EVAL", "return redis.call('PUBSUB', 'CHANNELS', '*:echo:*')[1]", "0"]);
    for other in ["1000", "nonsense", ""] {
        assert_eq!(redis.command(&["PUBLISH", &channel, other]), "1");
    }
    world.until(async |_| cache.echoed() >= 2).await;
    assert_eq!((cache.stats().news.is_deaf, cache.stats().news.heard, cache.echoed() < 1_000), (false, 0, true));
}

#[tokio::test]
async fn who_may_not_speak_at_all_is_not_taken_for_deaf_and_hears() {
    let redis = RedisServer::start();
    assert_eq!(redis.command(&["ACL", "SETUSER", "zona", "on", ">word", "~zona:*", "&zona:*", "+@all", "-publish"]), "OK");
    let mute = RedisConfig { user: Some("zona".to_owned()), password: Some(Zeroizing::new("word".to_owned())), ..config(&redis.url()) };
    let world = World::on(&mute, &[true]);
    let news = || world.nodes[0].cache.stats().news;
    world.until(async |_| news().missed >= 2).await;
    // It has tried to speak.
    let refused = || {
        let stats = redis.command(&["INFO", "commandstats"]);
        let publish = stats.lines().find_map(|line| line.strip_prefix("cmdstat_publish:")).unwrap_or_default();
        publish.contains("rejected_calls=") && !publish.contains("rejected_calls=0")
    };
    world.until(async |_| refused()).await;
    redis.command(&["PUBLISH", "zona:changes", "other utilities acme"]);
    world.until(async |_| news().heard > 0).await;
    assert!(!news().is_deaf);
}
