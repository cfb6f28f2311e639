//! Entities with every field filled, so that a lost field is seen. Change what a test is about.

use std::sync::Arc;
use std::time::Duration;

use domain::access::{Access, Consent, Grant, Grantee, TenantScope};
use domain::code::{Code, Kind, Parameter, ValueType};
use domain::execution::{Body, Event, Execution, Mode, Output, State, Values};
use domain::hash::Hash;
use domain::identity::{PasswordHash, Principal, PrincipalState, Role};
use domain::json::JsonText;
use domain::lease::{Fence, InstanceId};
use domain::name::{ExecutionId, ExecutionName, PrincipalName, RuntimeId, TenantId, UtilityId, UtilityName};
use domain::request::{Expected, RequestKey};
use domain::revision::Revision;
use domain::sandbox::{
    Attestation, BackendKind, BatteryPass, Failure, Isolation, Limits, Network, OnOutputLimit, Reason, ResourceControl, Seccomp, Stream,
    Usage,
};
use domain::time::Timestamp;
use domain::utility::{Definition, Lineage, Metadata, Occasion, StoredFinding, Utility, UtilityChange, Version, VersionHead};

use crate::FakeClock;

/// A tenant's id.
pub fn tenant(code: &str) -> TenantId {
    TenantId::parse("tenant", code).expect("tests name valid tenants")
}

/// A tenant's scope.
pub fn scope(code: &str) -> TenantScope {
    TenantScope::for_system(tenant(code))
}

/// A utility's id.
pub fn utility_id(id: &str) -> UtilityId {
    UtilityId::parse("utility", id).expect("tests name valid utilities")
}

/// A user of tenant `acme`.
pub fn user(name: &str) -> PrincipalName {
    PrincipalName::parse("principal", &format!("tenants/acme/users/{name}")).expect("tests name valid users")
}

/// The id of the execution with this number; ids ascend with it.
pub fn execution_id(number: u64) -> ExecutionId {
    ExecutionId::parse("execution", &format!("018f0000-0000-7000-8000-{number:012x}")).expect("the text has the form of a UUID")
}

/// The fence of an instance by its acquisition of this number.
pub fn fence(holder: &str, token: u64) -> Fence {
    Fence { holder: InstanceId::new(holder), token }
}

/// So many milliseconds after the start of [`FakeClock`].
pub fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(FakeClock::START.as_millis() + millis)
}

/// A request of user `ann` whose body is told by one number.
pub fn request(method: &'static str, id: &str, body: u8) -> RequestKey {
    RequestKey { method, caller: user("ann"), id: id.to_owned(), body: Hash::from_bytes([body; 32]) }
}

/// A definition with every field filled.
pub fn definition(kind: Kind) -> Definition {
    let required = Parameter {
        name: "größe".to_owned(),
        value_type: ValueType::Integer,
        required: true,
        default_json: None,
        enum_json: vec![JsonText::read("1"), JsonText::read("9007199254740993")],
        secret: true,
        description: "a \"quoted\" description".to_owned(),
    };
    let optional = Parameter {
        name: "mode".to_owned(),
        value_type: ValueType::String,
        required: false,
        default_json: Some(JsonText::read("\"fast\"")),
        enum_json: Vec::new(),
        secret: false,
        description: String::new(),
    };
    Definition {
        kind,
        parameters: vec![required, optional],
        parameters_overridden: true,
        limits: Limits {
            wall: Duration::from_millis(1_234),
            grace: Duration::from_millis(56),
            cpu: Duration::from_secs(7),
            on_output_limit: OnOutputLimit::Stop,
            ..Limits::DEFAULT
        },
        runtime: RuntimeId::default(),
        isolation: Isolation::SingleUse,
        fresh_processes: true,
    }
}

/// A version of this number; its code tells the number.
pub fn version(number: u32, kind: Kind) -> Version {
    version_of(number, kind, format!("def transform(value):\n    return 'äöü 🦀 {number}'\n"))
}

/// A version with this code.
pub fn version_of(number: u32, kind: Kind, code: impl Into<Arc<str>>) -> Version {
    let code = Code::from_text(code);
    let definition = definition(kind);
    let finding = StoredFinding {
        rule: "ZPY-QUALITY-001".to_owned(),
        family: "quality".to_owned(),
        line: 2,
        column: 5,
        message: "unused".to_owned(),
        suggestion: "remove it".to_owned(),
    };
    let head = VersionHead {
        number,
        code_sha256: code.sha256(),
        code_bytes: code.text().len() as u64,
        content_hash: definition.content_hash(&code),
        definition,
        compiled_on: None,
        author: user("ann"),
        created: at(u64::from(number)),
        message: format!("version {number}"),
        warnings: vec![finding],
        imports: vec!["json".to_owned(), format!("module{number}")],
    };
    Version { head, code }
}

/// Revision 1 of a transformer of `scope`, with `version(1)`.
pub fn utility(scope: &TenantScope, id: &str) -> Utility {
    let version = version(1, Kind::Transformer);
    Utility {
        name: UtilityName { tenant: scope.tenant().clone(), utility: utility_id(id) },
        uid: format!("uid-of-{id}"),
        metadata: Metadata {
            display_name: "Extract".to_owned(),
            description: "finds \"things\"\nin text".to_owned(),
            tags: vec!["ioc".to_owned(), "text".to_owned()],
            store_values: true,
            show_secrets: true,
        },
        owner: user("ann"),
        deleted: None,
        latest_version: 1,
        definition: version.definition.clone(),
        content_hash: version.content_hash,
        code_sha256: version.code.sha256(),
        imports: version.imports.clone(),
        lineage: None,
        revision: Revision::FIRST,
        created: at(1_000),
        updated: at(1_000),
    }
}

/// Where a copy comes from, with every field filled.
pub fn lineage() -> Lineage {
    Lineage {
        source: UtilityName { tenant: tenant("beta"), utility: utility_id("theirs") },
        source_uid: "uid-theirs".to_owned(),
        version: 3,
        content_hash: version(3, Kind::Transformer).content_hash,
        by: user("bob"),
        time: at(900),
        dismissed: 5,
    }
}

/// The change that creates a utility with its first version.
pub fn creation(utility: Utility) -> UtilityChange {
    let new_version = Some(version(1, utility.definition.kind));
    UtilityChange { expected: Expected::Absent, occasion: Occasion::Create, utility, new_version, request: None }
}

/// The change of `before` into `after`, one revision later.
pub fn change(before: &Utility, mut after: Utility) -> UtilityChange {
    after.revision = before.revision.next();
    let (expected, occasion) = (Expected::Revision(before.revision), Occasion::Update);
    UtilityChange { expected, occasion, utility: after, new_version: None, request: None }
}

/// The change that adds the next version.
pub fn next_version(before: &Utility) -> UtilityChange {
    let version = version(before.latest_version + 1, before.definition.kind);
    let after = Utility {
        latest_version: version.number,
        content_hash: version.content_hash,
        code_sha256: version.code.sha256(),
        imports: version.imports.clone(),
        updated: at(1_000 + u64::from(version.number)),
        ..before.clone()
    };
    UtilityChange { new_version: Some(version), ..change(before, after) }
}

/// A pending execution of `scope`, created `number` milliseconds after the start.
pub fn execution(scope: &TenantScope, number: u64) -> Execution {
    let name = ExecutionName { tenant: scope.tenant().clone(), execution: execution_id(number) };
    Execution {
        name,
        version: UtilityName { tenant: scope.tenant().clone(), utility: utility_id("extract") }.version(3),
        kind: Kind::Script,
        mode: Mode::Run,
        caller: user("ann"),
        state: State::Pending,
        params_json: JsonText::read("{\"n\": 9007199254740993}"),
        secrets: Vec::new(),
        limits: Limits::DEFAULT,
        created: at(number),
        started: None,
        ended: None,
        result_json: None,
        values: None,
        request_id: "4a0f".to_owned(),
        failure: None,
        usage: None,
        attestation: None,
        last_sequence: 0,
        claimable: None,
        fence: fence("server-1", 1),
        revision: Revision::FIRST,
    }
}

/// The execution as it ended, `ended` milliseconds after the start, with every field filled.
pub fn ended(execution: &Execution, ended: u64) -> Execution {
    let failure = Failure {
        reason: Reason::UserError,
        message: "it raised".to_owned(),
        exception: Some("ValueError".to_owned()),
        traceback: Some("Traceback\n  line 1".to_owned()),
        line: Some(1),
        exit_code: Some(-1),
        signal: Some("SIGSEGV".to_owned()),
    };
    Execution {
        state: State::Failed,
        mode: Mode::Transform,
        started: Some(at(ended.saturating_sub(5))),
        ended: Some(at(ended)),
        result_json: Some(JsonText::read("[1.0, 9007199254740993]")),
        values: Some(Values {
            count: 2,
            failed: 1,
            inputs_json: vec![JsonText::read("1"), JsonText::read("\"x\"")],
            outcomes: vec![Ok(JsonText::read("null")), Err(failure.clone())],
        }),
        failure: Some(failure),
        usage: Some(Usage {
            wall_micros: 1,
            user_micros: 2,
            system_micros: 3,
            peak_memory_bytes: 4,
            stdout_bytes: 5,
            stderr_bytes: 6,
            dropped_bytes: 7,
        }),
        attestation: Some(attestation()),
        revision: execution.revision.next(),
        ..execution.clone()
    }
}

/// An attestation whose capabilities need all 64 bits.
pub fn attestation() -> Attestation {
    Attestation {
        tier: Isolation::TenantWarm,
        backend: BackendKind::Namespace,
        runtime: RuntimeId::default(),
        runtime_digest: "sha256:00".to_owned(),
        python_version: "3.11.2".to_owned(),
        sandbox: "s-1".to_owned(),
        namespaces: vec!["user".to_owned(), "pid".to_owned()],
        seccomp: Seccomp::Filter,
        no_new_privileges: true,
        capabilities: u64::MAX,
        uid: 65_534,
        network: Network::None,
        resource_control: ResourceControl::CgroupV2,
        battery: Some(BatteryPass { version: "0123456789ab".to_owned(), at: at(7) }),
        restored: 12,
    }
}

/// An output event of `length` bytes that are not text.
pub fn output(sequence: u64, length: usize) -> Event {
    let stream = if sequence.is_multiple_of(2) { Stream::Stderr } else { Stream::Stdout };
    let data = (0..length).map(|index| (index as u64).wrapping_mul(31).wrapping_add(sequence) as u8).collect();
    Event { sequence, time: at(sequence), body: Body::Output(Output { stream, offset: sequence * 10, data }) }
}

/// A grant of tenant `acme` with every field filled.
pub fn grant(utility: &str, grantee: Grantee, access: Access) -> Grant {
    Grant {
        utility: UtilityName { tenant: tenant("acme"), utility: utility_id(utility) },
        grantee,
        access,
        reason: "nightly \"reports\"".to_owned(),
        expires: Some(at(5_000)),
        granted_by: user("root"),
        created: at(7),
        consent: Consent::Unneeded,
    }
}

/// What is offered to tenant `beta`, with every field filled.
pub fn offer(utility: &str, access: Access) -> Grant {
    Grant { consent: Consent::Awaited, ..grant(utility, Grantee::Tenant(tenant("beta")), access) }
}

/// The same, accepted there.
pub fn accepted(offer: &Grant) -> Grant {
    let by = PrincipalName::parse("by", "tenants/beta/users/zed").expect("the name is one");
    Grant { consent: Consent::Given { by, time: at(9) }, ..offer.clone() }
}

/// A disabled user or service account of this name, with every field set.
pub fn principal(name: &str) -> Principal {
    Principal {
        name: PrincipalName::parse("name", name).expect("the name is one"),
        display_name: "Ann".to_owned(),
        role: Role::Creator,
        state: PrincipalState::Disabled,
        password: Some(PasswordHash::new("$hash$")),
        created: at(1),
        updated: at(2),
        revision: Revision::FIRST,
        valid_after: at(3),
    }
}
