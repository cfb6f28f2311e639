//! How the Docker Engine really behaves, where a good guess is wrong or our code depends on it. Measured with Engine 20.10.24.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use orchestrator::engine::{Engine as _, Error, Instance, NetworkOrder, Order, Phase, Reported, VolumeOrder};
use process::service::{Health, Port, Probe, Protocol, Resources, Storage};

use crate::support::{Installation, PATIENCE, docker, image, order};

/// A daemon with a network, and what is created in it.
struct Daemon {
    installation: Installation,
}

// === impl Daemon ===

impl Daemon {
    async fn new() -> Self {
        image("1");
        let daemon = Daemon { installation: Installation::new() };
        let name = format!("zona-{}", daemon.installation.scope);
        daemon.installation.engine.network(&NetworkOrder { name, internal: false }).await.unwrap();
        daemon
    }

    fn order(&self, name: &str, command: &str) -> Order {
        let text = format!(
            "{{name: shop, services: [{{name: {name}, context: {{image: 'zona-orchestrator-test:1', command: [{command}], stop_grace: 2s}}}}]}}"
        );
        order(&self.installation.scope, &text)
    }

    async fn start(&self, order: &Order) -> Result<String, Error> {
        let id = self.installation.engine.create(order).await?;
        self.installation.engine.start(&id).await?;
        Ok(id)
    }

    async fn look(&self, id: &str) -> Instance {
        let listed = self.installation.engine.list().await.unwrap();
        listed.into_iter().find(|instance| instance.id == id).expect("it is there")
    }

    async fn until(&self, id: &str, fits: impl Fn(&Instance) -> bool) -> Instance {
        let begun = std::time::Instant::now();
        loop {
            let instance = self.look(id).await;
            if fits(&instance) {
                return instance;
            }
            assert!(begun.elapsed() < PATIENCE, "{instance:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks the service under test, once it listens.
    async fn page(&self, address: IpAddr, path: &str) -> (u16, String) {
        let begun = std::time::Instant::now();
        loop {
            let path = path.to_owned();
            let asked = tokio::task::spawn_blocking(move || get(address, 80, &path)).await.unwrap();
            match asked {
                Some(answer) => return answer,
                None => assert!(begun.elapsed() < PATIENCE, "nobody answers at {address}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub fn get(address: IpAddr, port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&(address, port).into(), Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").ok()?;
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// A port of the host that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_our_name_and_is_somebody_elses_is_refused_and_left_alone() {
    let daemon = Daemon::new().await;
    let (order, volume) = (daemon.order("web", ""), VolumeOrder { name: format!("zona-{}.data", daemon.installation.scope) });
    // Another installation on this engine, and somebody who is none.
    for label in ["zona.ps.scope=another", "zona.ps.service=web"] {
        let made = docker(&["create", "--name", &order.name, "--label", label, "zona-orchestrator-test:1"]);
        docker(&["volume", "create", "--label", label, &volume.name]);
        let refused = [daemon.installation.engine.create(&order).await.map(drop), daemon.installation.engine.volume(&volume).await];
        for refused in refused {
            assert!(matches!(&refused, Err(Error::Refused(why)) if why.contains("not of this installation")), "{refused:?}");
        }
        assert!(daemon.installation.engine.list().await.unwrap().is_empty(), "it is not adopted");
        assert_eq!(docker(&["inspect", "--format", "{{.State.Status}}", &made]), "created", "it is left as it is");
        docker(&["rm", &made]);
        docker(&["volume", "rm", &volume.name]);
    }
    daemon.installation.engine.volume(&volume).await.unwrap();
    daemon.start(&order).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_port_is_reached_and_a_taken_one_fails_at_the_start() {
    let daemon = Daemon::new().await;
    let port = Port { target: 80, published: Some(free_port()), protocol: Protocol::Tcp };
    let first = daemon.start(&Order { ports: vec![port], ..daemon.order("first", "") }).await.unwrap();
    let instance = daemon.look(&first).await;
    assert_eq!(instance.published, [(port.published.unwrap(), Protocol::Tcp)]);
    daemon.page(instance.address.unwrap(), "/healthz").await;
    let through = tokio::task::spawn_blocking(move || get(LOCAL, port.published.unwrap(), "/healthz")).await.unwrap();
    assert_eq!(through.map(|(status, _)| status), Some(200));

    let second = Order { ports: vec![port], ..daemon.order("second", "") };
    let id = daemon.installation.engine.create(&second).await.expect("nobody looks at the port before the start");
    assert!(matches!(daemon.installation.engine.start(&id).await, Err(Error::Refused(_))));
    assert!(matches!(daemon.look(&id).await.phase, Phase::Unstartable(why) if why.contains("port")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_run_is_not_unhealthy_whatever_the_daemon_says() {
    let daemon = Daemon::new().await;
    let health = Health {
        probe: Probe::Image,
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        retries: 1,
        start_period: Duration::ZERO,
    };
    let mut order = Order { image: image("checked"), image_health: true, ..daemon.order("web", "--end-after, '0', '0'") };
    order.identity.health = Some(health);
    let id = daemon.start(&order).await.unwrap();
    let ended = daemon.until(&id, |instance| !instance.is_running()).await;
    assert!(matches!(ended.phase, Phase::Ended { code: 0, .. }), "{ended:#?}");
    assert_eq!(docker(&["inspect", "--format", "{{.State.Health.Status}}", &id]), "unhealthy");

    // Of what runs, the daemon's word counts.
    let mut order = Order { command: Vec::new(), ..order };
    order.identity.slot = 2;
    order.name = order.identity.name(&daemon.installation.scope);
    let id = daemon.start(&order).await.unwrap();
    daemon.until(&id, |instance| instance.phase == Phase::Running(Some(Reported::Healthy))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_images_own_check_does_not_run_where_another_was_chosen() {
    let daemon = Daemon::new().await;
    let id = daemon.start(&Order { image: image("checked"), ..daemon.order("web", "") }).await.unwrap();
    assert_eq!(daemon.look(&id).await.phase, Phase::Running(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_outlasts_the_moment_in_which_its_container_begins_to_serve() {
    let daemon = Daemon::new().await;
    let id = daemon.start(&Order { serving: false, ..daemon.order("web", "") }).await.unwrap();
    let before = daemon.look(&id).await;
    daemon.page(before.address.unwrap(), "/healthz").await;
    let mut stream = TcpStream::connect((before.address.unwrap(), 80)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut echo = BufReader::new(stream.try_clone().unwrap());
    let mut say = move |text: &str| {
        stream.write_all(text.as_bytes()).unwrap();
        let mut heard = String::new();
        echo.read_line(&mut heard).unwrap();
        assert_eq!(heard, text);
    };
    say("before\n");
    daemon.installation.engine.serve(&id, true).await.unwrap();
    let after = daemon.look(&id).await;
    assert!(after.serving);
    assert_eq!(after.address, before.address);
    tokio::task::spawn_blocking(move || say("after\n")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_find_by_the_services_name_only_what_serves() {
    let daemon = Daemon::new().await;
    let caller = daemon.start(&daemon.order("caller", "")).await.unwrap();
    let caller = daemon.look(&caller).await.address.unwrap();
    let old = daemon.start(&daemon.order("web", "")).await.unwrap();
    let mut order = Order { serving: false, ..daemon.order("web", "") };
    order.identity.slot = 2;
    order.name = order.identity.name(&daemon.installation.scope);
    let new = daemon.start(&order).await.unwrap();
    daemon.page(daemon.look(&old).await.address.unwrap(), "/healthz").await;
    daemon.page(daemon.look(&new).await.address.unwrap(), "/healthz").await;
    for _ in 0..5 {
        assert_eq!(daemon.page(caller, "/ask?web:80").await, (200, old[..12].to_owned()));
    }
    daemon.installation.engine.serve(&new, true).await.unwrap();
    daemon.installation.engine.serve(&old, false).await.unwrap();
    for _ in 0..5 {
        assert_eq!(daemon.page(caller, "/ask?web:80").await, (200, new[..12].to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn configs_and_secrets_are_files_that_any_user_reads_and_no_variable() {
    let daemon = Daemon::new().await;
    let file = |target: &str, content: &str| orchestrator::engine::File { target: target.to_owned(), content: content.into() };
    let order = Order {
        user: Some("1234:1234".to_owned()),
        command: vec!["--port".to_owned(), "8080".to_owned()],
        environment: vec![("LEVEL".to_owned(), "in = fo".to_owned())],
        files: vec![file("/etc/shop/settings.toml", "currency = \"EUR\""), file("/run/secrets/password", "hunter2")],
        ..daemon.order("web", "")
    };
    let id = daemon.start(&order).await.unwrap();
    let address = daemon.look(&id).await.address.unwrap();
    let page = async |path: &'static str| {
        let begun = std::time::Instant::now();
        loop {
            if let Some(answer) = tokio::task::spawn_blocking(move || get(address, 8080, path)).await.unwrap() {
                return answer;
            }
            assert!(begun.elapsed() < PATIENCE);
        }
    };
    assert_eq!(page("/file?/etc/shop/settings.toml").await, (200, "currency = \"EUR\"".to_owned()));
    assert_eq!(page("/file?/run/secrets/password").await, (200, "hunter2".to_owned()));
    let (_, environment) = page("/environment").await;
    assert!(environment.contains("LEVEL=in = fo\n") && !environment.contains("hunter2"), "{environment}");
    assert!(!docker(&["inspect", &id]).contains("hunter2"), "nothing that the daemon tells of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_a_container_that_cannot_be_handed_its_files() {
    let daemon = Daemon::new().await;
    // Below the program itself, which is no directory.
    let files = vec![orchestrator::engine::File { target: "/service/below".to_owned(), content: b"x".to_vec() }];
    let order = Order { files, ..daemon.order("web", "") };
    let refused = daemon.installation.engine.create(&order).await.unwrap_err();
    assert!(!matches!(refused, Error::Taken(_)), "{refused:?}");
    assert!(daemon.installation.engine.list().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_hangs_is_joined_by_no_other_until_it_has_ended() {
    let daemon = Daemon::new().await;
    let id = daemon.start(&daemon.order("web", "")).await.unwrap();
    let engine = &daemon.installation.engine;
    let hanging = ["/service", "--end-after", "8000", "0"].map(str::to_owned);
    let probe = ["/service", "--probe", "80"].map(str::to_owned);
    assert!(matches!(engine.run(&id, &hanging, Duration::from_secs(3)).await, Err(Error::Unavailable(_))));
    assert!(matches!(engine.run(&id, &probe, PATIENCE).await, Err(Error::Refused(why)) if why.contains("has not ended")));
    let begun = std::time::Instant::now();
    while engine.run(&id, &probe, PATIENCE).await != Ok(0) {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storage_is_what_was_asked_for() {
    let daemon = Daemon::new().await;
    let volume = VolumeOrder { name: format!("zona-{}.data", daemon.installation.scope) };
    daemon.installation.engine.volume(&volume).await.unwrap();
    daemon.installation.engine.volume(&volume).await.unwrap();
    let host = tempfile::tempdir().unwrap();
    let mount = |source, target: &str, read_only| orchestrator::engine::Mount { source, target: target.to_owned(), read_only };
    let directory = host.path().display().to_string();
    let order = Order {
        mounts: vec![
            mount(Storage::Volume(volume.name.clone()), "/data", false),
            mount(Storage::Host(directory.clone()), "/host", true),
            mount(Storage::Memory, "/memory", false),
        ],
        ..daemon.order("web", "")
    };
    let id = daemon.start(&order).await.unwrap();
    let address = daemon.look(&id).await.address.unwrap();
    assert_eq!(daemon.page(address, "/write?/data/x").await.0, 200);
    assert_eq!(daemon.page(address, "/write?/memory/x").await.0, 200);
    assert_eq!(daemon.page(address, "/write?/host/x").await.0, 403);
    // What a volume holds outlasts its containers.
    daemon.installation.engine.remove(&id).await.unwrap();
    let id = daemon.start(&order).await.unwrap();
    let address = daemon.look(&id).await.address.unwrap();
    assert_eq!(daemon.page(address, "/file?/data/x").await, (200, "written".to_owned()));
    daemon.installation.engine.remove(&id).await.unwrap();

    let absent = Order { mounts: vec![mount(Storage::Host("/zona/absent".to_owned()), "/x", true)], ..order };
    assert!(matches!(daemon.installation.engine.create(&absent).await, Err(Error::Refused(_))), "no directory is made up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_swapped_and_limits_are_those_of_the_order() {
    let daemon = Daemon::new().await;
    let resources = Resources { memory: Some(32 << 20), memory_reserved: Some(16 << 20), milli_processors: Some(250) };
    let id = daemon.start(&Order { resources, ..daemon.order("web", "") }).await.unwrap();
    let limits = docker(&["inspect", "--format", "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}}", &id]);
    assert_eq!(limits, format!("{0} {0} 250000000", 32 << 20));
    assert_eq!(daemon.look(&id).await.changeable.resources, resources);
    docker(&["update", "--memory", "48m", "--memory-swap", "48m", &id]);
    assert_eq!(daemon.look(&id).await.changeable.resources.memory, Some(48 << 20), "what a person changes is seen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_of_another_installation_are_not_seen() {
    let (one, other) = (Daemon::new().await, Daemon::new().await);
    one.start(&one.order("web", "")).await.unwrap();
    assert_eq!(one.installation.engine.list().await.unwrap().len(), 1);
    assert!(other.installation.engine.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("docker.sock");
    let engine = orchestrator::docker::DockerEngine::new(orchestrator::docker::Config { socket, scope: "t".to_owned() });
    assert!(matches!(engine.check().await, Err(Error::Unavailable(why)) if why.contains("docker.sock")));
}
