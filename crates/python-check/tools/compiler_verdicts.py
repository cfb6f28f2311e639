"""Records what CPython's compiler says of many small programs, for the test that compares the check with it.

    python3.11 tools/compiler_verdicts.py tests/corpus/compiler.json

adds the verdicts of the interpreter that runs it to the file; one run for each version. A verdict is 0 where `compile()` accepts
the program, the line of its error where it refuses it, and null where it crashes. The programs are made here: a statement in every
place, a character in every position, and those of `tests/corpus/compiler_programs.txt`. Nothing is run, only compiled. An interpreter
that is not at hand is had from a package: 3.14 is pyodide's (npm), which reads this file and the verdicts through its own file system.
"""

import json
import os
import pathlib
import sys
import textwrap
import warnings

# One program a line, ¶ for a line break.
WRITTEN = pathlib.Path(__file__).parent.parent / "tests/corpus/compiler_programs.txt"

LINES = {
    "module": "{}",
    "function": "def f():\n    {}",
    "async function": "async def f():\n    {}",
    "class": "class A:\n    {}",
    "method": "class A:\n    def f(self):\n        {}",
    "loop": "for _ in ():\n    {}",
    "loop in function": "def f():\n    for _ in ():\n        {}",
    "else of loop": "def f():\n    for _ in ():\n        pass\n    else:\n        {}",
    "finally in loop": "def f():\n    for _ in ():\n        try:\n            pass\n        finally:\n            {}",
    "except* in loop": "def f():\n    for _ in ():\n        try:\n            pass\n        except* ValueError:\n            {}",
    "class in loop": "for _ in ():\n    class A:\n        {}",
    "class in function": "def f():\n    x = 1\n    class A:\n        {}",
    "function in function": "def f():\n    x = 1\n    def g():\n        {}",
    "generic function": "def f[T]():\n    {}",
    "generic class": "class A[T]:\n    {}",
    "after use": "def f():\n    print(x)\n    {}",
    "after binding": "def f():\n    x = 1\n    {}",
    "parameter": "def f(x):\n    {}",
}
STATEMENTS = [
    "return", "return 1", "yield", "x = yield 1", "yield from ()", "await x", "x = await y", "break", "continue", "nonlocal x", "global x",
    "global x, y", "nonlocal x\n{0}global x", "global x\n{0}nonlocal x", "nonlocal T", "global T", "from math import *", "from __future__ import annotations",
    "async with x: pass", "async for x in y: pass", "[x async for x in y]", "{{x: x async for x in y}}", "(x async for x in y)",
    "[await x for x in y]", "(await x for x in y)", "lambda: await_", "lambda: (yield)", "lambda: await x", "[(yield) for x in y]", "((yield) for x in y)",
    "[(x := 1) for y in z]", "[x for x in (y := z)]", "[(x := 1) for x in y]", "x: int", "x: int = 1", "x: (yield)", "x: (await y)", "x: (z := 1)", "del x",
    "nonlocal __class__", "__class__ = 1", "import x", "import x as T", "def x(): pass", "class x: pass", "type x = int", "type X = (yield)",
    "type X = await y", "type X[T: (yield)] = T", "with x as y, z as w: pass", "x += yield", "assert (yield)", "raise (yield)", "print((yield))",
    "def g(a=(yield)): pass", "def g(a: (yield)): pass", "def g() -> (yield): pass", "class B((yield)): pass", "@(yield)\n{0}def g(): pass",
    "def g[T: (yield)](): pass", "class B[T: (await x)]: pass", "def g[T](a: (x := 1)): pass", "class B[T]((yield)): pass", "match (yield):\n{0}    case 1: pass",
]

CHARACTERS = [
    0x00b7, 0x00aa, 0x00b5, 0x00ad, 0x0387, 0x034f, 0x0300, 0x0345, 0x037a, 0x0e33, 0x0eb3, 0x0660, 0x115f, 0x1160, 0x1369, 0x17b4, 0x17b5, 0x180b, 0x180e,
    0x180f, 0x1885, 0x19da, 0x200b, 0x200c, 0x200d, 0x200e, 0x203f, 0x2054, 0x2060, 0x2065, 0x2071, 0x2118, 0x212e, 0x2163, 0x2e2f, 0x3007, 0x309b,
    0x30fb, 0x3164, 0x00a0, 0x3000, 0x2028, 0x2029, 0x0085, 0xfe00, 0xfe0f, 0xfe33, 0xfe4d, 0xfeff, 0xff3f, 0xff65, 0xff9e, 0xffa0, 0xfff0, 0x1d165, 0x1d7ce, 0x1d173,
    0xe0001, 0xe0020, 0xe0100, 0xe01ef, 0x1f600, 0x2460, 0x00b2, 0xfdfa, 0xfc5e, 0x1e030, 0x10ec2, 0x31350, 0x2ebf0, 0x105c0, 0x1c89, 0x0c5c, 0x0001, 0x001b, 0x007f, 0x000c, 0x000b, 0x001a, 0x2212, 0x201c, 0xff0b, 0xff08, 0x037e, 0x1680,
]


def nested(line, depth, innermost="pass", head=""):
    body = "".join("    " * level + line + "\n" for level in range(depth)) + "    " * depth + innermost + "\n"
    return head + (textwrap.indent(body, "    ") if head else body)


def programs():
    for place, frame in LINES.items():
        indent = frame.rsplit("\n", 1)[-1].split("{")[0]
        for statement in STATEMENTS:
            yield frame.format(statement.format(indent)) + "\n"
    for line in WRITTEN.read_text(encoding="utf-8").strip("\n").split("\n"):
        yield line.replace("¶", "\n") + "\n"
    for point in CHARACTERS:
        yield f"{chr(point)} = 1\n"
        yield f"x = 1\na{chr(point)}b = 1\n"
        yield f"x.a{chr(point)} = 1\n"
        yield f"x = 1\nx ={chr(point)}1\n"
        yield f"x = '{chr(point)}'\n"
        yield f"x = 1 # {chr(point)}\ny = )\n"
    for word in ("if", "None", "print", "open"):
        yield "".join(chr(ord(letter) + 0xFEE0) for letter in word) + " = 1\n"
    for count in (254, 255, 256, 257):
        names = ", ".join(f"a{index}" for index in range(count))
        yield f"{names}, *b = x\n"
        yield f"[{names}, *b] = x\n"
        yield f"for {names}, *b in x: pass\n"
        yield f"[1 for {names}, *b in x]\n"
        yield f"with x as ({names}, *b): pass\n"
        yield f"(a, ({names}, *b)) = x\n"
        yield f"*b, {names} = x\n"
        yield f"match x:\n    case [{names}, *b]: pass\n"
        yield f"f({names})\n"
        yield f"def f({names}): pass\n"
        yield "match x:\n    case f(" + ", ".join(f"a{index}=1" for index in range(count)) + "): pass\n"
    for depth in (19, 20, 21, 22, 25, 39, 40, 41, 42):
        for line in ("while 1:", "for x in y:", "with x:", "if x:", "async with x:", "async for x in y:"):
            yield nested(line, depth, head="async def f():\n")
        body = "".join("    " * level + "try:\n" for level in range(depth)) + "    " * depth + "pass\n"
        body += "".join("    " * level + "finally: pass\n" for level in reversed(range(depth)))
        yield body
        body = "".join("    " * level + "try:\n" + "    " * level + "    pass\n" + "    " * level + "except x:\n" for level in range(depth)) + "    " * depth + "pass\n"
        yield body
        # `finally` bodies are compiled twice each, so one of this depth would take for ever.
        yield "".join("    " * (2 * level) + "match x:\n" + "    " * (2 * level + 1) + "case 1:\n" for level in range(depth)) + "    " * (2 * depth) + "pass\n"
        yield "with " + ", ".join(["x"] * depth) + ": pass\n"
        yield nested("with x, y:", depth - 10)
        yield "[1" + " for x in y" * depth + "]\n"
        yield nested("def f():", depth)
        yield nested("class A:", depth)
        yield nested("for x in y:", depth, "return", head="def f():\n")
    for depth in (98, 99, 100):
        yield "".join(" " * level + "if x:\n" for level in range(depth)) + " " * depth + "pass\n"
    for depth in (198, 199, 200, 201):
        yield "x = " + "(" * depth + "1" + ")" * depth + "\n"
    for code in ("", "\n", "# c", "\ufeff", "\ufeffx = 1", "\ufeff\ufeffx = 1", "x = 1\n\ufeff", "\x0c", "\x0cx = 1\n", "if x:\n    \x0cy\n", "if x:\n\x0c    y\n", "x = 1\r\ny = 2\r\n", "x = 1\ry = 2\r)",
                 "x = '''\r\n'''\n)\n", "x = 1\n\n\n", "x = 1\n   ", "x = 1\n\t\n", "if x:\n    y\n    ", "x = 1\x00", "\x00", "x = '\x00'", "# \x00\nx = 1", "x = 1\x1a", "# coding: utf-8\nx = 1\n", "# coding: latin-1\nx = 'a'\n",
                 "# coding: nonsense\nx = 1\n", "x = 1\n# coding: nonsense\n", "#!/x\n# coding: nonsense\n", "\n\n# coding: nonsense\n", "# coding: utf8\n", "\ufeff# coding: latin-1\n", "\\\n", "\\\nx = 1\n", "x = 1\n\\\n", "if x:\n    y\n  \\\n  z\n",
                 "x = " + "1" * 4300 + "\n", "x = " + "1" * 4301 + "\n", "x = 0x" + "f" * 5000 + "\n", "x = 1" + "_0" * 4299 + "\n", "x = 1" + "_0" * 4300 + "\n", "x = " + "1" * 4301 + "j\n", "x = " + "1" * 4301 + ".5\n", "x = " + "0" * 5000 + "\n", "match x:\n    case " + "1" * 4301 + ": pass\n"):
        yield code


def verdict(code):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(code.encode(), "utility.py", "exec", dont_inherit=True)
        except SyntaxError as error:
            return error.lineno or 1
        except (ValueError, RecursionError, MemoryError):
            return 1
    return 0


def verdict_apart(code):
    """The verdict of a compiler that the program may bring down, which then has none."""
    if not hasattr(os, "fork") or sys.platform == "emscripten":
        return verdict(code)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(verdict(code)).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader) as answer:
        text = answer.read()
    return int(text) if text else None


def record(path):
    """Adds this interpreter's verdicts to the file, whose programs are made anew. Each line: a program, and a verdict for each compiler."""
    try:
        with open(path, encoding="utf-8") as file:
            known = json.load(file)
    except FileNotFoundError:
        known = {"compilers": [], "programs": []}
    full = ".".join(map(str, sys.version_info[:3]))
    columns = {compiler: {row[0]: row[1 + index] for row in known["programs"]} for index, compiler in enumerate(known["compilers"])}
    columns = {compiler: column for compiler, column in columns.items() if compiler.split(".")[:2] != full.split(".")[:2]}
    codes = list(dict.fromkeys(programs()))
    columns[full] = {code: verdict_apart(code) for code in codes}
    compilers = sorted(columns, key=lambda compiler: [int(part) for part in compiler.split(".")])
    # A program that an earlier compiler has not seen yet has no verdict of it: record that one again.
    rows = [[code, *(columns[compiler].get(code) for compiler in compilers)] for code in codes]
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"compilers": ' + json.dumps(compilers) + ', "programs": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]}\n")


if __name__ == "__main__":
    record(sys.argv[1])
