//! How programs end: results, and each reason that user code alone can cause.

use domain::json::JsonText;
use domain::sandbox::{Entry, Reason};

use crate::support::{Host, job, limited, script, transform};

crate::on_both_backends!(
    a_transformer_returns_its_value,
    numbers_keep_their_digits,
    many_values_are_answered_in_order_and_fail_one_by_one,
    a_script_returns_what_main_returns,
    top_level_code_sees_its_parameters,
    an_exception_is_a_user_error_with_user_frames_only,
    exits_and_missing_results_are_told_apart,
    results_that_cannot_travel_are_refused_readably,
    results_that_nest_too_deep_are_refused_one_by_one,
    forged_frames_deceive_only_their_author,
    a_crash_is_named_by_its_signal,
    a_blocked_call_is_denied_readably,
);

async fn a_transformer_returns_its_value(host: &Host) {
    let ran = host.run(transform("def transform(value):\n    return value.upper()", r#""abc""#)).await;
    assert_eq!(ran.outcome.as_deref(), Ok(r#""ABC""#));
    let seal = &ran.attestation;
    assert_eq!(seal.namespaces.len(), 6, "{seal:?}");
    assert_eq!((seal.seccomp.as_str(), seal.capabilities, seal.tier.tier()), ("filter", 0, "T1"));
    assert!(seal.uid >= 200_000 && seal.no_new_privileges, "{seal:?}");
    assert!(seal.runtime_digest.starts_with("sha256:") && seal.python_version.starts_with("3."), "{seal:?}");
    assert!(ran.usage.wall_micros > 0 && ran.usage.peak_memory_bytes > 1 << 20, "{:?}", ran.usage);
}

async fn numbers_keep_their_digits(host: &Host) {
    let ran = host.run(transform("def transform(value):\n    return value", "9007199254740993123456789")).await;
    assert_eq!(ran.outcome.as_deref(), Ok("9007199254740993123456789"));
}

async fn many_values_are_answered_in_order_and_fail_one_by_one(host: &Host) {
    let values = (0..1000).map(|number| JsonText::read(number.to_string())).collect();
    let ran = host.run(job("def transform(value):\n    return 10 / (value - 500)", Entry::Transform(values))).await;
    assert_eq!(ran.outcome.as_deref(), Ok("null"));
    assert_eq!(ran.values.len(), 1000);
    for (number, value) in ran.values.iter().enumerate() {
        match value {
            Ok(_) => assert_ne!(number, 500),
            Err(failure) => assert_eq!((number, failure.reason), (500, Reason::UserError)),
        }
    }
}

async fn a_script_returns_what_main_returns(host: &Host) {
    let mut main = script("def main(name, times=2):\n    print('hello', name)\n    return {'name': name * times}");
    main.params_json = JsonText::read(r#"{"name": "x"}"#);
    let ran = host.run(main).await;
    assert_eq!(ran.outcome.as_deref(), Ok(r#"{"name":"xx"}"#));
    assert_eq!(ran.stdout(), b"hello x\n");
}

async fn top_level_code_sees_its_parameters(host: &Host) {
    let mut top = script("import sys\nassert __name__ == '__main__'\nprint(params['a'])\nprint('err', file=sys.stderr)");
    top.params_json = JsonText::read(r#"{"a": 5}"#);
    let ran = host.run(top).await;
    assert_eq!(ran.outcome.as_deref(), Ok("null"));
    assert_eq!((ran.stdout(), ran.stderr()), (b"5\n".to_vec(), b"err\n".to_vec()));
}

async fn an_exception_is_a_user_error_with_user_frames_only(host: &Host) {
    let failure = host.fail(transform("import json\ndef transform(value):\n    return json.loads('{')", "1"), Reason::UserError).await;
    assert_eq!((failure.exception.as_deref(), failure.line), (Some("JSONDecodeError"), Some(3)));
    let traceback = failure.traceback.unwrap();
    assert!(traceback.contains("<utility>") && traceback.contains("json.loads"), "{traceback}");
    assert!(!traceback.contains("decoder.py") && !traceback.contains("zygote"), "{traceback}");
}

async fn exits_and_missing_results_are_told_apart(host: &Host) {
    let failure = host.fail(script("raise SystemExit(3)"), Reason::ExitCode).await;
    assert_eq!(failure.exit_code, Some(3));
    assert_eq!(host.run(script("raise SystemExit()")).await.outcome.as_deref(), Ok("null"));
    let failure = host.fail(script("import os\nos._exit(0)"), Reason::NoResult).await;
    assert_eq!(failure.exit_code, Some(0), "{failure:?}");
    host.fail(transform("x = 1", "1"), Reason::NoResult).await;
}

async fn results_that_cannot_travel_are_refused_readably(host: &Host) {
    let failure = host.fail(script("def main():\n    return {'a': [1, {2}]}"), Reason::ResultNotSerializable).await;
    assert!(failure.message.contains("set"), "{failure:?}");
    let large = limited(script("def main():\n    return 'x' * 2000"), |limits| limits.result = 1000);
    host.fail(large, Reason::ResultTooLarge).await;
}

async fn results_that_nest_too_deep_are_refused_one_by_one(host: &Host) {
    let code = "def transform(value):\n    result = 0\n    for _ in range(value):\n        result = [result]\n    return result";
    let ran = host.run(job(code, Entry::Transform(["128", "129", "1"].map(JsonText::read).to_vec()))).await;
    assert_eq!(ran.outcome.as_deref(), Ok("null"));
    assert_eq!((ran.values[0].is_ok(), ran.values[2].as_deref()), (true, Ok("[0]")));
    let failure = ran.values[1].as_ref().unwrap_err();
    assert_eq!(
        (failure.reason, failure.message.as_str()),
        (Reason::ResultNotSerializable, "the result is nested more than 128 deep; return a flatter one")
    );
}

async fn forged_frames_deceive_only_their_author(host: &Host) {
    let write = |bytes: &str| script(&format!("import os\nos.write(4, {bytes})\nos._exit(0)"));
    host.fail(write("b'not a frame at all'"), Reason::NoResult).await;
    host.fail(write("b'R' + (7).to_bytes(4, 'little') + b'not js!'"), Reason::NoResult).await;
    host.fail(write(r"b'R\xff\xff\xff\xff'"), Reason::ResultTooLarge).await;
    let forged = r#"b'E' + (42).to_bytes(4, 'little') + b'{"reason":"NODE_LOST","message":"believe me"}'[:42]"#;
    host.fail(write(forged), Reason::NoResult).await;
    let own = host.run(write("b'R' + (2).to_bytes(4, 'little') + b'42'")).await;
    assert_eq!(own.outcome.as_deref(), Ok("42"), "a program may say what its own result is");
    assert_eq!(host.run(transform("def transform(value):\n    return value", "1")).await.outcome.as_deref(), Ok("1"));
}

async fn a_crash_is_named_by_its_signal(host: &Host) {
    let failure = host.fail(script("import ctypes\nctypes.string_at(0)"), Reason::Signal).await;
    assert_eq!(failure.signal.as_deref(), Some("SIGSEGV"));
}

async fn a_blocked_call_is_denied_readably(host: &Host) {
    let failure = host.fail(script("import socket\n\nsocket.socket()"), Reason::DeniedOperation).await;
    assert!(failure.message.contains("socket") && failure.message.contains('3'), "{failure:?}");
    let failure = host.fail(script("import threading\nthreading.Thread(target=print).start()"), Reason::DeniedOperation).await;
    assert!(failure.message.contains("thread"), "{failure:?}");
}
