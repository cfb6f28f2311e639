//! Tenants differ: what a policy and a runtime change, and where imports come from.

use std::sync::Arc;

use domain::code::{Severity, Standing};
use python_check::{CheckPolicy, CheckedRuntime, Checker, Package, RuntimeInterface};

fn rules(policy: CheckPolicy, code: &str) -> Vec<&'static str> {
    let report = Checker::new(policy).check(code.as_bytes());
    report.findings.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| finding.rule).collect()
}

fn with_packages() -> CheckedRuntime {
    let package =
        |name: &str, module: &str| Package { name: name.to_owned(), version: "6.0.2".to_owned(), modules: vec![module.to_owned()] };
    CheckedRuntime { packages: vec![package("PyYAML", "yaml"), package("requests", "requests")], ..CheckedRuntime::default() }
}

#[test]
fn a_missing_dependency_is_not_an_attack() {
    let check = |code: &str, rule: &str| assert_eq!(rules(CheckPolicy::default(), code), [rule], "{code}");
    check("import turtledemo\n", "ZPY-DEPENDENCY-001");
    check("import threading\n", "ZPY-DEPENDENCY-001");
    check("import numpy\n", "ZPY-DEPENDENCY-002");
    check("import dateutil.parser\n", "ZPY-DEPENDENCY-002");
    check("from my_helpers import x\n", "ZPY-DEPENDENCY-003");
    check("from . import x\n", "ZPY-IMPORT-002");
}

#[test]
fn packages_of_the_runtime_are_allowed_but_not_all_they_can_do() {
    let policy = || CheckPolicy { runtime: with_packages(), ..CheckPolicy::default() };
    assert!(rules(policy(), "import yaml\nx = yaml.safe_load('a: 1')\n").is_empty());
    assert_eq!(rules(policy(), "import yaml\nx = yaml.load('a', yaml.Loader)\n"), ["ZPY-DESERIALIZATION-002", "ZPY-DESERIALIZATION-002"]);
    assert_eq!(rules(policy(), "import yaml\nx = yaml.sys\n"), ["ZPY-PIVOT-001"]);
    assert_eq!(rules(policy(), "import yaml\nx = yaml\n"), ["ZPY-PIVOT-002"]);
    assert_eq!(rules(policy(), "import requests\n"), ["ZPY-NETWORK-001"], "installed, and still refused");
}

#[test]
fn a_tenant_may_allow_more_or_less() {
    let extra = |module: &str| CheckPolicy { extra_modules: vec![module.to_owned()], ..CheckPolicy::default() };
    assert!(rules(extra("turtledemo"), "import turtledemo\n").is_empty());
    assert!(rules(extra("acme"), "from acme.tools import x\nimport acme.more\ny = acme.more.z\n").is_empty());
    assert_eq!(rules(extra("acme"), "import acme\nx = acme.os\n"), ["ZPY-PIVOT-001"]);
    let only = CheckPolicy { only_modules: Some(vec!["json".to_owned()]), ..CheckPolicy::default() };
    assert!(rules(only.clone(), "import json\n").is_empty());
    assert_eq!(rules(only, "import re\n"), ["ZPY-DEPENDENCY-001"]);
}

#[test]
fn every_import_says_where_it_comes_from() {
    let code = "import json\nfrom yaml import safe_load\nimport numpy as np, in_house\nimport json\nfrom urllib.parse import quote\n";
    let report = Checker::new(CheckPolicy { runtime: with_packages(), ..CheckPolicy::default() }).check(code.as_bytes());
    let imports: Vec<_> = report.imports.iter().map(|import| (import.module.as_str(), import.line, &import.standing)).collect();
    let yaml = Standing::Package { name: "PyYAML".to_owned(), version: "6.0.2".to_owned() };
    assert_eq!(
        imports,
        [
            ("json", 1, &Standing::StandardLibrary),
            ("yaml", 2, &yaml),
            ("numpy", 3, &Standing::NotInstalled),
            ("in_house", 3, &Standing::Unknown),
            ("urllib.parse", 5, &Standing::StandardLibrary),
        ]
    );
}

#[test]
fn the_interface_follows_the_runtimes_version() {
    let on = |minor: u8, code: &str| {
        rules(CheckPolicy { runtime: CheckedRuntime { python: (3, minor), ..CheckedRuntime::default() }, ..CheckPolicy::default() }, code)
    };
    let newer = "from itertools import batched\n";
    assert_eq!(on(11, newer), ["ZPY-API-001"]);
    assert!(on(13, newer).is_empty());
}

#[test]
fn a_package_is_held_to_the_interface_of_its_runtime() {
    let text = "python 3.11\nstdlib json os sys\nbuiltins len\njson + dumps\nacme + clean tool\nacme - sys:module-pivot run:process\n\
                acme.text + fold\nrequests + get\n";
    let package = |name: &str| Package { name: name.to_owned(), version: "1".to_owned(), modules: vec![name.to_owned()] };
    let interface = Some(Arc::new(RuntimeInterface::parse(text).unwrap()));
    let runtime = CheckedRuntime { python: (3, 11), packages: vec![package("acme"), package("requests"), package("other")], interface };
    let policy = CheckPolicy { runtime, ..CheckPolicy::default() };
    let check = |code: &str, expected: &[&str]| assert_eq!(rules(policy.clone(), code), expected, "{code}");
    check("import acme, acme.text\nfrom acme import tool\nx = acme.clean(acme.text.fold('A'))\n", &[]);
    check("import json\nx = json.dumps(1)\n", &[]);
    check("import acme\nx = acme.dirty()\n", &["ZPY-API-001"]);
    check("from acme import dirty\n", &["ZPY-API-001"]);
    check("import acme\nx = acme.run('id')\n", &["ZPY-PROCESS-002"]);
    check("import acme\nx = acme.sys\n", &["ZPY-PIVOT-001"]);
    check("import acme\nx = acme.os\n", &["ZPY-PIVOT-001"]);
    check("from acme import *\n", &["ZPY-IMPORT-003"]);
    check("import acme._speedups\n", &["ZPY-IMPORT-001"]);
    check("import acme.shell\n", &["ZPY-DEPENDENCY-003"]);
    check("import requests\n", &["ZPY-NETWORK-001"]);
    check("import other\nx = other.anything(1)\n", &[]);
    check("import json\nx = json.loads('1')\n", &["ZPY-API-001"]);
    check("import re\n", &["ZPY-DEPENDENCY-003"]);
}
