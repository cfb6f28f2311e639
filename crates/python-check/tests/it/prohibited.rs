//! What the requirements prohibit by name is refused however it is written: as import, from-import, alias, value and call,
//! installed or not. `urllib.parse` alone is allowed (docs/adr/0003-urllib-parse.md).

use domain::code::Family;

use crate::errors;

/// Some blocking finding of `family` stands at `line`.
fn check(code: &str, family: Family, line: u32) {
    let found = errors(code);
    assert!(found.iter().any(|finding| finding.family == family && finding.span.line == line), "{code:?}: {found:#?}");
}

#[test]
fn prohibited_modules_are_refused_in_every_form() {
    let modules = [
        ("os", "getcwd", Family::ForbiddenImport),
        ("sys", "modules", Family::ForbiddenImport),
        ("subprocess", "run", Family::Process),
        ("socket", "socket", Family::Network),
        ("urllib", "request", Family::Network),
        ("urllib.request", "urlopen", Family::Network),
        ("urllib2", "urlopen", Family::Network),
        ("requests", "get", Family::Network),
    ];
    for (module, name, family) in modules {
        check(&format!("import {module}\n"), family, 1);
        check(&format!("import json, {module} as harmless\n"), family, 1);
        check(&format!("from {module} import {name}\n"), family, 1);
        check(&format!("from {module} import {name} as harmless\n"), family, 1);
        check(&format!("from {module} import *\n"), family, 1);
        check(
            &format!("def transform(value):\n    try:\n        import {module}\n    except ImportError:\n        return value\n"),
            family,
            3,
        );
        check(&format!("class A:\n    import {module} as a\n"), family, 2);
        check(&format!("if False:\n    from {module} import {name} as a\n"), family, 2);
    }
}

#[test]
fn prohibited_builtins_are_refused_in_every_form() {
    let builtins = [
        ("open", Family::FileAccess),
        ("file", Family::FileAccess),
        ("exec", Family::DynamicCode),
        ("eval", Family::DynamicCode),
        ("compile", Family::DynamicCode),
        ("__import__", Family::DynamicCode),
    ];
    for (name, family) in builtins {
        for code in [
            "{}('x')\n",
            "reader = {}\n",
            "x = [{}]\n",
            "x = {{'a': {}}}\n",
            "x = lambda f={}: f\n",
            "def transform(value, f={}):\n    return f(value)\n",
            "list(map({}, ['x']))\n",
            "@{}\ndef f(): pass\n",
            "class A({}): pass\n",
            "class A:\n    __add__ = {}\n",
            "x = f'{{{}(1)}}'\n",
            "x = (f := {})\n",
            "x = [f(1) for f in ({},)]\n",
            "with {}('x') as f: pass\n",
            "assert {}\n",
            "x: {} = 1\n",
            "def f() -> {}: pass\n",
            "match 1:\n    case 1 if {}(1): pass\n",
            "x = 1 if {} else 2\n",
            "raise {}('x')\n",
            "import builtins\nbuiltins.{}\n",
        ] {
            let code = code.replace("{}", name).replace("{{", "{").replace("}}", "}");
            let found = errors(&code);
            assert!(found.iter().any(|finding| finding.family == family), "{code:?}: {found:#?}");
        }
    }
}

#[test]
fn what_they_do_is_refused_where_it_is_done() {
    check("import os\n\nos.system('true')\n", Family::Process, 3);
    check("import os as o\n\no.popen('true')\n", Family::Process, 3);
    check("from os import system\n", Family::Process, 1);
    check("import os\n\nos.listdir('/')\n", Family::FileAccess, 3);
    check("import subprocess\n\n\nsubprocess.run(['x'])\n", Family::Process, 4);
    check("import socket\n\nsocket.create_connection(('x', 1))\n", Family::Network, 3);
    check("import urllib.request\n\nurllib.request.urlopen('x')\n", Family::Network, 3);
    check("import requests\n\nrequests.get('x')\n", Family::Network, 3);
}

#[test]
fn the_module_that_only_works_on_text_is_allowed() {
    for code in [
        "import urllib.parse\nx = urllib.parse.quote('a b')\n",
        "from urllib.parse import urlsplit, urljoin\nx = urlsplit('http://a').netloc\n",
        "from urllib import parse\nx = parse.unquote('a')\n",
        "import urllib.parse as up\nx = up.parse_qs('a=1')\n",
    ] {
        assert!(errors(code).is_empty(), "{code:?}: {:#?}", errors(code));
    }
    check("import urllib.parse\nurllib.request.urlopen('x')\n", Family::Network, 2);
    check("import urllib.parse\nx = urllib.parse.sys\n", Family::ModulePivot, 2);
}

#[test]
fn the_same_words_are_fine_where_they_mean_something_else() {
    for code in [
        "def transform(value, os='linux', open=1, file=2, eval=3, compile=4, requests=()):\n    return os, open, file, eval, compile, requests\n",
        "def transform(value):\n    return {'open': 1, 'os': 2}['open'], value.open(), value.eval(), value.system(), dict(exec=1)\n",
        "open = [1, 2]\ndef transform(value):\n    return open[0]\n",
        "class Door:\n    def open(self): return self\n    def exec(self): return self.open()\n",
        "x = 'import os; eval(open)'  # os.system('x')\n",
        "for open, close in [(1, 2)]:\n    print(open - close)\n",
    ] {
        assert!(errors(code).is_empty(), "{code:?}: {:#?}", errors(code));
    }
}

#[test]
fn a_name_that_may_still_be_the_builtin_counts_as_the_builtin() {
    for code in [
        "if False:\n    open = None\nopen('x')\n",
        "def f():\n    return open('x')\nf()\ndef open(path): return path\n",
        "open = 1\ndel open\nopen('x')\n",
        "try:\n    pass\nexcept Exception as open:\n    pass\nopen('x')\n",
        "False and (open := 1)\nopen('x')\n",
        "match 1:\n    case [open]: pass\nopen('x')\n",
        "for open in []: pass\nopen('x')\n",
        "open: int\nopen('x')\n",
        "class A:\n    if False:\n        open = 1\n    x = open('x')\n",
        "class A:\n    open = 1\n    def f(self): return open('x')\n",
        "def f():\n    open = 1\n    def g():\n        global open\n        return open('x')\n    return g\n",
    ] {
        let found = errors(code);
        assert!(found.iter().any(|finding| finding.family == Family::FileAccess), "{code:?}: {found:#?}");
    }
}
