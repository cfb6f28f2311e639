//! What is proposed, and what becomes of each part of a version that is not its code.

use super::*;
use crate::code::{Code, Kind};
use crate::name::{PrincipalName, RuntimeId, TenantId, UtilityId};
use crate::revision::Revision;
use crate::sandbox::{Isolation, Limits};
use crate::time::Timestamp;
use crate::utility::{Metadata, VersionHead};

fn definition() -> Definition {
    Definition {
        kind: Kind::Script,
        parameters: Vec::new(),
        parameters_overridden: false,
        limits: Limits::DEFAULT,
        runtime: RuntimeId::default(),
        isolation: Isolation::TenantWarm,
        fresh_processes: false,
    }
}

fn version(definition: Definition) -> Version {
    let code = Code::from_text("pass\n");
    let head = VersionHead {
        number: 1,
        code_sha256: code.sha256(),
        code_bytes: 5,
        content_hash: definition.content_hash(&code),
        definition,
        compiled_on: None,
        author: PrincipalName::parse("author", "tenants/acme/users/ann").unwrap(),
        created: Timestamp::default(),
        message: String::new(),
        warnings: Vec::new(),
        imports: Vec::new(),
    };
    Version { head, code }
}

/// The current one of a source, of which `number` versions were made.
fn source(number: u32, content: &str) -> Utility {
    let code = Code::from_text(content);
    Utility {
        name: UtilityName { tenant: TenantId::parse("tenant", "beta").unwrap(), utility: UtilityId::parse("id", "theirs").unwrap() },
        uid: "the-one".to_owned(),
        metadata: Metadata::default(),
        owner: PrincipalName::parse("owner", "tenants/beta/users/bob").unwrap(),
        deleted: None,
        latest_version: number,
        definition: definition(),
        content_hash: definition().content_hash(&code),
        code_sha256: code.sha256(),
        imports: Vec::new(),
        lineage: None,
        revision: Revision::FIRST,
        created: Timestamp::default(),
        updated: Timestamp::default(),
    }
}

fn proposed(source_now: &Utility, dismissed: u32) -> Option<Proposal> {
    let copied = source(2, "two\n");
    let lineage = Lineage {
        source: copied.name.clone(),
        source_uid: copied.uid.clone(),
        version: copied.latest_version,
        content_hash: copied.content_hash,
        by: PrincipalName::parse("by", "tenants/acme/users/ann").unwrap(),
        time: Timestamp::default(),
        dismissed,
    };
    Proposal::of(&copied, &lineage, source_now)
}

#[test]
fn only_what_the_source_itself_has_become_is_proposed() {
    let next = source(3, "three\n");
    let proposal = proposed(&next, 0).unwrap();
    assert_eq!((proposal.base_version, proposal.source_version, proposal.dismissed), (2, 3, false));
    assert!(proposed(&next, 3).unwrap().dismissed && !proposed(&source(4, "four\n"), 3).unwrap().dismissed);
    assert_eq!(proposed(&source(2, "two\n"), 0), None, "it is what was copied");
    assert_eq!(proposed(&source(4, "two\n"), 0), None, "it is again what was copied");
    assert_eq!(proposed(&Utility { deleted: Some(Timestamp::default()), ..next.clone() }, 0), None);
    assert_eq!(proposed(&Utility { uid: "another".to_owned(), ..next }, 0), None, "another one has the name by now");
}

fn merged(ours: Definition, theirs: Definition, keep: &[Part]) -> MergedParts {
    Sides { base: version(definition()), ours: version(ours), theirs: version(theirs) }.parts(keep)
}

fn parameter(name: &str) -> Parameter {
    Parameter {
        name: name.to_owned(),
        value_type: crate::code::ValueType::String,
        required: true,
        default_json: None,
        enum_json: Vec::new(),
        secret: false,
        description: String::new(),
    }
}

#[test]
fn each_part_is_taken_from_the_side_that_has_changed_it() {
    let written = Definition { parameters: vec![parameter("a")], parameters_overridden: true, ..definition() };
    let changed = [
        written,
        Definition { limits: Limits { memory: 1 << 20, ..Limits::DEFAULT }, ..definition() },
        Definition { runtime: RuntimeId::new("other"), ..definition() },
        Definition { isolation: Isolation::SingleUse, ..definition() },
        Definition { fresh_processes: true, ..definition() },
    ];
    for one in changed {
        for (ours, theirs) in [(one.clone(), definition()), (definition(), one.clone()), (one.clone(), one.clone())] {
            let merged = merged(ours, theirs, &[]);
            assert_eq!((merged.definition, merged.conflicting), (one.clone(), Vec::new()));
        }
    }
}

#[test]
fn a_part_that_both_have_changed_stays_ours_and_is_a_conflict() {
    let all = |memory, parameter_name: &str, runtime, isolation, fresh_processes| Definition {
        kind: Kind::Script,
        parameters: vec![parameter(parameter_name)],
        parameters_overridden: true,
        limits: Limits { memory, ..Limits::DEFAULT },
        runtime: RuntimeId::new(runtime),
        isolation,
        fresh_processes,
    };
    let ours = all(1 << 20, "ours", "ours", Isolation::SingleUse, true);
    let theirs = all(2 << 20, "theirs", "theirs", Isolation::OneShot, true);
    let both = merged(ours.clone(), theirs.clone(), &[]);
    let conflicting = [Part::Parameters, Part::Limits, Part::Runtime, Part::Isolation];
    assert_eq!((both.definition, both.conflicting), (ours.clone(), conflicting.to_vec()), "who both want the same do not disagree");
    let decided = merged(ours.clone(), theirs.clone(), &Part::ALL);
    assert_eq!((decided.definition, decided.conflicting), (ours, Vec::new()));
    let kept = merged(definition(), theirs, &Part::ALL);
    assert_eq!((kept.definition, kept.conflicting), (definition(), Vec::new()), "also what was not changed here stays");
}

#[test]
fn a_schema_that_follows_the_code_is_no_conflict() {
    let inferred = |name: &str| Definition { parameters: vec![parameter(name)], ..definition() };
    let merged = merged(inferred("ours"), inferred("theirs"), &[]);
    assert_eq!(merged.conflicting, []);
    assert!(!merged.definition.parameters_overridden, "it is inferred from the merged code");
}
