//! An engine in memory. Its containers understand the arguments of the service under test, and live by the runtime's clock, so that half an
//! hour passes in a moment where a test lets it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::time::{Clock as _, Timestamp};
use futures_util::StreamExt as _;
use orchestrator::engine::{Change, Changeable, Engine, Error, Feed, Instance, Line, LogAsk, NetworkOrder, Order, Phase, VolumeOrder};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use crate::support::RuntimeClock;

/// Changes that nobody has heard yet.
const UNHEARD: usize = 1_024;

pub struct InMemoryEngine {
    clock: Arc<RuntimeClock>,
    state: Mutex<State>,
    changes: broadcast::Sender<Change>,
}

#[derive(Default)]
struct State {
    containers: BTreeMap<String, Container>,
    /// Whether each is internal, by name.
    networks: BTreeMap<String, bool>,
    volumes: BTreeSet<String>,
    count: usize,
    /// Whether no program is found any more.
    lost: bool,
    /// Whether the next creation ends half way, and nobody hears of it.
    breaks: bool,
    /// Whether limits of memory are left out of what is created.
    is_unlimited: bool,
    /// Whether it says nothing of what runs any more once an image was asked for, and whether it has come to that.
    falls_silent: bool,
    is_silent: bool,
    /// The fewest that were available after any call, by service.
    lowest: BTreeMap<String, usize>,
}

#[derive(Clone)]
struct Container {
    order: Order,
    serving: bool,
    life: Life,
    resources: process::service::Resources,
}

#[derive(Clone, PartialEq)]
enum Life {
    Created,
    Started(Timestamp),
    Stopped(Timestamp),
    Unstartable,
}

// === impl Container ===

impl Container {
    /// The value behind an argument.
    fn word(&self, name: &str, behind: usize) -> Option<&str> {
        let words = &self.order.command;
        let place = words.iter().position(|word| word == name)?;
        words.get(place + behind).map(String::as_str)
    }

    fn time(&self, name: &str) -> Option<Duration> {
        self.word(name, 1)?.parse().ok().map(Duration::from_millis)
    }

    /// When it ends by itself after its start, and with what.
    fn end(&self) -> Option<(Duration, i64)> {
        if self.order.image.ends_with(":bad") {
            return Some((Duration::ZERO, 1));
        }
        let end = self.time("--end-after").and_then(|after| Some((after, self.word("--end-after", 2)?.parse().ok()?)));
        end.or_else(|| self.time("--crash-after").map(|after| (after, 3)))
    }

    fn phase(&self, now: Timestamp) -> Phase {
        match self.life {
            Life::Created => Phase::Created,
            Life::Unstartable => Phase::Unstartable("the program is not there".to_owned()),
            Life::Stopped(at) => Phase::Ended { code: 143, at, out_of_memory: false },
            Life::Started(started) => match self.end().filter(|(after, _)| now.since(started) >= *after) {
                Some((after, code)) => Phase::Ended { code, at: started.plus(after), out_of_memory: false },
                None => Phase::Running(None),
            },
        }
    }

    fn is_ready(&self, now: Timestamp) -> bool {
        let Life::Started(started) = self.life else { return false };
        let ready = self.time("--ready-after").unwrap_or_default() + self.time("--listen-after").unwrap_or_default();
        matches!(self.phase(now), Phase::Running(_)) && now.since(started) >= ready
    }

    fn is_available(&self, now: Timestamp) -> bool {
        self.is_ready(now) && self.serving
    }
}

// === impl InMemoryEngine ===

impl InMemoryEngine {
    pub fn new() -> Arc<Self> {
        Arc::new(InMemoryEngine { clock: RuntimeClock::new(), state: Mutex::default(), changes: broadcast::Sender::new(UNHEARD) })
    }

    /// What runs of each service that is available at the moment.
    pub fn available(&self, service: &str) -> usize {
        let now = self.clock.now();
        let state = self.state();
        state.containers.values().filter(|container| container.order.identity.service == service && container.is_available(now)).count()
    }

    /// Begins to count anew how many are available at least.
    pub fn forget_lowest(&self) {
        self.state().lowest.clear();
    }

    /// The fewest that were available since then, after any call that changed something.
    pub fn lowest(&self, service: &str) -> Option<usize> {
        self.state().lowest.get(service).copied()
    }

    /// Names of everything that there is, whatever its state.
    pub fn names(&self) -> Vec<String> {
        self.state().containers.values().map(|container| container.order.name.clone()).collect()
    }

    /// As a person who stops a container by hand.
    pub fn stop_by_hand(&self, id: &str) {
        let at = self.clock.now();
        self.state().containers.get_mut(id).expect("it is there").life = Life::Stopped(at);
    }

    /// As a person who changes a limit by hand.
    pub fn limit_by_hand(&self, id: &str, memory: u64) {
        self.state().containers.get_mut(id).expect("it is there").resources.memory = Some(memory);
    }

    /// From now on, nothing that is created can be started.
    pub fn lose_programs(&self) {
        self.state().lost = true;
    }

    /// The next creation makes a container without its files, and is not answered.
    pub fn break_next_creation(&self) {
        self.state().breaks = true;
    }

    /// Says nothing of what runs any more as soon as an image was asked for.
    pub fn fall_silent_at_an_image(&self) {
        self.state().falls_silent = true;
    }

    /// Takes limits of memory and leaves them out, as a daemon does whose kernel has none.
    pub fn ignore_limits(&self) {
        self.state().is_unlimited = true;
    }

    /// How many were created so far.
    pub fn created(&self) -> usize {
        self.state().count
    }

    /// How many files each container of a service has.
    pub fn files(&self, service: &str) -> Vec<usize> {
        let state = self.state();
        let of = state.containers.values().filter(|container| container.order.identity.service == service);
        of.map(|container| container.order.files.len()).collect()
    }

    /// The directory that each container of a service begins in.
    pub fn directories(&self, service: &str) -> Vec<Option<String>> {
        let state = self.state();
        let of = state.containers.values().filter(|container| container.order.identity.service == service);
        of.map(|container| container.order.working_dir.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Changes something, and looks how many are available then.
    fn change<T>(&self, id: &str, action: &str, change: impl FnOnce(&mut State) -> Result<T, Error>) -> Result<T, Error> {
        let now = self.clock.now();
        let mut state = self.state();
        let service = state.containers.get(id).map(|container| container.order.identity.service.clone());
        let done = change(&mut state)?;
        let services: BTreeSet<String> = state.containers.values().map(|container| container.order.identity.service.clone()).collect();
        for service in services.iter().chain(&service) {
            let of = |container: &&Container| container.order.identity.service == *service && container.is_available(now);
            let available = state.containers.values().filter(of).count();
            let lowest = state.lowest.entry(service.clone()).or_insert(available);
            *lowest = available.min(*lowest);
        }
        if let Some(service) = service {
            // Nobody may be listening.
            let _unheard = self.changes.send(Change { id: id.to_owned(), service, action: action.to_owned() });
        }
        Ok(done)
    }

    fn instance(&self, id: &str, container: &Container) -> Instance {
        let now = self.clock.now();
        let started = match container.life {
            Life::Started(at) => Some(at),
            _ => None,
        };
        let mut published: Vec<_> = container.order.ports.iter().filter_map(|port| Some((port.published?, port.protocol))).collect();
        published.sort_unstable();
        Instance {
            id: id.to_owned(),
            name: container.order.name.clone(),
            identity: container.order.identity.clone(),
            phase: container.phase(now),
            serving: container.serving,
            published,
            address: None,
            image: container.order.image.clone(),
            started,
            stop_grace: container.order.stop_grace,
            changeable: Changeable { resources: container.resources, networks: container.order.identity.networks.clone() },
        }
    }
}

#[async_trait]
impl Engine for InMemoryEngine {
    async fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Instance>, Error> {
        // Everybody who waits asks: what takes no time at all would never let the others go on.
        tokio::task::yield_now().await;
        if self.state().is_silent {
            return Err(Error::Unavailable("no answer".to_owned()));
        }
        let containers = self.state().containers.clone();
        Ok(containers.iter().map(|(id, container)| self.instance(id, container)).collect())
    }

    async fn fetch(&self, image: &str) -> Result<(), Error> {
        let falls_silent = self.state().falls_silent;
        if falls_silent {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.state().is_silent = true;
        }
        if image.ends_with(":endless") {
            return std::future::pending().await;
        }
        let known = ["1", "2", "3", "bad", "checked"].iter().any(|tag| image == format!("zona-orchestrator-test:{tag}"));
        if known { Ok(()) } else { Err(Error::Missing(format!("no image {image}"))) }
    }

    async fn network(&self, network: &NetworkOrder) -> Result<(), Error> {
        let internal = *self.state().networks.entry(network.name.clone()).or_insert(network.internal);
        if internal == network.internal { Ok(()) } else { Err(Error::Refused(format!("network `{}` is another", network.name))) }
    }

    async fn volume(&self, volume: &VolumeOrder) -> Result<(), Error> {
        self.state().volumes.insert(volume.name.clone());
        Ok(())
    }

    async fn create(&self, order: &Order) -> Result<String, Error> {
        self.fetch(&order.image).await?;
        let mut state = self.state();
        if state.containers.values().any(|container| container.order.name == order.name) {
            return Err(Error::Taken(order.name.clone()));
        }
        state.count += 1;
        let id = format!("c{:04}", state.count);
        let mut container = Container { order: order.clone(), serving: order.serving, life: Life::Created, resources: order.resources };
        if state.is_unlimited {
            container.resources.memory = None;
        }
        let breaks = std::mem::take(&mut state.breaks);
        if breaks {
            container.order.files.clear();
        }
        state.containers.insert(id.clone(), container);
        if breaks { Err(Error::Unavailable("no answer".to_owned())) } else { Ok(id) }
    }

    async fn start(&self, id: &str) -> Result<(), Error> {
        let now = self.clock.now();
        self.change(id, "start", |state| {
            let taken = |port: &process::service::Port, other: &Container| {
                other.order.ports.iter().any(|held| held.published.is_some() && held.published == port.published)
            };
            let container = state.containers.get(id).ok_or_else(|| Error::Missing(id.to_owned()))?;
            if container.order.identity.networks.iter().any(|network| !state.networks.contains_key(network)) {
                return Err(Error::Missing("no such network".to_owned()));
            }
            let mut others = state.containers.iter().filter(|(other, _)| *other != id).map(|(_, container)| container);
            let clash = others
                .any(|other| matches!(other.phase(now), Phase::Running(_)) && container.order.ports.iter().any(|port| taken(port, other)));
            let lost = state.lost || container.order.entrypoint.first().is_some_and(|program| program == "/nothing");
            let container = state.containers.get_mut(id).expect("it is there");
            if lost || clash {
                container.life = Life::Unstartable;
                return Err(Error::Refused("the program is not there, or its port is taken".to_owned()));
            }
            if container.phase(now) != Phase::Running(None) {
                container.life = Life::Started(now);
            }
            Ok(())
        })
    }

    async fn stop(&self, id: &str, _grace: Duration) -> Result<(), Error> {
        let now = self.clock.now();
        self.change(id, "stop", |state| {
            if let Some(container) = state.containers.get_mut(id)
                && container.phase(now) == Phase::Running(None)
            {
                container.life = Life::Stopped(now);
            }
            Ok(())
        })
    }

    async fn remove(&self, id: &str) -> Result<(), Error> {
        self.change(id, "destroy", |state| {
            state.containers.remove(id);
            Ok(())
        })
    }

    async fn serve(&self, id: &str, serving: bool) -> Result<(), Error> {
        self.change(id, "serve", |state| {
            state.containers.get_mut(id).ok_or_else(|| Error::Missing(id.to_owned()))?.serving = serving;
            Ok(())
        })
    }

    async fn run(&self, id: &str, command: &[String], _limit: Duration) -> Result<i64, Error> {
        let now = self.clock.now();
        let container = self.state().containers.get(id).cloned().ok_or_else(|| Error::Missing(id.to_owned()))?;
        if command.iter().any(|word| word == "--hang") {
            return std::future::pending().await;
        }
        assert!(command.iter().any(|word| word == "--probe"), "nothing else is known here: {command:?}");
        Ok(i64::from(!container.is_ready(now)))
    }

    async fn logs(&self, id: &str, ask: LogAsk) -> Result<Feed<Result<Line, Error>>, Error> {
        let container = self.state().containers.get(id).cloned().ok_or_else(|| Error::Missing(id.to_owned()))?;
        let Life::Started(started) = container.life else { return Ok(Box::pin(futures_util::stream::empty())) };
        let mut texts: Vec<(bool, String)> = Vec::new();
        for pair in container.order.command.windows(2) {
            match pair[0].as_str() {
                "--say" => texts.push((false, pair[1].clone())),
                "--complain" => texts.push((true, pair[1].clone())),
                _ => {}
            }
        }
        if container.order.image.ends_with(":bad") {
            texts.push((true, "no such setting".to_owned()));
        }
        texts.push((false, "begins".to_owned()));
        let lines = texts.into_iter().enumerate().map(|(place, (is_error, text))| Line {
            nanos: i128::from(started.as_millis()) * 1_000_000 + place as i128,
            is_error,
            text,
            truncated: false,
        });
        let lines: Vec<Line> = lines.filter(|line| ask.since.is_none_or(|since| line.time() >= since)).collect();
        let first = ask.tail.map_or(0, |tail| lines.len().saturating_sub(tail as usize));
        let lines = futures_util::stream::iter(lines.into_iter().skip(first).map(Ok));
        Ok(if ask.follow { lines.chain(futures_util::stream::pending()).boxed() } else { lines.boxed() })
    }

    async fn changes(&self) -> Result<Feed<Result<Change, Error>>, Error> {
        let changes = BroadcastStream::new(self.changes.subscribe());
        Ok(changes.map(|change| change.map_err(|error| Error::Unavailable(error.to_string()))).boxed())
    }
}
