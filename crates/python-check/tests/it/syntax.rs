//! Syntax and semantic errors stand at the line where CPython reports them.

use crate::errors;

/// `line` is what CPython 3.13's `compile()` says.
fn check(code: &str, rule: &str, line: u32) {
    let found = errors(code);
    assert!(found.iter().any(|finding| finding.rule == rule && finding.span.line == line), "{code:?}: {found:#?}");
}

#[test]
fn what_does_not_parse_is_found_at_its_line() {
    check("def run(value):\n    return [value, (1, 2)\n\n\nRESULT = run(1)\n", "ZPY-SYNTAX-001", 2);
    check("x = (1,\n     2]\n", "ZPY-SYNTAX-001", 2);
    check("x = 1\ny = 2)\n", "ZPY-SYNTAX-001", 2);
    check("def run(value):\n    if value:\n    return 1\n", "ZPY-SYNTAX-001", 3);
    check("def run(value):\n    print \"hello\"\n", "ZPY-SYNTAX-001", 2);
    check("x = 'abc\ny = 1\n", "ZPY-SYNTAX-001", 1);
    check("x = 1\nx = '''abc\ny = 1\n", "ZPY-SYNTAX-001", 2);
    check("for x in y\n    pass\n", "ZPY-SYNTAX-001", 1);
    check("x = 1\n  y = 2\n", "ZPY-SYNTAX-001", 2);
    check("if 1:\n        a = 1\n    b = 2\n", "ZPY-SYNTAX-001", 3);
    check("f(a=1, 2)\n", "ZPY-SYNTAX-001", 1);
    check("x = f\"{a b}\"\n", "ZPY-SYNTAX-001", 1);
    check("1 = x\n", "ZPY-SYNTAX-001", 1);
    check("x = 0777\n", "ZPY-SYNTAX-001", 1);
    check("class A:\n", "ZPY-SYNTAX-001", 1);
    check("a = b = = c\n", "ZPY-SYNTAX-001", 1);
    check("x = $1\n", "ZPY-SYNTAX-001", 1);
    check("try:\n    pass\nx = 1\n", "ZPY-SYNTAX-001", 3);
    check("def f(a=1, b):\n    pass\n", "ZPY-SYNTAX-001", 1);
    check("lambda: (yield = 1)\n", "ZPY-SYNTAX-001", 1);
    check("async = 1\n", "ZPY-SYNTAX-001", 1);
    check("try:\n    pass\n", "ZPY-SYNTAX-001", 2);
    check("def f():\n# comment\n\nx = 1\n", "ZPY-SYNTAX-001", 4);
    check("x = [\n    a\n    b\n]\n", "ZPY-SYNTAX-001", 2);
    check("f(\n  'a\n)\n", "ZPY-SYNTAX-001", 2);
    check("if x:\n\ta = 1\n        b = 2\n", "ZPY-SYNTAX-001", 3);
    check("if x:\n        a = 1\n\tb = 2\n", "ZPY-SYNTAX-001", 3);
    check("if x:\n\t    a = 1\n        b = 2\n", "ZPY-SYNTAX-001", 3);
}

#[test]
fn what_parses_but_cannot_compile_is_found_at_its_line() {
    let check = |code, line| check(code, "ZPY-SYNTAX-002", line);
    check("value = 3\nreturn value\n", 2);
    check("def run(value, value):\n    return value\n", 1);
    check("def run(value):\n    return await value\n", 2);
    check("class A:\n    yield 1\n", 2);
    check("x = 1\nbreak\n", 2);
    check("def f():\n    for x in y:\n        pass\n    else:\n        continue\n", 5);
    check("def f():\n    for x in y:\n        def g():\n            break\n", 4);
    check("nonlocal x\n", 1);
    check("def f():\n    nonlocal x\n", 2);
    check("def f():\n    x = 1\n    global x\n", 3);
    check("def f():\n    print(x)\n    global x\n", 3);
    check("def f():\n    x: int\n    global x\n", 3);
    check("def f():\n    x = 1\n    def g():\n        print(x)\n        nonlocal x\n", 5);
    check("def f():\n    try: pass\n    except* ValueError:\n        return 1\n", 4);
    check("for x in y:\n    try: pass\n    except* ValueError:\n        if x:\n            break\n", 5);
    check("try: pass\nexcept:\n    pass\nexcept ValueError:\n    pass\n", 2);
    check("x.__debug__ = 1\n", 1);
    check("f(__debug__=1)\n", 1);
    check("x = 1\n*x\n", 2);
    check("match x:\n    case _ | 1:\n        pass\n", 2);
    check("match x:\n    case [1, (a | [a])]:\n        pass\n", 2);
    check("match x:\n    case f'':\n        pass\n", 2);
    check("def f():\n    [x\n        async for x in y]\n", 2);
    check("def f(x):\n    global x\n", 2);
    check("f(a=1, a=2)\n", 1);
    check("x = 1\nfrom __future__ import annotations\n", 2);
    check("from __future__ import braces\n", 1);
    check("def f():\n    from math import *\n", 2);
    check("*a, *b = c\n", 1);
    check("[x async for x in y]\n", 1);
    check("async def f():\n    yield 1\n    return 2\n", 3);
    check("async def f():\n    yield from x\n", 2);
    check("[(x := 1) for x in y]\n", 1);
    check("match x:\n    case a:\n        pass\n    case b:\n        pass\n", 2);
    check("match x:\n    case {'a': 1, 'a': 2}:\n        pass\n", 2);
    check("match x:\n    case [a, a]:\n        pass\n", 2);
    check("__debug__ = 1\n", 1);
    check("def f[T, T](x: T): pass\n", 1);
    let mut nested = String::from("def f():\n");
    for depth in 1..=22 {
        nested.push_str(&"    ".repeat(depth));
        nested.push_str("while 1:\n");
    }
    nested.push_str(&"    ".repeat(23));
    nested.push_str("pass\n");
    check(&nested, 23);
}

#[test]
fn valid_code_of_every_version_has_no_syntax_finding() {
    for code in [
        "def f(a, /, b=1, *c, d, e=2, **g): pass\n",
        "async def f():\n    async with a as b, c: pass\n    async for x in y: await x\n    return [x async for x in y]\n",
        "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n    return g\n",
        "class A:\n    def f(self):\n        nonlocal_ = 1\n        def g():\n            nonlocal nonlocal_\n            nonlocal_ = 2\n",
        "while True:\n    try:\n        continue\n    finally:\n        break\n",
        "def f(): return (yield)\n",
        "x = lambda: (yield)\n",
        "def f():\n    return (await_ for await_ in [])\n",
        "match x:\n    case {'a': [1, *rest], **more} if rest: pass\n    case int(real=0) | None | 'a' 'b' | -1 + 2j: pass\n    case _: pass\n",
        "try: pass\nexcept* ValueError as e: pass\n",
        "for x in y:\n    try: pass\n    except* ValueError:\n        for z in x: break\n        def f(): return 1\n    except* TypeError: pass\n",
        "match x:\n    case 1 | _: pass\nmatch x:\n    case [_, *_] | {'a': _}: pass\n",
        "def f():\n    x = 1\n    def g():\n        def h(): return y\n        nonlocal x\n        nonlocal x\n        y = x\n",
        "print(*x)\nx.__debug__\n",
        "if x:\n\tif y:\n\t\ta = [1,\n  2]\n\telse:\n\t    b = 2\n    \t# comment\nc = 1;\td = 2\n",
        "type A[T: int, *U, **P] = list[T]\ndef f[T = int](x: T) -> T: return x\nclass B[T](list[T]): pass\n",
        "x = f\"{'a' + f\"{1!r:>{2}}\"}\"\n",
        "x = f'''{\n    1 # comment\n}'''\n",
        "with (open_ as a, b): pass\n",
        "global x\nx = 1\n",
        "def f():\n    global y\n    y = 1\n",
        "x: int\ndef f(): return x\n",
        "try: pass\nexcept ValueError, TypeError: pass\n",
        "x = t'{1}'\n",
        "\u{feff}x = 1\n",
        "",
        "# only a comment",
        "x = 1\\\n    + 2\n",
        "if 1:\r\n    x = 2\r\n",
    ] {
        let found: Vec<_> = errors(code).into_iter().filter(|finding| finding.family == domain::code::Family::Syntax).collect();
        assert!(found.is_empty(), "{code:?}: {found:#?}");
    }
}

#[test]
fn newer_syntax_than_the_runtime_is_found() {
    use python_check::{CheckPolicy, CheckedRuntime, Checker};

    let policy = CheckPolicy { runtime: CheckedRuntime { python: (3, 11), ..CheckedRuntime::default() }, ..CheckPolicy::default() };
    let report = Checker::new(policy).check(b"x = 1\ntype A = int\n");
    let finding = report.findings.iter().find(|finding| finding.rule == "ZPY-SYNTAX-003").unwrap_or_else(|| panic!("{report:#?}"));
    assert_eq!(finding.span.line, 2);
    assert!(errors("x = 1\ntype A = int\n").is_empty());
}

#[test]
fn columns_count_code_points() {
    let found = errors("x = 'é€😀' + )\n");
    assert_eq!((found[0].span.line, found[0].span.column), (1, 13), "{found:#?}");
}
