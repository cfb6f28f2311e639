//! The command line: a mode, the control socket, and on the host the identity to take.

use std::path::PathBuf;

/// How the agent was started.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    /// What isolates the agent.
    pub mode: Mode,
    /// The server's listening socket.
    pub socket: PathBuf,
}

/// What isolates the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Namespaces.
    Namespaces(Namespaced),
    /// Landlock, under this identity (`None`: the one it has).
    Landlock(Option<Identity>),
    /// The kernel of gVisor around a container, in which it is process 1.
    Gvisor,
}

/// Whose namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespaced {
    /// Those of a container around it, in which it is process 1.
    InContainer,
    /// Those that it makes itself, under this identity (`None`: the one it has).
    OnHost(Option<Identity>),
}

/// A user and a group that nothing else on the host uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// User id, never 0.
    pub uid: u32,
    /// Group id, never 0.
    pub gid: u32,
}

impl Arguments {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mode = arguments.next().ok_or("a mode is needed: docker, gvisor, namespace or landlock")?;
        let (mut socket, mut uid, mut gid) = (None, None, None);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--socket" => socket = Some(PathBuf::from(value)),
                "--uid" => uid = Some(id(&name, &value)?),
                "--gid" => gid = Some(id(&name, &value)?),
                _ => return Err(format!("unknown option {name}")),
            }
        }
        let identity = match (uid, gid) {
            (Some(uid), Some(gid)) => Some(Identity { uid, gid }),
            (None, None) => None,
            _ => return Err("--uid and --gid go together".to_owned()),
        };
        let mode = match (mode.as_str(), identity) {
            ("docker", None) => Mode::Namespaces(Namespaced::InContainer),
            ("gvisor", None) => Mode::Gvisor,
            (mode @ ("docker" | "gvisor"), Some(_)) => return Err(format!("the container decides the identity: no --uid in {mode} mode")),
            ("namespace", identity) => Mode::Namespaces(Namespaced::OnHost(identity)),
            ("landlock", identity) => Mode::Landlock(identity),
            (other, _) => return Err(format!("unknown mode {other}: docker, gvisor, namespace or landlock")),
        };
        Ok(Arguments { mode, socket: socket.ok_or("--socket is needed")? })
    }
}

fn id(name: &str, value: &str) -> Result<u32, String> {
    match value.parse() {
        Ok(0) => Err(format!("{name} must not be 0: a sandbox never runs as root")),
        Ok(u32::MAX) | Err(_) => Err(format!("{name} must be a number, not {value}")),
        Ok(id) => Ok(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_mode_is_understood() {
        let socket = PathBuf::from("/run/s");
        assert_eq!(
            parse("docker --socket /run/s"),
            Ok(Arguments { mode: Mode::Namespaces(Namespaced::InContainer), socket: socket.clone() })
        );
        assert_eq!(parse("gvisor --socket /run/s"), Ok(Arguments { mode: Mode::Gvisor, socket: socket.clone() }));
        let identity = Some(Identity { uid: 7, gid: 8 });
        let mode = Mode::Namespaces(Namespaced::OnHost(identity));
        assert_eq!(parse("namespace --gid 8 --uid 7 --socket /run/s"), Ok(Arguments { mode, socket: socket.clone() }));
        let mode = Mode::Landlock(identity);
        assert_eq!(parse("landlock --socket /run/s --uid 7 --gid 8"), Ok(Arguments { mode, socket }));
    }

    #[test]
    fn root_and_half_an_identity_and_unknown_words_are_refused() {
        for line in [
            "",
            "docker",
            "vm --socket s",
            "namespace --socket",
            "namespace --socket s --uid 0 --gid 1",
            "namespace --socket s --uid 1",
            "landlock --socket s --uid 0 --gid 0",
            "namespace --socket s --uid x --gid 1",
            "docker --socket s --uid 1 --gid 1",
            "gvisor --socket s --uid 1 --gid 1",
            "docker --socket s --color never",
        ] {
            assert!(parse(line).is_err(), "{line:?} was accepted");
        }
    }
}
