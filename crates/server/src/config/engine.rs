//! `[engine]`: what runs the services of the platform.

use std::path::PathBuf;

use settings::{Place, Reader, Section, section, value};

section! {
    /// What runs the services of the platform.
    pub struct Engine in Place::table("engine");

    /// what runs the services of the platform and the integrations of tenants: `docker`; not set: nothing, and the process manager's methods
    /// say so. Whoever may apply manifests has images of their choice run there. See [Process manager](process-manager.md#at-a-server)
    kind: Option<Kind> => value::optional(kind);
    /// the socket of its Docker daemon
    socket: PathBuf = "/var/run/docker.sock" => value::text(value::path);
    /// a directory whose files are the external configs and secrets of manifests, by their names; not set: there are none
    secrets: Option<PathBuf> => value::optional(absolute);
    /// whether what somebody changes by hand is put right; otherwise it is only shown
    corrects: bool = true => value::flag();
}

/// A kind of engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Docker Engine, on one machine.
    Docker,
}

// === impl Engine ===

impl Engine {
    /// Reads the section, and what its keys have to say of each other.
    pub(super) fn checked(reader: &mut Reader<'_>) -> Option<Self> {
        let engine = Engine::read(reader, Engine::SECTION.path())?;
        let is_alone = engine.secrets.is_some() && engine.kind.is_none();
        if is_alone {
            reader.refuse(&Section::key(Engine::SECTION.path(), "secrets"), "needs `engine.kind`");
        }
        (!is_alone).then_some(engine)
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    match text {
        "docker" => Ok(Kind::Docker),
        _ => Err("must be `docker`".to_owned()),
    }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| error.to_string())
}
