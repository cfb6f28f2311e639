//! What binding accepts, what it refuses and in which words.

use domain::json::JsonText;

use super::*;

fn parameter(name: &str, value_type: ValueType) -> Parameter {
    Parameter {
        name: name.to_owned(),
        value_type,
        required: false,
        default_json: None,
        enum_json: Vec::new(),
        secret: false,
        description: String::new(),
    }
}

/// As against a schema that a person wrote.
fn bind(schema: &[Parameter], json: &str) -> Result<Bound, Vec<Violation>> {
    JsonBinder.bind(Schema::written(schema), json)
}

fn refused(schema: &[Parameter], json: &str) -> Vec<(String, &'static str)> {
    bind(schema, json).unwrap_err().into_iter().map(|violation| (violation.field, violation.reason)).collect()
}

fn check_type(value_type: ValueType, accepted: &[&str], wrong: &[&str]) {
    let schema = [parameter("p", value_type)];
    for value in accepted {
        let json = format!(r#"{{"p":{value}}}"#);
        assert_eq!(bind(&schema, &json).unwrap().json, json.as_str(), "{value_type:?}");
    }
    for value in wrong {
        assert_eq!(
            refused(&schema, &format!(r#"{{"p":{value}}}"#)),
            [("params_json.p".to_owned(), "WRONG_TYPE")],
            "{value_type:?} {value}"
        );
    }
}

#[test]
fn each_type_accepts_its_own_values_only() {
    check_type(ValueType::String, &[r#""""#, r#""5""#], &["5", "null", "[]", "true"]);
    check_type(ValueType::Integer, &["5", "-0", "123456789012345678901234567890"], &["5.0", "5e2", r#""5""#, "true", "null"]);
    check_type(ValueType::Number, &["5", "5.25", "-1E+300"], &[r#""5""#, "false", "null"]);
    check_type(ValueType::Boolean, &["true", "false"], &["0", r#""true""#]);
    check_type(ValueType::Array, &["[]", "[1, [2]]"], &["{}", "null"]);
    check_type(ValueType::Object, &["{}", r#"{"a": {}}"#], &["[]", r#""{}""#]);
    check_type(ValueType::Any, &["null", "1", "[]", r#""x""#], &[]);
}

#[test]
fn numbers_keep_every_digit() {
    let json = r#"{"n":9007199254740993.10000000000000000001}"#;
    assert_eq!(bind(&[parameter("n", ValueType::Number)], json).unwrap().json, json);
}

#[test]
fn every_violation_is_reported_at_once() {
    let schema = [
        Parameter { required: true, ..parameter("host", ValueType::String) },
        parameter("count", ValueType::Integer),
        Parameter { enum_json: vec![JsonText::read(r#""low""#), JsonText::read(r#""high""#)], ..parameter("severity", ValueType::String) },
    ];
    let violations = bind(&schema, r#"{"count": 1.5, "severity": "odd", "hots": 1}"#).unwrap_err();
    let texts: Vec<_> = violations.iter().map(|violation| format!("{} {violation}", violation.reason)).collect();
    assert_eq!(
        texts,
        [
            "UNKNOWN_PARAMETER params_json.hots: is unknown; the utility has `host`, `count`, `severity`",
            "MISSING params_json.host: is required: a string",
            "WRONG_TYPE params_json.count: must be an integer, not a number",
            r#"NOT_ALLOWED params_json.severity: must be one of "low", "high""#,
        ]
    );
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    let whole = |reason| [("params_json".to_owned(), reason)];
    for json in ["{", "{'a': 1}", "{\"a\": NaN}", "{} {}", "{\"a\": 1,}", "{\"a\": \"\u{1}\"}"] {
        assert_eq!(refused(&[parameter("a", ValueType::Any)], json), whole("NOT_JSON"), "{json}");
    }
    for json in ["[]", "null", "1", "\"{}\""] {
        assert_eq!(refused(&[], json), whole("NOT_AN_OBJECT"), "{json}");
    }
    assert_eq!(bind(&[], " \n").unwrap().json, "{}");
}

#[test]
fn a_parameter_given_twice_is_refused_even_when_spelled_differently() {
    let schema = [parameter("a", ValueType::Any)];
    assert_eq!(refused(&schema, r#"{"a":1,"\u0061":2}"#), [("params_json.a".to_owned(), "DUPLICATE")]);
}

#[test]
fn nesting_is_bounded_but_brackets_in_strings_do_not_nest() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    check_value(&nested(domain::json::MAX_DEPTH)).unwrap();
    assert_eq!(check_value(&nested(domain::json::MAX_DEPTH + 1)).unwrap_err(), "is nested more than 128 deep");
    check_value(&format!(r#""{}\"{}""#, "[".repeat(500), "{".repeat(500))).unwrap();
    assert!(check_value(&nested(1_000_000)).is_err());
}

#[test]
fn what_not_every_reader_takes_alike_is_refused_as_a_parameter_and_as_a_value() {
    let long = "1".repeat(4_301);
    for (json, named) in [("1e400", "1e400"), (r#"["\ud800"]"#, r"`\ud800`"), (long.as_str(), "4301 digits")] {
        assert!(check_value(json).unwrap_err().contains(named), "{json}");
        let given = format!(r#"{{"a":{json}}}"#);
        assert_eq!(refused(&[parameter("a", ValueType::Any)], &given), [("params_json".to_owned(), "NOT_JSON")], "{json}");
    }
    check_value(r#"["\ud83d\ude00", 1e308, 9007199254740993]"#).unwrap();
}

#[test]
fn null_fits_where_the_schema_says_so() {
    let nullable = Parameter { default_json: Some(JsonText::read("null")), ..parameter("p", ValueType::String) };
    bind(&[nullable], r#"{"p":null}"#).unwrap();
    let listed = Parameter { enum_json: vec![JsonText::read("1"), JsonText::read("null")], ..parameter("p", ValueType::Integer) };
    bind(std::slice::from_ref(&listed), r#"{"p":null}"#).unwrap();
    assert_eq!(refused(&[listed], r#"{"p":2}"#), [("params_json.p".to_owned(), "NOT_ALLOWED")]);
}

#[test]
fn allowed_values_are_compared_as_values_not_as_texts() {
    let schema = [Parameter { enum_json: vec![JsonText::read(r#""a""#), JsonText::read(r#"{"x":1}"#)], ..parameter("p", ValueType::Any) }];
    bind(&schema, r#"{"p":"\u0061"}"#).unwrap();
    bind(&schema, r#"{"p":{ "x" : 1 }}"#).unwrap();
    assert_eq!(refused(&schema, r#"{"p":null}"#), [("params_json.p".to_owned(), "NOT_ALLOWED")]);
}

#[test]
fn secret_values_are_handed_over_but_never_shown() {
    let schema = [Parameter { secret: true, ..parameter("token", ValueType::String) }, parameter("host", ValueType::String)];
    let bound = bind(&schema, r#"{"token":"s3cret","host":"a"}"#).unwrap();
    assert_eq!(bound.json, r#"{"token":"s3cret","host":"a"}"#);
    assert_eq!(bound.public_json, r#"{"host":"a"}"#);
    let violations = bind(&schema, r#"{"token":31337}"#).unwrap_err();
    assert!(!format!("{violations:?}").contains("31337"));
}

#[test]
fn what_is_to_be_masked_are_the_texts_and_numbers_of_secret_values_however_deep() {
    let secret = |name: &str| Parameter { secret: true, ..parameter(name, ValueType::Any) };
    let schema = [secret("login"), secret("pin"), parameter("host", ValueType::String), secret("**more")];
    let json = r#"{"login":{"user name":"ann\\e","keys":["k\u00e9y-1",123456789012345678901,true]},"pin":31337,"host":"example.org","x":"four","y":"abc"}"#;
    let bound = bind(&schema, json).unwrap();
    let texts: Vec<_> = bound.secrets.texts().collect();
    assert_eq!(texts, ["1.2345678901234568e+20", "123456789012345678901", "31337", "ann\\e", "four", "kéy-1"]);
}

#[test]
fn secret_numbers_are_looked_for_as_python_writes_them() {
    let schema = [Parameter { secret: true, ..parameter("pins", ValueType::Array) }];
    let bound = bind(&schema, r#"{"pins":[1234.50,1e5,12345,50]}"#).unwrap();
    assert_eq!(bound.secrets.texts().collect::<Vec<_>>(), ["100000", "100000.0", "1234.5", "1234.50", "12345"]);
}

#[test]
fn an_omitted_parameter_takes_the_default_that_a_person_wrote_and_no_inferred_one() {
    let schema = [Parameter { default_json: Some(JsonText::read("3")), ..parameter("count", ValueType::Integer) }];
    let bound = bind(&schema, "").unwrap();
    assert_eq!((&*bound.json, &*bound.public_json), (r#"{"count":3}"#, "{}"));
    assert_eq!(bind(&schema, r#"{"count":4}"#).unwrap().json, r#"{"count":4}"#);
    assert_eq!(JsonBinder.bind(Schema::inferred(&schema), "").unwrap().json, "{}");
    assert_eq!(JsonBinder.bind(Schema::inferred(&schema), r#"{"count":4}"#).unwrap().json, r#"{"count":4}"#);
}

#[test]
fn a_parameter_for_all_other_names_takes_them_by_its_type_and_keeps_its_secrets() {
    let rest = |value_type| [Parameter { required: true, ..parameter("host", ValueType::String) }, parameter("**options", value_type)];
    let json = r#"{"host":"a","deep":true,"**options":null,"odd name":[1]}"#;
    let bound = bind(&rest(ValueType::Any), json).unwrap();
    assert_eq!((&*bound.json, &*bound.public_json), (json, json));
    assert_eq!(bind(&rest(ValueType::Any), r#"{"host":"a"}"#).unwrap().json, r#"{"host":"a"}"#);
    assert_eq!(refused(&rest(ValueType::Any), "{}"), [("params_json.host".to_owned(), "MISSING")]);
    assert_eq!(refused(&rest(ValueType::Integer), r#"{"host":"a","n":"x"}"#), [("params_json.n".to_owned(), "WRONG_TYPE")]);
    let secrets = [Parameter { secret: true, ..parameter("**tokens", ValueType::String) }];
    assert_eq!(bind(&secrets, r#"{"a":"s3cret"}"#).unwrap().public_json, "{}");
}

#[test]
fn a_member_is_taken_out_with_its_text() {
    let (value, rest) = JsonBinder.take(r#"{"value": [1.0, 2], "a\n": 1}"#, "value").unwrap();
    assert_eq!((value.as_deref(), &*rest), (Some("[1.0, 2]"), r#"{"a\n":1}"#));
    assert_eq!(JsonBinder.take("", "value").unwrap(), (None, JsonText::read("{}")));
    assert_eq!(JsonBinder.take("[]", "value").unwrap_err()[0].reason, "NOT_AN_OBJECT");
}

#[test]
fn texts_are_put_in_as_members_each_in_place_of_its_own_and_others_keep_their_texts() {
    let put = |json, texts: &[(&str, &str)]| {
        let texts: Vec<_> = texts.iter().map(|(name, text)| ((*name).to_owned(), Secret::new(*text))).collect();
        JsonBinder.put(json, &texts).map(|(json, replaced)| (json.into_string(), replaced))
    };
    let (put_in, replaced) = put(r#"{"n": 1.0, "token": ""}"#, &[("token", "a\"\\\n\u{0}\u{1F600}")]).unwrap();
    assert_eq!(put_in, "{\"n\":1.0,\"token\":\"a\\\"\\\\\\n\\u0000\u{1F600}\"}");
    assert_eq!(replaced, ["token"]);
    assert_eq!(put("", &[("a", "x"), ("b", "")]).unwrap(), (r#"{"a":"x","b":""}"#.to_owned(), Vec::new()));
    assert_eq!(put("[]", &[]).unwrap_err()[0].reason, "NOT_AN_OBJECT");
}
