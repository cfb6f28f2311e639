//! One client: sends steps until one of them is not answered, and sends that one again to the next server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use api_proto::zona::{
    event::v1::Event,
    execution::v1::{ExecutionFilter, ExecutionState, ListExecutionsRequest, StartExecutionRequest},
    utility::v1::{
        CreateUtilityRequest, DeleteUtilityRequest, GetUtilityRequest, RestoreUtilityVersionRequest, UndeleteUtilityRequest,
        UpdateUtilityRequest, Utility, UtilityState,
    },
};
use e2e::rpc::{Client, TENANT};
use prost_types::FieldMask;
use serde_json::Value;
use tokio::time::sleep;
use tonic::{Code, Status};

use super::{
    Acknowledged,
    model::{Expected, Random, Step, What},
};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// A client and what it has done.
pub struct Worker {
    number: u32,
    random: Random,
    made: Vec<Expected>,
    /// What was sent and not answered.
    unanswered: Option<Step>,
}

fn code(number: u64) -> String {
    format!("def transform(value):\n    return {number}\n")
}

impl Worker {
    pub fn new(number: u32, seed: u64) -> Self {
        Worker { number, random: Random::from_seed(seed), made: Vec::new(), unanswered: None }
    }

    /// How many effects it has seen.
    pub fn done(&self) -> u32 {
        let changes: usize = self.made.iter().map(|made| 1 + made.changes.len()).sum();
        u32::try_from(changes).expect("there are few")
    }

    pub async fn work_until_it_fails(mut self, mut client: Client, acknowledged: Arc<Acknowledged>) -> Self {
        while !acknowledged.is_over() {
            let step = self.next_step();
            match self.send(&mut client, &step).await {
                Ok(answer) => self.apply(&step, answer),
                // Admission refuses before anything happens.
                Err(status) if status.code() == Code::ResourceExhausted => continue,
                Err(status) => {
                    assert!(is_lost(&status), "{step:?} was refused: {status:?}");
                    self.unanswered = Some(step);
                    return self;
                }
            }
            acknowledged.count();
        }
        self
    }

    /// The request that nobody answered: it has happened or it has not, and now it happens once.
    pub async fn ask_again(&mut self, client: &mut Client, patience: Duration) {
        let Some(step) = self.unanswered.take() else { return };
        let first = self.send_until_answered(client, &step, patience).await;
        let second = self.send_until_answered(client, &step, patience).await;
        assert_eq!(first, second, "{step:?}");
        self.apply(&step, first);
    }

    async fn send_until_answered(&self, client: &mut Client, step: &Step, patience: Duration) -> String {
        let until = Instant::now() + patience;
        loop {
            match self.send(client, step).await {
                Ok(answer) => return answer,
                Err(status) if is_for_later(&status) && Instant::now() < until => sleep(PAUSE).await,
                Err(status) => panic!("{step:?} was refused when repeated: {status:?}"),
            }
        }
    }

    /// That the newest utilities are what they should be, or come to be.
    pub async fn compare(&self, client: &mut Client, patience: Duration) {
        let until = Instant::now() + patience;
        for expected in self.made.iter().rev().take(2) {
            let newest = expected.versions.last().copied().expect("there is one");
            let wanted = (expected.versions.len(), code(newest), expected.is_deleted);
            loop {
                let request = GetUtilityRequest { name: expected.name.clone() };
                let found = match client.utilities.get_utility(request).await {
                    Ok(found) => found.into_inner(),
                    // Its record could not be written, say: nobody was answered.
                    Err(status) if is_for_later(&status) && Instant::now() < until => {
                        sleep(PAUSE).await;
                        continue;
                    }
                    Err(status) => panic!("what was acknowledged is not there: {status:?}"),
                };
                let is_deleted = found.state() == UtilityState::Deleted;
                let shown = (found.latest_version as usize, found.code, is_deleted);
                if shown != wanted && Instant::now() < until {
                    sleep(PAUSE).await;
                    continue;
                }
                assert_eq!(shown, wanted, "{expected:?}");
                break;
            }
        }
    }

    /// That its executions are those that were answered, each once, and that each ends.
    pub async fn executions_are_there_and_end(&self, client: &Client, within: Duration) {
        let begun = Instant::now();
        for expected in &self.made {
            loop {
                let mut found = executions(client.clone(), &expected.name).await;
                let live = found.iter().any(|(_, state)| *state < ExecutionState::Succeeded);
                if live && begun.elapsed() < within {
                    tokio::task::yield_now().await;
                    continue;
                }
                assert!(!live, "still live: {found:?}");
                found.sort_by(|one, other| one.0.cmp(&other.0));
                let mut names = expected.executions.clone();
                names.sort();
                assert_eq!(found.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), names, "of {}", expected.name);
                break;
            }
        }
    }

    pub fn every_effect_has_an_intent(&self, records: &[Value]) {
        for expected in &self.made {
            let mut actions = expected.changes.clone();
            actions.sort_unstable();
            actions.dedup();
            for action in actions {
                let effects = expected.changes.iter().filter(|change| **change == action).count();
                let is_intent = |record: &&Value| record["outcome"] == "INTENT" && record["action"] == action;
                let intents = records.iter().filter(is_intent).filter(|record| expected.is_meant_by(record)).count();
                assert!(intents >= effects, "{effects} of {action} and {intents} intents for {}", expected.name);
            }
        }
    }

    /// That others were told of each effect, once and in order, and of the end of each execution.
    pub fn every_effect_was_told(&self, told: &[Event]) {
        for expected in &self.made {
            let of =
                |subject: &str| told.iter().filter(|event| event.subject == subject).map(|event| event.r#type.clone()).collect::<Vec<_>>();
            assert_eq!(of(&expected.name), expected.events, "of {}", expected.name);
            for execution in &expected.executions {
                assert_eq!(of(execution), ["dev.zona.execution.ended"], "of {execution}");
            }
        }
    }

    fn next_step(&mut self) -> Step {
        let number = self.random.next();
        let what = match self.made.last().map(|made| made.is_deleted) {
            None => What::Create(number),
            Some(true) if self.random.below(2) == 0 => What::Create(number),
            Some(true) => What::Undelete,
            Some(false) => match self.random.below(8) {
                0..4 => What::Update(number),
                4 => What::Restore,
                5 => What::Delete,
                _ => What::Start,
            },
        };
        Step { request_id: self.random.uuid(), what }
    }

    fn apply(&mut self, step: &Step, answer: String) {
        match (&step.what, self.made.last_mut()) {
            (What::Create(number), _) => {
                let created = Expected::created(&self.next_id(), *number);
                assert_eq!(answer, created.name);
                self.made.push(created);
            }
            (what, Some(made)) => made.apply(what, Some(answer)),
            (what, None) => unreachable!("{what:?} of nothing"),
        }
    }

    fn next_id(&self) -> String {
        format!("worker-{}-{}", self.number, self.made.len())
    }

    fn name(&self) -> String {
        self.made.last().map(|made| made.name.clone()).unwrap_or_default()
    }

    /// The name of what was answered.
    async fn send(&self, client: &mut Client, step: &Step) -> Result<String, Status> {
        let (request_id, name) = (step.request_id.to_string(), self.name());
        let utility = |number: u64| Some(Utility { code: code(number), ..Utility::default() });
        let utilities = &mut client.utilities;
        let answered = match step.what {
            What::Create(number) => {
                let (parent, utility_id) = (TENANT.to_owned(), self.next_id());
                let utility = utility(number);
                utilities.create_utility(CreateUtilityRequest { parent, utility_id, utility, request_id, ..Default::default() }).await
            }
            What::Update(number) => {
                let utility = utility(number).map(|utility| Utility { name, ..utility });
                let update_mask = Some(FieldMask { paths: vec!["code".to_owned()] });
                utilities.update_utility(UpdateUtilityRequest { utility, update_mask, request_id, ..Default::default() }).await
            }
            What::Restore => {
                let name = format!("{name}/versions/1");
                utilities.restore_utility_version(RestoreUtilityVersionRequest { name, request_id, ..Default::default() }).await
            }
            What::Delete => utilities.delete_utility(DeleteUtilityRequest { name, request_id, ..Default::default() }).await,
            What::Undelete => utilities.undelete_utility(UndeleteUtilityRequest { name, request_id, ..Default::default() }).await,
            What::Start => {
                let params_json = r#"{"value": 1}"#.to_owned();
                let request = StartExecutionRequest { name, params_json, request_id, ..Default::default() };
                return client.executions.start_execution(request).await.map(|answer| answer.into_inner().name);
            }
        };
        answered.map(|answer| answer.into_inner().name)
    }
}

/// Whether the same may be asked for again in a while: nothing has happened, or nobody knows yet.
fn is_for_later(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::ResourceExhausted)
}

/// Whether nobody answered, or only that the server is going.
fn is_lost(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Cancelled | Code::Unknown | Code::Internal)
        && std::error::Error::source(status).is_some()
        || status.code() == Code::Unavailable
}

async fn executions(mut client: Client, name: &str) -> Vec<(String, ExecutionState)> {
    let filter = Some(ExecutionFilter { utility: name.to_owned(), ..Default::default() });
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListExecutionsRequest { parent: TENANT.into(), page_token, filter: filter.clone(), ..Default::default() };
        let page = client.executions.list_executions(request).await.expect("it can be listed").into_inner();
        all.extend(page.executions.into_iter().map(|execution| (execution.name.clone(), execution.state())));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}
