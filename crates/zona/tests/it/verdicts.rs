//! `zona check`, the server's ValidateCode and what keeps a utility from being created say the same of the same bytes: one table.

use std::path::{Path, PathBuf};
use std::process::Command;

use api_proto::zona::utility::v1 as pb;
use pb::utility_service_client::UtilityServiceClient;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Server, run};

const TABLE: &str = include_str!("../data/verdicts.json");
/// The Python of the server of these tests.
const PYTHON: &str = "3.11";
const NEWER: &str = "3.14";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: Option<String>,
    hex: Option<String>,
    times: Option<usize>,
    /// Ids of the rules that block, in order, under Python 3.11.
    errors: Vec<String>,
    /// The same under Python 3.14, where that differs.
    newer: Option<Vec<String>>,
    /// What people read of it.
    says: Option<String>,
    /// Only the runtime's compiler refuses it, when a version is stored.
    #[serde(default)]
    compiler: bool,
    /// CPython takes it, and our rule says why we do not.
    #[serde(default)]
    stricter: bool,
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        let piece = match (&self.source, &self.hex) {
            (Some(source), None) => source.as_bytes().to_vec(),
            (None, Some(hex)) => (0..hex.len() / 2).map(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap()).collect(),
            _ => panic!("{}: a source, or bytes", self.name),
        };
        piece.repeat(self.times.unwrap_or(1))
    }

    /// Whether CPython would not compile it, as far as the table says.
    fn is_no_python(&self) -> bool {
        let of_language = |rule: &String| {
            rule.starts_with("ZPY-SYNTAX-") || matches!(rule.as_str(), "ZPY-ENCODING-001" | "ZPY-ENCODING-002" | "ZPY-ENCODING-003")
        };
        self.compiler || self.errors.iter().any(of_language)
    }
}

/// Prints the names of the files of a directory that CPython compiles.
const COMPILES: &str = r"
import pathlib, sys, warnings
warnings.simplefilter('ignore')
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        compile(path.read_bytes(), path.name, 'exec', dont_inherit=True)
    except (SyntaxError, ValueError):
        continue
    print(path.name)
";

/// Rules that block, and everything that is said.
type Said = (Vec<String>, String);

#[test]
fn the_client_and_the_server_say_the_same_of_every_source() {
    let directory = tempfile::tempdir().unwrap();
    let cases: Vec<Case> = serde_json::from_str(TABLE).unwrap();
    let server = Server::start(&directory.path().join("data"));
    let files = written(directory.path(), &cases);
    let path = files.to_str().unwrap();
    let (checked, newer) = (checked(path, PYTHON), checked(path, NEWER));
    let validated = validated(&server, &cases);
    let mut wrong = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let (local, remote) = (&checked[index], &validated[index]);
        let file = files.join(file_name(index));
        let created = server.run(&["utility", "create", &format!("c-{index}"), "--file", file.to_str().unwrap(), "--validate-only"]).code;
        let refused = !case.errors.is_empty() || case.compiler;
        let agrees = local.0 == case.errors
            && local == remote
            && newer[index].0 == *case.newer.as_ref().unwrap_or(&case.errors)
            && created == if refused { 2 } else { 0 }
            && case.says.as_ref().is_none_or(|says| local.1.contains(says));
        if !agrees {
            let name = &case.name;
            wrong.push(format!("{name}: check {local:?}, server {remote:?}, newer {:?}, create {created}", newer[index].0));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the table calls no Python, the interpreter that its first verdicts are for calls none, too.
#[test]
fn the_table_refuses_as_syntax_what_cpython_does_not_compile() {
    let directory = tempfile::tempdir().unwrap();
    let cases: Vec<Case> = serde_json::from_str(TABLE).unwrap();
    let files = written(directory.path(), &cases);
    let done = Command::new(format!("python{PYTHON}")).args(["-I", "-B", "-c", COMPILES]).arg(&files).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let compiled = String::from_utf8(done.stdout).unwrap();
    let wrong = cases.iter().enumerate().filter(|(index, case)| {
        let compiles = compiled.lines().any(|name| name == file_name(*index));
        case.is_no_python() == (compiles != case.stricter)
    });
    let wrong: Vec<_> = wrong.map(|(_, case)| &case.name).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn file_name(index: usize) -> String {
    format!("{index:03}.py")
}

/// A directory with the file of each case.
fn written(directory: &Path, cases: &[Case]) -> PathBuf {
    let files = directory.join("files");
    std::fs::create_dir(&files).unwrap();
    for (index, case) in cases.iter().enumerate() {
        std::fs::write(files.join(file_name(index)), case.bytes()).unwrap();
    }
    files
}

fn checked(directory: &str, python: &str) -> Vec<Said> {
    let lines = run(&["check", directory, "--python", python, "-o", "jsonl"]).expect(1).json_lines();
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap().to_owned();
    let said = |line: &Value| {
        let findings = line["findings"].as_array().unwrap();
        let errors = findings.iter().filter(|finding| finding["severity"] == "error").map(|finding| text(finding, "rule")).collect();
        let all = findings.iter().map(|finding| {
            format!(
                "{}:{} {}: {} {}\n",
                finding["line"],
                finding["column"],
                text(finding, "rule"),
                text(finding, "message"),
                text(finding, "suggestion")
            )
        });
        (errors, all.collect())
    };
    lines.iter().map(said).collect()
}

fn validated(server: &Server, cases: &[Case]) -> Vec<Said> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap();
        let mut client = UtilityServiceClient::new(channel);
        let mut said = Vec::new();
        for case in cases {
            let request = pb::ValidateCodeRequest { parent: "tenants/demo".to_owned(), code: case.bytes(), ..Default::default() };
            let findings = client.validate_code(request).await.unwrap().into_inner().findings;
            let errors = findings.iter().filter(|finding| finding.severity() == pb::Severity::Error).map(|finding| finding.rule.clone());
            let all = findings.iter().map(|finding| {
                format!("{}:{} {}: {} {}\n", finding.line, finding.column, finding.rule, finding.message, finding.suggestion)
            });
            said.push((errors.collect(), all.collect()));
        }
        said
    })
}
