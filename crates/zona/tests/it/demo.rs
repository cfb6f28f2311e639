//! `zona demo`: the promised figures, and nothing left.

use crate::support::run;

#[test]
fn the_demo_prints_exactly_one_object_with_the_promised_figures() {
    let done = run(&["demo", "-o", "json"]).expect(0);
    let json = done.json();
    for figure in ["first_ms", "transform_p50_ms", "transform_p95_ms", "bare_python_ms"] {
        assert!(json[figure].as_f64().is_some_and(|ms| ms > 0.0), "{figure} in {json}");
    }
    assert_eq!((&json["backend"], &json["tier"]), (&"namespace".into(), &"T1".into()));
    assert_eq!(json.as_object().unwrap().len(), 6, "{json}");
    assert!(json["transform_p95_ms"].as_f64() >= json["transform_p50_ms"].as_f64());
}
