//! The times of a run are read from what cargo and the test binaries print.

use super::*;

fn packages_of(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(file, package)| ((*file).to_owned(), (*package).to_owned())).collect()
}

#[test]
fn each_binary_has_its_own_time_even_where_two_share_a_name() {
    let run = "     Running tests/it/main.rs (target/debug/deps/it-0a1b)\n\nrunning 1 test\ntest a ... ok\n\n\
        test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 4.50s\n\
        \u{20}    Running it/main.rs (target/debug/deps/it-2c3d)\n\
        test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 61.00s\n\
        \u{20}  Doc-tests domain\n\
        test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s\n";
    let packages = packages_of(&[("it-0a1b", "sandbox, it"), ("it-2c3d", "e2e, it")]);
    let (mut shown, mut lines) = (Shown::default(), Vec::new());
    read(run.as_bytes(), &packages, String::new(), &mut shown, |line| lines.push(line.to_owned())).expect("a text can be read");
    let expected = [("test sandbox, it", 4_500), ("test e2e, it", 61_000), ("test domain", 100)];
    assert_eq!(shown.parts, expected.map(|(what, millis)| Timed::new(what, Duration::from_millis(millis))));
    assert_eq!(lines.join("\n") + "\n", run);
}

#[test]
fn what_a_test_prints_is_no_time_and_need_not_be_text() {
    let run = b"Running away\ntest result: unknown\n\xff\xfe finished in 3s\nRunning (nothing\n";
    let mut shown = Shown::default();
    read(&run[..], &BTreeMap::new(), String::new(), &mut shown, |_| ()).expect("bytes can be read");
    assert_eq!(shown.parts, []);
}

#[test]
fn a_failed_run_fails_and_its_times_and_failures_are_kept() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "echo '     Running a.rs (deps/a-1)' >&2; echo '---- t stdout ----'; echo why; echo 'test result: FAILED. finished in 2.00s'; exit 101"]);
    let mut shown = Shown::default();
    let failed = run_timed(shell, &packages_of(&[("a-1", "a")]), String::new(), &mut shown).expect_err("the run failed");
    assert!(failed.to_string().contains("101"), "{failed}");
    assert_eq!(shown.parts, [Timed::new("test a", Duration::from_secs(2))]);
    assert_eq!(shown.failed.iter().map(FailedTest::to_string).collect::<String>(), "---- t (a)\nwhy\n");
}

#[test]
fn a_binary_that_is_run_without_cargo_has_its_time_and_its_failures_under_the_name_given() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "echo '---- t stdout ----'; echo why; echo 'test result: FAILED. finished in 2.00s'; exit 101"]);
    let mut shown = Shown::default();
    run_timed(shell, &BTreeMap::new(), "a, restored".to_owned(), &mut shown).expect_err("the run failed");
    assert_eq!(shown.parts, [Timed::new("test a, restored", Duration::from_secs(2))]);
    assert_eq!(shown.failed.iter().map(FailedTest::to_string).collect::<String>(), "---- t (a, restored)\nwhy\n");
}

#[test]
fn a_compilation_that_nobody_waits_for_is_ended() {
    let child = Command::new("sleep").arg("600").spawn().expect("sleep starts");
    let place = PathBuf::from(format!("/proc/{}", child.id()));
    assert!(place.exists());
    drop(Ahead { child, log: PathBuf::new(), begun: Instant::now() });
    assert!(!place.exists());
}

#[test]
fn a_long_run_takes_the_large_count() {
    assert_eq!([Length::of(false), Length::of(true)].map(|length| length.choose(3, 100)), [3, 100]);
}
