//! Small honest stand-ins for the parameter binder, the rules and the metrics.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api_grpc::CallMetrics;
use async_trait::async_trait;
use domain::access::{ActionSpec, Authenticator, Caller, Presented, Reach, Rules, Target};
use domain::code::{Bound, ParameterBinder, Schema};
use domain::identity::Secret;
use domain::json::JsonText;
use domain::name::PrincipalName;
use domain::request::{Committed, RequestKey};
use domain::sandbox::{Isolation, Secrets};
use domain::server::{Battery, Facts, KeyRepository, ProbeFailure, ServerFacts, TierFacts, WrappingKey};
use domain::time::Timestamp;
use domain::{Error, Result, Violation};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tonic::Code;

/// Knows names, not types.
pub struct FakeBinder;

impl ParameterBinder for FakeBinder {
    fn bind(&self, schema: Schema<'_>, json: &str) -> Result<Bound, Vec<Violation>> {
        let given = object(json)?;
        let field = |name: &str| format!("params_json.{name}");
        let missing = schema.named().filter(|parameter| parameter.required && !given.contains_key(&parameter.name));
        let missing = missing.map(|parameter| Violation::new(field(&parameter.name), "MISSING", "is required"));
        let unknown = given.keys().filter(|name| schema.find(name).is_none());
        let unknown = unknown.map(|name| Violation::new(field(name), "UNKNOWN_PARAMETER", "is no parameter"));
        let violations: Vec<_> = missing.chain(unknown).collect();
        let json = JsonText::read(Value::Object(given).to_string());
        if violations.is_empty() { Ok(Bound { public_json: json.clone(), json, secrets: Secrets::default() }) } else { Err(violations) }
    }

    fn take(&self, json: &str, member: &str) -> Result<(Option<JsonText>, JsonText), Vec<Violation>> {
        let mut given = object(json)?;
        let taken = given.remove(member).map(|value| JsonText::read(value.to_string()));
        Ok((taken, JsonText::read(Value::Object(given).to_string())))
    }

    fn put(&self, json: &str, texts: &[(String, Secret)]) -> Result<(JsonText, Vec<String>), Vec<Violation>> {
        let mut given = object(json)?;
        let replaced = texts.iter().map(|(name, _)| name.clone()).filter(|name| given.contains_key(name)).collect();
        given.extend(texts.iter().map(|(name, text)| (name.clone(), Value::from(text.expose()))));
        Ok((JsonText::read(Value::Object(given).to_string()), replaced))
    }

    fn input_name(&self, _code: &domain::code::Code) -> Option<String> {
        None
    }

    fn read_value(&self, json: String) -> Result<JsonText, String> {
        serde_json::from_str::<Value>(&json).map_err(|error| error.to_string())?;
        Ok(JsonText::read(json))
    }
}

fn object(json: &str) -> Result<Map<String, Value>, Vec<Violation>> {
    let text = if json.is_empty() { "{}" } else { json };
    serde_json::from_str(text).map_err(|error| vec![Violation::new("params_json", "NOT_AN_OBJECT", error.to_string())])
}

/// Refuses everybody, and remembers what was asked.
#[derive(Default)]
pub struct RecordingRules {
    asked: Mutex<Vec<(ActionSpec, String)>>,
}

impl RecordingRules {
    /// What was asked since the last time, each with what it was about.
    pub fn take(&self) -> Vec<(ActionSpec, String)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

#[async_trait]
impl Rules for RecordingRules {
    async fn decide(&self, _caller: &Caller, action: ActionSpec, target: Target<'_>) -> Result<Option<Reach>> {
        self.asked.lock().unwrap().push((action, target.to_string()));
        Ok(None)
    }
}

/// Knows one token and nobody else, and remembers where calls came from.
#[derive(Default)]
pub struct TokenAuthenticator {
    pub peers: Mutex<Vec<Option<std::net::IpAddr>>>,
}

impl TokenAuthenticator {
    pub const TOKEN: &str = "Bearer one-and-only";
}

#[async_trait]
impl Authenticator for TokenAuthenticator {
    async fn authenticate(&self, presented: Presented<'_>) -> Result<Caller> {
        self.peers.lock().unwrap().push(presented.peer);
        match presented.authorization {
            Some(Self::TOKEN) => Ok(Caller::loopback(PrincipalName::parse("principal", crate::harness::LOCAL)?)),
            Some(_) | None => Err(Error::Unauthenticated),
        }
    }

    async fn as_of_now(&self, caller: &Caller) -> Result<Option<Caller>> {
        Ok(Some(caller.clone()))
    }

    async fn in_absence(&self, principal: &PrincipalName, _since: Timestamp) -> Result<Option<Caller>> {
        Ok(Some(Caller::loopback(principal.clone())))
    }
}

/// A server whose first tier was tested, whose second was not, and whose third leaks.
pub struct FakeServerFacts;

impl ServerFacts for FakeServerFacts {
    fn facts(&self) -> Facts {
        let leak = ProbeFailure {
            probe: "network-tcp-connect".to_owned(),
            defence: "namespaces".to_owned(),
            detail: "connected".to_owned(),
            hint: "enable user namespaces".to_owned(),
        };
        let battery = |failures| Battery { version: "7".to_owned(), time: Timestamp::from_millis(1_500), probes: 60, failures };
        Facts {
            version: "0.1.0".to_owned(),
            instance: "test".to_owned(),
            started: Timestamp::from_millis(1_000),
            backend: "namespace".to_owned(),
            tiers: vec![
                TierFacts { tier: Isolation::TenantWarm, accepted: true, battery: Some(battery(Vec::new())) },
                TierFacts { tier: Isolation::SingleUse, accepted: true, battery: None },
                TierFacts { tier: Isolation::OneShot, accepted: false, battery: Some(battery(vec![leak])) },
            ],
        }
    }
}

/// Remembers calls.
#[derive(Default)]
pub struct RecordedCalls {
    ended: watch::Sender<Vec<(String, Code)>>,
    settled: watch::Sender<Vec<(String, Code)>>,
    began: Mutex<usize>,
}

impl RecordedCalls {
    /// The code of the first call of `method` that ended, once one has.
    pub async fn ended(&self, method: &str) -> Code {
        first(&self.ended, method).await
    }

    /// The code of the first change by `method` that ended without its caller, once one has.
    pub async fn settled(&self, method: &str) -> Code {
        first(&self.settled, method).await
    }

    /// Waits until every call that began has ended, and answers them.
    pub async fn all(&self) -> Vec<(String, Code)> {
        let mut ended = self.ended.subscribe();
        let all = ended.wait_for(|calls| calls.len() == *self.began.lock().unwrap()).await.unwrap();
        all.clone()
    }
}

impl CallMetrics for RecordedCalls {
    fn began(&self, _method: &str) {
        *self.began.lock().unwrap() += 1;
    }

    fn ended(&self, method: &str, code: Code, _elapsed: Duration) {
        self.ended.send_modify(|calls| calls.push((method.to_owned(), code)));
    }

    fn settled(&self, method: &str, code: Code) {
        self.settled.send_modify(|calls| calls.push((method.to_owned(), code)));
    }
}

async fn first(calls: &watch::Sender<Vec<(String, Code)>>, method: &str) -> Code {
    let mut calls = calls.subscribe();
    let found = calls.wait_for(|calls| calls.iter().any(|(path, _)| path.ends_with(method))).await.unwrap();
    found.iter().find(|(path, _)| path.ends_with(method)).expect("just seen").1
}

/// Counts rotations. The newest key wraps everything.
#[derive(Default)]
pub struct FakeKeys {
    made: Mutex<Vec<(Option<RequestKey>, String)>>,
}

impl FakeKeys {
    fn made(&self) -> MutexGuard<'_, Vec<(Option<RequestKey>, String)>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, request: &RequestKey) -> Option<Committed<String>> {
        let is_it = |known: &RequestKey| (known.method, &known.caller, &known.id) == (request.method, &request.caller, &request.id);
        let made = self.made();
        let (known, id) = made.iter().find(|(known, _)| known.as_ref().is_some_and(is_it))?;
        let is_same = known.as_ref().is_some_and(|known| known.body == request.body);
        Some(if is_same { Committed::Answered(Box::new(id.clone())) } else { Committed::KeyReused })
    }
}

#[async_trait]
impl KeyRepository for FakeKeys {
    async fn wrapping_keys(&self) -> Result<Vec<WrappingKey>> {
        let made = self.made();
        let key = |(place, (_, id)): (usize, &(Option<RequestKey>, String))| WrappingKey {
            id: id.clone(),
            created: Timestamp::from_millis(place as u64),
            wraps: u64::from(place + 1 == made.len()),
        };
        Ok(made.iter().enumerate().rev().map(key).collect())
    }

    async fn rotate(&self, request: Option<&RequestKey>) -> Result<Committed<String>> {
        if let Some(answered) = request.and_then(|request| self.answered(request)) {
            return Ok(answered);
        }
        let mut made = self.made();
        let id = format!("key-{}", made.len());
        made.push((request.cloned(), id.clone()));
        Ok(Committed::Answered(Box::new(id)))
    }

    async fn find_rotation(&self, request: &RequestKey) -> Result<Option<Committed<String>>> {
        Ok(self.answered(request))
    }

    async fn go_on_rotating(&self) -> Result<u64> {
        Ok(0)
    }
}
