//! Named secrets from the command line: values that code gets and nobody sees.

use std::fs;

use e2e::{command::run, server::Server};
use serde_json::json;

const VALUE: &str = "correct horse battery staple";
/// Proves that it has got the value, and gives it away.
const CODE: &str = r#"from typing import Annotated


def main(token: Annotated[str, "secret"], plain: str = "") -> str:
    print("got", len(token), token)
    return token[::-1]
"#;
const TRANSFORMER: &str = r#"from typing import Annotated


def transform(value: str, salt: Annotated[str, "secret"]) -> str:
    return f"{value} {len(salt)} {salt}"
"#;

#[test]
fn a_secret_is_set_handed_to_code_masked_replaced_and_deleted_from_the_command_line() {
    let server = Server::start();
    let beside = |name: &str, text: &str| {
        let file = server.data().with_file_name(name);
        fs::write(&file, text).expect("the directory is writable");
        file.to_str().expect("a temporary path is UTF-8").to_owned()
    };
    let zona = |words: &[&str]| run(server.zona().args(words));
    for (id, code) in [("issues", CODE), ("salted", TRANSFORMER)] {
        zona(&["utility", "create", id, "--file", &beside("code.py", code)]).with_code(0);
    }
    let file = beside("token", &format!("{VALUE}\n"));
    let set = ["secret", "set", "github", "--file", &file, "--description", "reads issues", "--utility", "issues", "-o", "json"];
    let made = zona(&set).with_code(0);
    assert!(!made.text().contains(VALUE));
    let made = made.json();
    assert_eq!((&made["version"], &made["utilities"]), (&json!(1), &json!(["tenants/demo/utilities/issues"])));

    let ran = zona(&["run", "issues", "--secret", "token=github", "-o", "json"]).with_code(0);
    let execution = ran.json();
    assert_eq!(execution["stdout"], json!(format!("got {} ***\n", VALUE.len())));
    assert_eq!(execution["secrets"], json!([{"parameter": "token", "secret": "tenants/demo/secrets/github", "version": 1}]));
    assert_eq!(execution["result"], json!(VALUE.chars().rev().collect::<String>()), "what is meant to give it away can");
    let name = execution["name"].as_str().expect("it has a name");
    assert!(!zona(&["execution", "get", name, "-o", "json"]).with_code(0).text().contains(VALUE));

    let other = beside("other", "another value");
    zona(&["secret", "set", "github", "--file", &other, "--etag", "\"s9\""]).with_code(5);
    let replaced = zona(&["secret", "set", "github", "--file", &other, "-o", "json"]).with_code(0).json();
    assert_eq!((&replaced["version"], &replaced["description"]), (&json!(2), &json!("reads issues")));
    let transformed = zona(&["transform", "salted", "--value-string", "a", "--secret", "salt=github", "-o", "jsonl"]).with_code(0);
    assert_eq!(transformed.json(), json!({"result": "a 13 ***"}));
    let kept = zona(&["secret", "set", "github", "--keep-value", "--no-utilities", "-o", "json"]).with_code(0).json();
    assert_eq!((&kept["version"], &kept["utilities"]), (&json!(2), &json!([])));
    assert!(kept["last_use_time"].is_string(), "{kept}");

    for (wrong, code) in [
        (&["run", "issues", "--secret", "token=absent"][..], 3),
        (&["run", "issues", "--secret", "token=tenants/acme/secrets/github"], 3),
        (&["run", "issues", "--secret", "plain=github"], 2),
        (&["run", "issues", "--secret", "token=github", "--param-string", "token=x"], 2),
        (&["run", "issues", "--secret", "github"], 2),
        (&["secret", "set", "github", "--file", "/nonexistent"], 2),
        (&["secret", "get", "absent"], 4),
    ] {
        zona(wrong).with_code(code);
    }
    let listed = zona(&["secret", "list", "-o", "json"]).with_code(0).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let audited = zona(&["audit", "list", "-o", "jsonl"]).with_code(0).text().to_owned();
    assert!(audited.contains("secret_parameters.token=tenants/demo/secrets/github") && !audited.contains(VALUE));
    zona(&["secret", "delete", "github"]).with_code(0);
    zona(&["run", "issues", "--secret", "token=github"]).with_code(3);
    server.stop();
}
