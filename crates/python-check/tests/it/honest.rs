//! Honest code that the scan refuses is told what to do instead, and honest code that only looks dangerous passes.

use domain::code::{Finding, Severity};

use crate::{errors, report};

fn found(code: &str, rule: &str) -> Finding {
    let findings = report(code).findings;
    let shown = format!("{code:?}: {findings:#?}");
    findings.into_iter().find(|finding| finding.rule == rule).unwrap_or_else(|| panic!("{rule} is missing: {shown}"))
}

/// A finding of `rule` says one of `words`.
fn advises(code: &str, rule: &str, words: &str) {
    let finding = found(code, rule);
    let text = format!("{} {}", finding.message, finding.suggestion);
    assert!(text.contains(words), "{code:?}: {text}");
}

fn passes(code: &str) {
    let found = errors(code);
    assert!(found.is_empty(), "{code:?}: {found:#?}");
}

#[test]
fn an_unused_import_of_a_refused_module_says_that_deleting_it_is_enough() {
    advises("import sys\nprint(1)\n", "ZPY-IMPORT-001", "deleting the import is enough");
    advises("import os.path as p, json\nprint(json.dumps(1))\n", "ZPY-FILE-001", "deleting the import is enough");
    let used = found("import sys\nprint(sys.argv)\n", "ZPY-IMPORT-001");
    assert!(!used.suggestion.contains("deleting"), "{used:#?}");
    assert_eq!(used.severity, Severity::Error);
}

#[test]
fn a_module_that_python_removed_is_told_its_successor() {
    advises("from distutils.version import LooseVersion\n", "ZPY-IMPORT-001", "Python 3.12 removed it");
    advises("import distutils.util\n", "ZPY-IMPORT-001", "`packaging.version`");
    advises("import pipes\nprint(pipes.quote('a'))\n", "ZPY-DEPENDENCY-001", "`shlex.quote`");
    advises("import cgi\n", "ZPY-NETWORK-001", "`html.escape`");
    advises("import imp\n", "ZPY-DYNAMIC-002", "Python 3.12 removed it");
}

#[test]
fn names_of_python_2_are_recognized() {
    advises("print(unicode('a'))\n", "ZPY-QUALITY-006", "it belongs to Python 2 Use `str`");
    advises("for x in xrange(3): print(x)\n", "ZPY-QUALITY-006", "Use `range`");
    advises("import ConfigParser\n", "ZPY-DEPENDENCY-003", "`import configparser`");
    advises("import urlparse\n", "ZPY-DEPENDENCY-003", "`from urllib.parse import urlparse`");
    advises("from StringIO import StringIO\n", "ZPY-DEPENDENCY-003", "`from io import StringIO`");
}

#[test]
fn messages_name_the_way_that_works() {
    advises(
        "import hashlib\ndef main(name): return getattr(hashlib, name)(b'').hexdigest()\n",
        "ZPY-INTROSPECTION-004",
        "`hashlib.new(name, data)`",
    );
    advises("import socket\nprint(socket.inet_aton('1.2.3.4'))\n", "ZPY-NETWORK-002", "`ipaddress`");
    advises("from socket import inet_pton, AF_INET6\n", "ZPY-NETWORK-002", "`ipaddress`");
    advises("import base64\ntry: pass\nexcept base64.binascii.Error: pass\n", "ZPY-PIVOT-001", "`import binascii`");
    advises("import asyncio\nasync def work(): return asyncio.Future()\n", "ZPY-NETWORK-002", "it leads to the event loop");
    advises("import pathlib\nprint(pathlib.Path('a/b').name)\n", "ZPY-FILE-003", "`pathlib.PurePosixPath`");
    advises("import threading\nLOCK = threading.Lock()\n", "ZPY-DEPENDENCY-001", "a lock without threads locks nothing");
    advises("import inspect\nprint(inspect.cleandoc('a'))\n", "ZPY-API-001", "`textwrap.dedent`");
    advises("import email\nm = email.message_from_string('a: b')\nprint(m._headers)\n", "ZPY-INTROSPECTION-008", "`message.items()`");
    advises("import json\nprint(json.dumps(1, default=lambda o: o.__dict__))\n", "ZPY-INTROSPECTION-002", "returns `vars(self)`");
    advises("print(locals())\n", "ZPY-INTROSPECTION-001", "ask `is None`");
}

#[test]
fn a_well_known_package_is_missing_and_not_unknown() {
    for package in ["dateparser", "tld", "googleapiclient.discovery", "numpy", "bs4"] {
        assert_eq!(found(&format!("import {package}\n"), "ZPY-DEPENDENCY-002").severity, Severity::Error, "{package}");
    }
}

#[test]
fn to_ask_whether_a_variable_is_there_is_allowed_and_nothing_else_of_namespaces() {
    passes("def main(x: int):\n    if x:\n        y = 1\n    return 'y' in locals()\n");
    passes("print('x' not in globals())\n");
    for refused in [
        "x = locals()",
        "print('a' in locals() in [1])",
        "print(locals() in [1])",
        "print(name in locals())",
        "print('x' in locals(1))",
        "print('x' in dir())",
    ] {
        let found = errors(&format!("name = 'x'\n{refused}\n"));
        assert!(!found.is_empty(), "{refused}");
    }
}

#[test]
fn the_text_of_an_annotation_may_name_an_import() {
    passes("import datetime\nimport decimal\ndef main(x: 'datetime', y: 'decimal' = None) -> 'datetime': return str(x)\n");
    assert!(!errors("import json\ndef main(x: json): return 1\n").is_empty(), "this one is evaluated");
    let dispatched = "import functools, json\n@functools.singledispatch\ndef f(x): pass\n@f.register\ndef g(x: 'json'): pass\n";
    assert!(!errors(dispatched).is_empty(), "this one too");
}

#[test]
fn a_method_of_ones_own_may_be_called_as_one_of_an_archives() {
    let head = "import io, zipfile\nclass Reader:\n    def extract(self, text): return text\n    def all(self): return self.extract('a')\n";
    passes(&format!("{head}reader = Reader()\nprint(reader.extract('a'), Reader().extract('b'))\n"));
    for refused in [
        "print(zipfile.ZipFile(io.BytesIO(b'')).extract('a'))",
        "def main(archive): return archive.extract('a')",
        "archive = zipfile.ZipFile(io.BytesIO(b''))\narchive.extract('a')",
        "Reader.all(zipfile.ZipFile(io.BytesIO(b'')))",
        "def f(self): return self.extract('a')",
    ] {
        assert!(!errors(&format!("{head}{refused}\n")).is_empty(), "{refused}");
    }
    let made = format!("{head}class A:\n    def __new__(cls): return zipfile.ZipFile(io.BytesIO(b''))\nA().extract('a')\n");
    assert!(!errors(&made).is_empty(), "an object that is an archive's");
    let set = format!("{head}class A:\n    pass\nA.__new__ = lambda cls: zipfile.ZipFile(io.BytesIO(b''))\nA().extract('a')\n");
    assert!(!errors(&set).is_empty(), "a class that makes such objects later");
    let inherited = "import io\nfrom zipfile import ZipFile\nclass A:\n    def extract(self): pass\nclass B(ZipFile):\n    pass\nB(io.BytesIO(b'')).extract('a')\n";
    assert!(errors(inherited).iter().any(|finding| finding.rule == "ZPY-PIVOT-004"), "a class below an archive's");
}
