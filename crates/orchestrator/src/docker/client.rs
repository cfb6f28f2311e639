//! The daemon behind its socket: whom it belongs to is looked at before it is spoken to, and every call has a deadline.

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bollard::errors::Error as DockerError;
use bollard::{API_DEFAULT_VERSION, Docker};

use crate::engine::Error;

/// The library's own limit, beyond any deadline of ours: streams of logs and events are as long as somebody reads.
const LONGEST_CALL: Duration = Duration::from_secs(60 * 60);

/// The daemon.
pub(super) struct Client {
    socket: PathBuf,
    connection: Mutex<Option<Docker>>,
}

/// Why a call did not succeed.
#[derive(Debug)]
pub(super) enum Answer {
    /// The daemon refused it.
    Status {
        /// HTTP status.
        status: u16,
        /// What was asked, and the daemon's words.
        message: String,
    },
    /// There was none.
    None(String),
}

// === impl Client ===

impl Client {
    pub(super) fn new(socket: PathBuf) -> Self {
        Client { socket, connection: Mutex::new(None) }
    }

    /// Calls the daemon.
    pub(super) async fn call<T, F>(&self, what: &str, deadline: Duration, call: impl FnOnce(Docker) -> F) -> Result<T, Answer>
    where
        F: Future<Output = Result<T, DockerError>>,
    {
        let docker = self.docker()?;
        match tokio::time::timeout(deadline, call(docker)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(failed(what, &error)),
            Err(_elapsed) => Err(Answer::None(format!("failed to {what}: no answer within {deadline:?}"))),
        }
    }

    /// The connection; none is made before somebody asks for something.
    pub(super) fn docker(&self) -> Result<Docker, Answer> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(docker) = &*connection {
            return Ok(docker.clone());
        }
        let path = self.socket.display().to_string();
        // Whose daemon it is decides what runs. One that is absent does not answer, and that is said below.
        if let Err(error) = file_trust::trusted_socket(&self.socket)
            && !error.is_not_found()
        {
            return Err(Answer::None(format!("failed to trust the Docker daemon at {path}: {}", chain(&error))));
        }
        let connected = Docker::connect_with_unix(&path, LONGEST_CALL.as_secs(), API_DEFAULT_VERSION);
        let docker = connected.map_err(|error| Answer::None(format!("failed to reach the Docker daemon at {path}: {}", chain(&error))))?;
        *connection = Some(docker.clone());
        Ok(docker)
    }
}

/// What an error of the library means.
pub(super) fn failed(what: &str, error: &DockerError) -> Answer {
    match error {
        DockerError::DockerResponseServerError { status_code, message } => {
            Answer::Status { status: *status_code, message: format!("failed to {what}: {message}") }
        }
        // A registry's refusal comes in the midst of an answer.
        DockerError::DockerStreamError { error } => Answer::Status { status: 500, message: format!("failed to {what}: {error}") },
        error => Answer::None(format!("failed to {what}: {}", chain(error))),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

// === impl Answer ===

impl From<Answer> for Error {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Status { status: 404, message } => Error::Missing(message),
            Answer::Status { message, .. } => Error::Refused(message),
            Answer::None(message) => Error::Unavailable(message),
        }
    }
}
