//! A container for each call, as `docker run --rm` makes it, through the Docker API: hardened, and with the network disabled,
//! which halves its cost. The daemon's own command line would add its start to each call.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptions, RemoveContainerOptionsBuilder, StartContainerOptions,
};
use futures_util::StreamExt as _;

use super::{PYTHON_FLAGS, Peer, RUNNER, check, job};
use crate::cpu::Scope;

const MEMORY: i64 = 256 * 1024 * 1024;
const PROCESSES: i64 = 64;
const NOBODY: &str = "65534:65534";

/// A fresh hardened container of `image` for each call.
///
/// # Errors
/// When the daemon does not answer or lacks the image.
pub async fn one_shot(image: &str) -> anyhow::Result<Peer> {
    let docker = Docker::connect_with_unix_defaults()?.negotiate_version().await.context("the Docker daemon does not answer")?;
    docker.inspect_image(image).await.with_context(|| format!("image {image} is missing: run `cargo xtask image`"))?;
    let (docker, body) = (Arc::new(docker), Arc::new(body(image)));
    let subject = Arc::new(move || -> crate::load::Call {
        let (docker, body) = (Arc::clone(&docker), Arc::clone(&body));
        Box::pin(async move { run(&docker, &body).await })
    });
    Ok(Peer { name: "docker one-shot", subject, scope: Some(Scope::Machine) })
}

fn body(image: &str) -> ContainerCreateBody {
    let mut command = vec!["/usr/bin/python3".to_owned()];
    command.extend(PYTHON_FLAGS.map(str::to_owned));
    command.extend(["-c".to_owned(), RUNNER.to_owned(), job()]);
    ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(command),
        user: Some(NOBODY.to_owned()),
        network_disabled: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            memory: Some(MEMORY),
            memory_swap: Some(MEMORY),
            pids_limit: Some(PROCESSES),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

async fn run(docker: &Docker, body: &ContainerCreateBody) -> anyhow::Result<Instant> {
    let container = docker.create_container(None::<CreateContainerOptions>, body.clone()).await.context("create")?.id;
    let outcome = output(docker, &container).await;
    let done = Instant::now();
    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    docker.remove_container(&container, Some(force)).await.context("remove")?;
    check(&outcome?)?;
    Ok(done)
}

async fn output(docker: &Docker, container: &str) -> anyhow::Result<String> {
    let options = AttachContainerOptionsBuilder::default().stdout(true).stderr(true).stream(true).build();
    // Before the start: what is printed earlier than the attachment would be lost.
    let mut attached = docker.attach_container(container, Some(options)).await.context("attach")?;
    docker.start_container(container, None::<StartContainerOptions>).await.context("start")?;
    let mut text = String::new();
    while let Some(piece) = attached.output.next().await {
        text.push_str(&String::from_utf8_lossy(&piece?.into_bytes()));
    }
    Ok(text)
}
