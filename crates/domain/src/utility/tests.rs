//! Hashes tell contents apart; drafts report every violation.

use super::*;
use crate::code::{Code, Kind, MAX_CODE, Parameter, ValueType};
use crate::hash::Hash;
use crate::name::RuntimeId;
use crate::sandbox::{Isolation, Limits, OnOutputLimit};

fn definition() -> Definition {
    Definition {
        kind: Kind::Transformer,
        parameters: Vec::new(),
        parameters_overridden: false,
        limits: Limits::DEFAULT,
        runtime: RuntimeId::default(),
        isolation: Isolation::TenantWarm,
        fresh_processes: false,
    }
}

fn parameter(name: &str) -> Parameter {
    Parameter {
        name: name.to_owned(),
        value_type: ValueType::String,
        required: true,
        default_json: None,
        enum_json: Vec::new(),
        secret: false,
        description: String::new(),
    }
}

#[test]
fn each_part_of_the_content_changes_the_hash() {
    let code = Code::from_text("def transform(value): return value\n");
    let base = definition().content_hash(&code);
    assert_eq!(base, definition().content_hash(&code));
    let variants = [
        Definition { kind: Kind::Script, ..definition() },
        Definition { parameters: vec![parameter("a")], ..definition() },
        Definition { parameters: vec![Parameter { secret: true, ..parameter("a") }], ..definition() },
        Definition { parameters: vec![parameter("a")], parameters_overridden: true, ..definition() },
        Definition { limits: Limits { memory: 1 << 27, ..Limits::DEFAULT }, ..definition() },
        Definition { limits: Limits { on_output_limit: OnOutputLimit::Stop, ..Limits::DEFAULT }, ..definition() },
        Definition { runtime: RuntimeId::new("python-ml"), ..definition() },
        Definition { isolation: Isolation::SingleUse, ..definition() },
        Definition { fresh_processes: true, ..definition() },
    ];
    let mut seen = vec![base, definition().content_hash(&Code::from_text("def transform(v): return v\n"))];
    for variant in variants {
        let hash = variant.content_hash(&code);
        assert!(!seen.contains(&hash), "{variant:?}");
        seen.push(hash);
    }
}

#[test]
fn a_hash_survives_its_text() {
    let hash = Code::from_text("x").sha256();
    assert_eq!(Hash::from_hex(&hash.to_string()), Some(hash));
    assert_eq!(Hash::from_hex("zz"), None);
    assert_eq!(Hash::from_hex(&"\u{e9}".repeat(32)), None);
}

#[test]
fn a_draft_reports_every_violation() {
    let draft = Draft {
        metadata: Metadata { display_name: "x".repeat(101), tags: vec!["ok".to_owned(), "a\nb".to_owned()], ..Metadata::default() },
        parameters: Some(vec![parameter("a"), parameter("a"), parameter("1a")]),
        message: "m".repeat(501),
        ..Draft::default()
    };
    let fields: Vec<_> = draft.violations("utility").into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["utility.display_name", "utility.tags[1]", "utility.parameters[1].name", "utility.parameters[2].name", "message"]);
}

#[test]
fn code_is_bounded_and_utf8() {
    assert!(Code::parse("code", vec![b'#'; MAX_CODE]).is_ok());
    assert_eq!(Code::parse("code", vec![b'#'; MAX_CODE + 1]).unwrap_err().reason, "TOO_LARGE");
    assert_eq!(Code::parse("code", vec![b'#', 0xff]).unwrap_err().reason, "NOT_UTF8");
}

#[test]
fn tags_may_have_spaces_between_their_words_and_have_one_spelling() {
    let violations = |tag: &str| {
        let metadata = Metadata { tags: vec![tag.to_owned()], ..Metadata::default() };
        Draft { metadata, ..Draft::default() }.violations("utility")
    };
    for tag in ["incident response", " trimmed ", "a  b", "größe 名前", &"x".repeat(MAX_TAG), &format!("  {}  ", "x".repeat(MAX_TAG))] {
        assert!(violations(tag).is_empty(), "{tag:?}: {:?}", violations(tag));
    }
    for tag in ["", "   ", "a\nb", "a\tb", "a\u{1b}[31m", &"x".repeat(MAX_TAG + 1)] {
        assert_eq!(violations(tag).len(), 1, "{tag:?}");
    }
    let tags = [" incident  response", "b", "incident response ", "incident\u{a0}response"].map(str::to_owned).to_vec();
    assert_eq!(Metadata { tags, ..Metadata::default() }.normalized().tags, ["b", "incident response"]);
}

#[test]
fn a_written_schema_may_have_one_parameter_for_all_other_names() {
    let found = |parameters: Vec<Parameter>| {
        let draft = Draft { parameters: Some(parameters), ..Draft::default() };
        draft.violations("utility").into_iter().map(|violation| (violation.field, violation.reason)).collect::<Vec<_>>()
    };
    let rest = |name: &str| Parameter { required: false, ..parameter(name) };
    assert_eq!(found(vec![parameter("a"), rest("**others")]), []);
    assert_eq!(found(vec![parameter("**others")]), [("utility.parameters[0].name".to_owned(), "CONFLICT")]);
    assert_eq!(found(vec![rest("**a"), rest("**b")]), [("utility.parameters[1].name".to_owned(), "DUPLICATE")]);
    for name in ["**", "*a", "***a", "** a"] {
        assert_eq!(found(vec![rest(name)]), [("utility.parameters[0].name".to_owned(), "MALFORMED")], "{name}");
    }
}
