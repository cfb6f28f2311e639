//! Names must exist and be unique: services, configs, secrets, volumes, networks, and where they appear in a container.

use std::collections::BTreeMap;

use crate::manifest::content::{Content, Manifest, Source};
use crate::manifest::rules::view::{Step, View, item, of_service};
use crate::service::{Attached, Service, Storage};

pub(super) fn check(manifest: &Manifest, view: &mut View<'_>) {
    let named = |service: &Service| Some(service.name.clone()).filter(|name| !name.is_empty());
    view.unique(
        &manifest.services,
        named,
        |index| of_service(index, &["name"]),
        "service-twice",
        |service, _| format!("another service is called `{}`", service.name),
    );
    for (index, service) in manifest.services.iter().enumerate() {
        attached("configs", "missing-config", &service.context.configs, &manifest.configs, index, view);
        attached("secrets", "missing-secret", &service.context.secrets, &manifest.secrets, index, view);
        mounts(manifest, index, service, view);
        networks(manifest, index, service, view);
    }
    for (kind, contents) in [("configs", &manifest.configs), ("secrets", &manifest.secrets)] {
        contents.iter().for_each(|(name, content)| source(kind, name, content, view));
    }
}

fn attached(
    kind: &'static str,
    rule: &'static str,
    used: &[Attached],
    known: &BTreeMap<String, Content>,
    index: usize,
    view: &mut View<'_>,
) {
    for (at, used) in used.iter().enumerate().filter(|(_, used)| !used.source.is_empty() && !known.contains_key(&used.source)) {
        let path = item(of_service(index, &["context", kind]), at, "source");
        view.add(&path, rule, format!("`{}` is not among the {kind} of the manifest", used.source));
    }
}

fn mounts(manifest: &Manifest, index: usize, service: &Service, view: &mut View<'_>) {
    for (at, mount) in service.context.mounts.iter().enumerate() {
        let path = item(of_service(index, &["context", "mounts"]), at, "source");
        match &mount.source {
            Storage::Volume(name) if name.is_empty() => view.add(&path, "missing", "a volume is named by `source`"),
            Storage::Volume(name) if !manifest.volumes.contains_key(name) => {
                view.add(&path, "missing-volume", format!("`{name}` is not among the volumes of the manifest"));
            }
            Storage::Host(source) if !source.starts_with('/') || source.split('/').any(|part| part == "..") => {
                view.add(&path, "path", format!("`{source}` must be an absolute path of the host without `..`"));
            }
            Storage::Volume(_) | Storage::Host(_) | Storage::Memory => {}
        }
    }
    let context = &service.context;
    let targets = context.mounts.iter().map(|mount| ("mounts", &mount.target));
    let targets = targets.chain(context.configs.iter().map(|config| ("configs", &config.target)));
    let targets: Vec<_> = targets.chain(context.secrets.iter().map(|secret| ("secrets", &secret.target))).collect();
    view.unique(
        &targets,
        |(_, target)| Some(target.trim_end_matches('/').to_owned()).filter(|target| !target.is_empty()),
        |at| {
            let kind = targets[at].0;
            let before = targets[..at].iter().filter(|(other, _)| *other == kind).count();
            item(of_service(index, &["context", kind]), before, "target")
        },
        "target-twice",
        |(_, target), _| format!("something else appears at `{target}` already"),
    );
}

fn networks(manifest: &Manifest, index: usize, service: &Service, view: &mut View<'_>) {
    for (at, name) in service.context.networks.iter().enumerate().filter(|(_, name)| !manifest.networks.contains_key(*name)) {
        let mut path = of_service(index, &["context", "networks"]);
        path.push(Step::Item(at));
        view.add(&path, "missing-network", format!("`{name}` is not among the networks of the manifest"));
    }
}

fn source(kind: &str, name: &str, content: &Content, view: &mut View<'_>) {
    let path = [Step::Name(kind), Step::Name(name)];
    let (file, inline) = match &content.source {
        Source::Inline(_) => (view.has(&[path[0], path[1], Step::Name("file")]), true),
        Source::File(_) => (true, false),
        Source::External => (false, false),
    };
    let external = view.has(&[path[0], path[1], Step::Name("external")]);
    let wanted = if kind == "configs" { "content or file" } else { "file or external" };
    if usize::from(file) + usize::from(inline) + usize::from(external) != 1 {
        view.add(&path, "content", format!("`{name}` needs exactly one of {wanted}"));
    }
    if let Source::File(file) = &content.source {
        // Whoever plans for a manifest of somebody else reads what lies beside it, and nothing else.
        if file.starts_with('/') || file.split('/').any(|part| part == "..") {
            let message = format!("`{file}` must lie beside the manifest or below: no absolute path, and no `..`");
            view.add(&[path[0], path[1], Step::Name("file")], "path", message);
        }
    }
    if content.digest.as_ref().is_some_and(|digest| digest.len() != 64 || !digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))) {
        view.add(&[path[0], path[1], Step::Name("digest")], "digest", "must be 64 digits of hexadecimal, in lower case");
    }
}
