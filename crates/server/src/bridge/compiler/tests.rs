//! The compiler of this host's Python, in a real sandbox.

use domain::name::RuntimeId;
use domain::sandbox::Failure;
use python_check::CheckPolicy;
use sandbox::{Config, OpenError};
use settings::{Schema, Sources, Surroundings};

use super::*;
use crate::config;
use crate::sandboxes::for_tool;

fn settings() -> Config {
    let surroundings = Surroundings { home: Some("/nonexistent".into()), ..Surroundings::read() };
    let sources = Sources { defaults: config::Config::defaults(&surroundings), ..Sources::default() };
    let loaded = settings::load(Schema::new(config::SECTIONS), sources, &surroundings, config::Config::read)
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    for_tool(&loaded.config, &surroundings)
}

async fn compiler() -> Result<SandboxCompiler, OpenError> {
    let sandboxes = Sandboxes::open(settings()).await?;
    let advisories = Feed::open(None, Arc::new(crate::system::SystemClock)).unwrap();
    Ok(SandboxCompiler::new(sandboxes, "namespace", Arc::new(advisories)))
}

fn tenant() -> TenantId {
    TenantId::parse("tenant", "acme").unwrap()
}

#[tokio::test]
async fn the_runtimes_own_compiler_judges_and_nothing_is_run() {
    let compiler = compiler().await.unwrap();
    let compile = async |source: &str| compiler.compile(&tenant(), &RuntimeId::default(), &Code::from_text(source)).await.unwrap();
    let digest = match compile("def transform(value):\n    return value\n").await {
        Verdict::Compiles { digest } => digest,
        refused @ Verdict::Refused { .. } => panic!("{refused:?}"),
    };
    assert_eq!(compiler.digest(&RuntimeId::default()).as_deref(), Some(digest.as_str()));
    assert_eq!(compiler.digest(&RuntimeId::new("cobol")), None);

    for harmless in ["while True: pass\n", "raise SystemExit(3)\n", "x = 1 is 1\n'\\d'\nassert (1, 2)\n", ""] {
        assert_eq!(compile(harmless).await, Verdict::Compiles { digest: digest.clone() }, "{harmless:?}");
    }
    let place = async |source: &str| match compile(source).await {
        Verdict::Refused { line, column, message } => (line, column, message),
        Verdict::Compiles { .. } => panic!("{source:?} compiles"),
    };
    assert_eq!(place("x = 1\ny = = 2\n").await, (2, 5, "invalid syntax".to_owned()));
    assert_eq!(place("\nreturn 1\n").await, (2, 1, "'return' outside function".to_owned()));
    let (line, _, message) = place("x = '\0'\n").await;
    assert!(line <= 1 && message.contains("null"), "{line}: {message}");
    // Deeper than CPython parses; it says so itself.
    let (_, _, message) = place(&format!("x = {}1\n", "-".repeat(10_000))).await;
    assert!(!message.is_empty());
    compiler.sandboxes.shutdown().await;
}

#[tokio::test]
async fn the_scan_and_the_runtime_refuse_what_only_a_compiler_counts_in_the_same_words() {
    let compiler = compiler().await.unwrap();
    let facts = compiler.sandboxes.runtime("python").await.unwrap();
    let checker = Checker::new(CheckPolicy { runtime: checked_runtime(&facts), ..CheckPolicy::default() });
    // Compiled code has one byte for the number of targets before a starred one, which no grammar says.
    let targets = (0..300).map(|number| format!("a{number}, ")).collect::<String>();
    let source = format!("def transform(value):\n    {targets}*rest = value\n    return rest\n");
    let report = checker.check(source.as_bytes());
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    let verdict = compiler.compile(&tenant(), &RuntimeId::default(), &Code::from_text(source)).await.unwrap();
    let Verdict::Refused { line, message, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!((line, message), (finding.span.line, finding.message.clone()));
    compiler.sandboxes.shutdown().await;
}

#[tokio::test]
async fn a_runtime_lists_what_it_holds_and_another_one_is_unknown() {
    let compiler = compiler().await.unwrap();
    let yaml = ["yaml".to_owned()];
    assert_eq!(compiler.packages_of(&RuntimeId::default(), &yaml), None, "nobody has asked for the runtime yet");
    let runtimes = compiler.runtimes().await.unwrap();
    assert_eq!(compiler.packages_of(&RuntimeId::default(), &["no_such_module".to_owned()]), Some(Vec::new()));
    assert_eq!(compiler.packages_of(&RuntimeId::new("cobol"), &yaml), None);
    let [runtime] = runtimes.as_slice() else { panic!("{runtimes:?}") };
    assert_eq!((&*runtime.name, runtime.backend.as_str()), ("python", "namespace"));
    assert!(runtime.python_version.starts_with("3.") && runtime.digest.starts_with("sha256:"), "{runtime:?}");
    let allows = |module: &str| runtime.allowed_modules.iter().any(|allowed| allowed == module);
    assert!(allows("json") && allows("urllib.parse") && !allows("os") && !allows("urllib"), "{:?}", runtime.allowed_modules);
    let unknown = compiler.compile(&tenant(), &RuntimeId::new("cobol"), &Code::from_text("")).await.unwrap_err();
    assert!(matches!(unknown, Error::Refused { reason: "RUNTIME_UNKNOWN", .. }), "{unknown}");
    compiler.sandboxes.shutdown().await;
}

#[test]
fn a_compiler_that_dies_of_the_code_refuses_it_and_any_other_end_says_nothing() {
    let end = |reason| verdict(Some(Err(Failure::new(reason, "it ended"))), "d".to_owned());
    for reason in [Reason::OutOfMemory, Reason::CpuLimit, Reason::Signal] {
        assert!(matches!(end(reason), Ok(Verdict::Refused { .. })), "{reason:?}");
    }
    for reason in [Reason::Timeout, Reason::UserError, Reason::NoResult, Reason::Cancelled] {
        assert!(matches!(end(reason), Err(Error::Unavailable(_))), "{reason:?}");
    }
    assert!(verdict(None, String::new()).is_err());
    assert!(verdict(Some(Ok(JsonText::read("7"))), String::new()).is_err());
}
