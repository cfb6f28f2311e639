//! From the context of a service to what an engine is asked to create: the factory of the low-level design. Everything that is made for an
//! installation has its name in front, so that two installations share an engine.

use domain::time::Timestamp;
use process::manifest::Manifest;
use process::revision::Revision;
use process::service::{Probe, Service, Storage};

use crate::content::{self, Contents};
use crate::engine::{Mount, NetworkOrder, Order, VolumeOrder};
use crate::labels::{Identity, RESERVED};

/// Makes orders.
#[derive(Debug, Clone)]
pub struct Factory {
    scope: String,
    contents: Contents,
}

/// Which of a service's containers is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// What runs in it.
    pub revision: Revision,
    /// Its number among those of its revision.
    pub slot: u32,
    /// When calls reach it.
    pub calls: Calls,
    /// When those before it were started again.
    pub restarts: Vec<Timestamp>,
}

/// When calls to a service's name reach a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// From its start.
    AtOnce,
    /// As soon as somebody has seen it to be well.
    WhenWell,
    /// When somebody says so.
    Not,
}

// === impl Factory ===

impl Factory {
    /// A factory of an installation, whose name is made of letters, digits and hyphens.
    pub fn new(scope: &str, contents: Contents) -> Self {
        Factory { scope: scope.to_owned(), contents }
    }

    /// What is created for a service.
    ///
    /// # Errors
    /// A config or secret that cannot be had.
    pub fn order(&self, manifest: &Manifest, service: &Service, seat: &Seat) -> Result<Order, content::Error> {
        let context = &service.context;
        let mut depends_on: Vec<String> = service.depends_on.iter().map(|other| other.service.clone()).collect();
        depends_on.sort_unstable();
        let identity = Identity {
            service: service.name.clone(),
            group: service.group,
            depends_on,
            revision: seat.revision.clone(),
            slot: seat.slot,
            restarts: seat.restarts.clone(),
            health: service.health.clone(),
            networks: self.networks_of(manifest, service),
            is_gated: seat.calls == Calls::WhenWell,
        };
        let labels = service.labels.iter().filter(|(name, _)| !name.starts_with(RESERVED));
        Ok(Order {
            name: identity.name(&self.scope),
            identity,
            image: context.image.clone(),
            entrypoint: context.entrypoint.clone(),
            command: context.command.clone(),
            environment: context.environment.clone().into_iter().collect(),
            files: self.contents.files(manifest, &context.configs, &context.secrets)?,
            mounts: context.mounts.iter().map(|mount| self.mount(manifest, mount)).collect(),
            resources: context.resources,
            ports: service.ports.clone(),
            user: context.user.clone(),
            working_dir: context.working_dir.clone(),
            stop_grace: context.stop_grace,
            image_health: service.health.as_ref().is_some_and(|health| health.probe == Probe::Image),
            serving: seat.calls == Calls::AtOnce,
            labels: labels.map(|(name, value)| (name.clone(), value.clone())).collect(),
        })
    }

    /// The engine's names of the networks of a service, sorted.
    pub fn networks_of(&self, manifest: &Manifest, service: &Service) -> Vec<String> {
        if service.context.networks.is_empty() {
            return vec![self.platform_network()];
        }
        let mut names: Vec<String> = service.context.networks.iter().map(|name| self.network_name(manifest, name)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The networks that are made for a manifest: those of its services that are not there already.
    pub fn networks(&self, manifest: &Manifest) -> Vec<NetworkOrder> {
        let own = manifest.networks.iter().filter(|(_, network)| !network.external);
        let mut networks: Vec<NetworkOrder> =
            own.map(|(name, network)| NetworkOrder { name: self.network_name(manifest, name), internal: network.internal }).collect();
        if manifest.services.iter().any(|service| service.context.networks.is_empty()) {
            networks.push(NetworkOrder { name: self.platform_network(), internal: false });
        }
        networks
    }

    /// The volumes that are made for a manifest. They are never taken away: what they hold cannot be made again.
    pub fn volumes(&self, manifest: &Manifest) -> Vec<VolumeOrder> {
        let own = manifest.volumes.iter().filter(|(_, volume)| !volume.external);
        own.map(|(name, _)| VolumeOrder { name: self.own(name) }).collect()
    }

    fn mount(&self, manifest: &Manifest, mount: &process::service::Mount) -> Mount {
        let source = match &mount.source {
            Storage::Volume(name) if manifest.volumes.get(name).is_some_and(|volume| volume.external) => Storage::Volume(name.clone()),
            Storage::Volume(name) => Storage::Volume(self.own(name)),
            other => other.clone(),
        };
        Mount { source, target: mount.target.clone(), read_only: mount.read_only }
    }

    fn network_name(&self, manifest: &Manifest, name: &str) -> String {
        let external = manifest.networks.get(name).is_some_and(|network| network.external);
        if external { name.to_owned() } else { self.own(name) }
    }

    fn platform_network(&self) -> String {
        format!("zona-{}", self.scope)
    }

    /// Names of manifests hold no full stop, so that no two things get one name.
    fn own(&self, name: &str) -> String {
        format!("zona-{}.{name}", self.scope)
    }
}

#[cfg(test)]
mod tests {
    use process::manifest::{File, Notation};
    use process::revision::revisions;

    use super::*;

    fn order(text: &str, service: &str) -> (Manifest, Order) {
        let manifest = File::read(text, Notation::Yaml).expect("the manifest is right").manifest();
        let found = manifest.services.iter().find(|known| known.name == service).expect("the manifest has it");
        let revision = revisions(&manifest)[service].clone();
        let seat = Seat { revision, slot: 1, calls: Calls::AtOnce, restarts: Vec::new() };
        let order = Factory::new("main", Contents::default()).order(&manifest, found, &seat).unwrap();
        (manifest, order)
    }

    #[test]
    fn what_a_manifest_names_gets_names_of_the_installation_unless_it_is_there_already() {
        let text = "
name: shop
services:
  - name: web
    context:
      image: shop:1
      mounts: [{kind: volume, source: data, target: /data}, {kind: volume, source: old, target: /old}]
      networks: [inner, outside]
volumes: {data: {}, old: {external: true}}
networks: {inner: {internal: true}, outside: {external: true}}
";
        let (manifest, order) = order(text, "web");
        assert_eq!(order.identity.networks, ["outside", "zona-main.inner"]);
        let sources: Vec<_> = order.mounts.iter().map(|mount| mount.source.clone()).collect();
        assert_eq!(sources, [Storage::Volume("zona-main.data".to_owned()), Storage::Volume("old".to_owned())]);
        let factory = Factory::new("main", Contents::default());
        assert_eq!(factory.networks(&manifest), [NetworkOrder { name: "zona-main.inner".to_owned(), internal: true }]);
        assert_eq!(factory.volumes(&manifest), [VolumeOrder { name: "zona-main.data".to_owned() }]);
    }

    #[test]
    fn secrets_are_files_and_never_in_the_environment_or_a_label() {
        let text = "
name: shop
services:
  - name: web
    labels: {team: shop, zona.ps.service: db}
    context:
      image: shop:1
      environment: {LEVEL: info}
      secrets: [{source: password, target: /run/password}]
secrets: {password: {external: true}}
";
        let manifest = File::read(text, Notation::Yaml).expect("the manifest is right").manifest();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("password"), "hunter2").unwrap();
        let factory = Factory::new("main", Contents::new(Some(directory.path().to_owned())));
        let seat = Seat { revision: revisions(&manifest)["web"].clone(), slot: 1, calls: Calls::AtOnce, restarts: Vec::new() };
        let order = factory.order(&manifest, &manifest.services[0], &seat).unwrap();
        assert_eq!(order.files.len(), 1);
        assert_eq!(order.environment, [("LEVEL".to_owned(), "info".to_owned())]);
        assert_eq!(order.labels, [("team".to_owned(), "shop".to_owned())]);
        assert!(!format!("{order:?}").contains("hunter2"));
    }

    #[test]
    fn a_service_without_networks_is_in_that_of_the_platform() {
        let (manifest, order) = order("{name: shop, services: [{name: web, context: {image: 'shop:1'}}]}", "web");
        assert_eq!(order.identity.networks, ["zona-main"]);
        assert_eq!(Factory::new("main", Contents::default()).networks(&manifest).len(), 1);
    }
}
