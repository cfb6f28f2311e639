//! Requests that change something, once, although their answer may be lost on the way: each has an id by which the server remembers
//! it, and is repeated with the same one. Where the person names none, each invocation has one of its own.

use std::time::{Duration, Instant};

use clap::Args;
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use super::request::soon;
use super::resumed::may_go_on;
use crate::exit::Exit;
use crate::failure::{Failure, Result as Outcome};
use crate::output::note;

/// How often a request is repeated, with growing pauses: three seconds in all.
const MAX_REPETITIONS: u32 = 4;
/// After this long nothing is repeated: each answer may have taken as long as one may.
const LONGEST: Duration = Duration::from_secs(60);

/// By what a server remembers a request that changes something: what the person has named, or else an id of this invocation's own.
#[derive(Debug, Default, Args)]
pub struct RequestId {
    /// UUID by which a repeated call is known: nothing is done twice, and it answers what the first one did, without a secret that the
    /// first one has shown [default: a new one]
    #[arg(id = "request_id", long = "request-id", value_name = "UUID", default_value = "", hide_default_value = true)]
    named: String,
}

// === impl RequestId ===

impl RequestId {
    /// Asks for what `request` makes of the request's id, until there is an answer.
    ///
    /// # Errors
    /// What the server answers; where no answer came, the id is told, so that the person can go on asking.
    pub async fn once<T: Clone, A>(
        &self,
        request: impl FnOnce(String) -> T,
        ask: impl AsyncFn(Request<T>) -> Result<Response<A>, Status>,
    ) -> Result<A, Status> {
        let id = if self.named.is_empty() { Uuid::now_v7().to_string() } else { self.named.clone() };
        let asked = repeated(request(id.clone()), ask).await;
        asked.inspect_err(|status| {
            if is_lost(status) {
                note(&format!("whether it was done is not known: --request-id {id} asks for the same again, and nothing is done twice"));
            }
        })
    }

    /// As [`RequestId::once`], for what is shown in the first answer alone and can be asked for again: where that answer was lost, and the
    /// person named no id, it is asked for anew, by another id. `request` is given what was answered then.
    ///
    /// # Errors
    /// As [`RequestId::once`].
    pub async fn until_shown<T: Clone, A>(
        &self,
        request: impl Fn(String, Option<&A>) -> T,
        ask: impl AsyncFn(Request<T>) -> Result<Response<A>, Status>,
        is_shown: impl FnOnce(&A) -> bool,
    ) -> Result<A, Status> {
        let answer = self.once(|id| request(id, None), &ask).await?;
        if is_shown(&answer) || !self.named.is_empty() {
            return Ok(answer);
        }
        self.once(|id| request(id, Some(&answer)), &ask).await
    }

    /// What the person has named, for a stream, which is gone on with instead of being asked for again; empty where nothing was.
    pub fn of_a_stream(&self) -> String {
        self.named.clone()
    }
}

/// Asks for the same until there is an answer, for what stands under a name or an id that the request holds.
///
/// # Errors
/// What the server answers, or how the last answer was lost.
pub async fn repeated<T: Clone, A>(request: T, ask: impl AsyncFn(Request<T>) -> Result<Response<A>, Status>) -> Result<A, Status> {
    let begun = Instant::now();
    for repetition in 0.. {
        let status = match ask(soon(request.clone())).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => status,
        };
        if !is_lost(&status) || repetition == MAX_REPETITIONS || begun.elapsed() > LONGEST {
            return Err(status);
        }
        tokio::time::sleep(Duration::from_millis(200 << repetition)).await;
    }
    unreachable!("it ends with its last repetition")
}

/// That a secret is shown: only the first answer holds it, and without it a command has not done what it is for.
///
/// # Errors
/// Where it was lost with that answer, with what to do `instead`.
pub fn require_secret(name: &str, secret: &str, instead: &str) -> Outcome<()> {
    if !secret.is_empty() {
        return Ok(());
    }
    let message = format!("this was done before for {name}, and its secret was in the first answer alone: nobody is shown it again");
    Err(Failure::new(Exit::Conflict, message).hint(format!("where it is lost, {instead}")))
}

/// Whether the request may have been done although this is all that is known of it, or may be done in a moment.
fn is_lost(status: &Status) -> bool {
    status.code() != Code::Cancelled && may_go_on(status)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Asks where the first answers are these; what comes of it, and the ids that were sent.
    async fn asked(named: &str, lost: &[Code]) -> (Result<(), Code>, Vec<String>) {
        let sent = RefCell::new(Vec::new());
        let answer = async |request: Request<String>| {
            let mut sent = sent.borrow_mut();
            sent.push(request.into_inner());
            match lost.get(sent.len() - 1) {
                Some(code) => Err(Status::new(*code, "")),
                None => Ok(Response::new(())),
            }
        };
        let result = RequestId { named: named.to_owned() }.once(|id| id, answer).await.map_err(|status| status.code());
        (result, sent.into_inner())
    }

    #[tokio::test]
    async fn a_request_whose_answer_is_lost_is_repeated_with_its_own_id() {
        for code in [Code::Unavailable, Code::DeadlineExceeded, Code::Unknown] {
            let (result, ids) = asked("", &[code]).await;
            assert_eq!((result, ids.len()), (Ok(()), 2), "{code:?}");
            assert!(ids[0] == ids[1] && Uuid::parse_str(&ids[0]).is_ok(), "{ids:?}");
        }
        assert_ne!(asked("", &[]).await.1, asked("", &[]).await.1, "each invocation stands for itself");
        assert_eq!(asked("mine", &[Code::Unavailable]).await.1, ["mine", "mine"]);
    }

    /// Answers what is shown to the first request of each id, and loses as many answers; what is shown at last, and what was asked.
    async fn shown(named: &str, lost: usize) -> (&'static str, Vec<(String, bool)>) {
        let sent = RefCell::new(Vec::<(String, bool)>::new());
        let answer = async |request: Request<(String, bool)>| {
            let (mut sent, request) = (sent.borrow_mut(), request.into_inner());
            let is_new = sent.iter().all(|(id, _)| *id != request.0);
            sent.push(request);
            if sent.len() <= lost { Err(Status::unavailable("")) } else { Ok(Response::new(if is_new { "secret" } else { "" })) }
        };
        let request = RequestId { named: named.to_owned() };
        let shown = request.until_shown(|id, before| (id, before.is_some()), answer, |shown| !shown.is_empty()).await;
        (shown.unwrap(), sent.into_inner())
    }

    #[tokio::test]
    async fn what_was_lost_with_the_first_answer_is_asked_for_by_another_id_unless_one_was_named() {
        assert_eq!(shown("", 0).await.1.len(), 1);
        let (secret, sent) = shown("", 1).await;
        assert_eq!((secret, sent.iter().map(|(_, knows)| *knows).collect::<Vec<_>>()), ("secret", vec![false, false, true]));
        assert!(sent[0].0 == sent[1].0 && sent[1].0 != sent[2].0, "{sent:?}");
        let (secret, sent) = shown("mine", 1).await;
        assert_eq!((secret, sent.len()), ("", 2), "a named request is done once");
    }

    #[test]
    fn without_the_secret_a_command_fails_and_says_what_to_do() {
        require_secret("tenants/acme/webhooks/hook", "whsec_", "do something").unwrap();
        let failure = require_secret("tenants/acme/webhooks/hook", "", "do something").unwrap_err();
        assert_eq!(failure.exit, Exit::Conflict);
        let text = failure.to_string();
        assert!(text.contains("tenants/acme/webhooks/hook") && text.contains("do something"), "{text}");
    }

    #[tokio::test]
    async fn what_is_refused_is_not_asked_for_again_and_no_server_is_asked_for_good() {
        for code in [Code::AlreadyExists, Code::FailedPrecondition, Code::PermissionDenied, Code::ResourceExhausted] {
            let (result, ids) = asked("", &[code]).await;
            assert_eq!((result, ids.len()), (Err(code), 1));
        }
        let (result, ids) = asked("", &[Code::Unavailable; 9]).await;
        assert_eq!((result, ids.len()), (Err(Code::Unavailable), 5));
    }
}
