//! The preset `compatible`: what existing scripts use passes, and nothing more than that. The attempts here reach for what the strict
//! preset refuses, and are harmless where they would get through.

use std::sync::LazyLock;

use domain::code::{CodeReport, Severity};
use domain::code_policy::Preset;
use python_check::{CheckPolicy, CheckedRuntime, Checker};

use crate::collections::programs;
use crate::corpus::corpus;

static CHECKERS: LazyLock<[(Preset, Checker); 2]> =
    LazyLock::new(|| [Preset::Strict, Preset::Compatible].map(|preset| (preset, checker(preset))));

fn checker(preset: Preset) -> Checker {
    let runtime = CheckedRuntime { python: (3, 11), ..CheckedRuntime::default() };
    Checker::new(CheckPolicy { runtime, preset, ..CheckPolicy::default() })
}

fn report(preset: Preset, code: &str) -> CodeReport {
    CHECKERS.iter().find(|(of, _)| *of == preset).unwrap().1.check(code.as_bytes())
}

fn rules(preset: Preset, code: &str) -> Vec<&'static str> {
    let report = report(preset, code);
    report.findings.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| finding.rule).collect()
}

const HONEST: &[&str] = &[
    "import sys\nprint(sys.argv, sys.version_info >= (3, 8), sys.maxsize, sys.platform, sys.byteorder)\n",
    "import sys\nsys.stdout.write('a')\nsys.stderr.flush()\nprint('a', file=sys.stderr)\nsys.exit(0)\n",
    "import sys as s\nfor line in s.stdin:\n    print(line, s.getsizeof(line))\n",
    "from sys import argv, exit as leave\nprint(argv)\nleave()\n",
    "import os\nprint(os.sep, os.linesep, os.name, os.path.join('a', 'b'))\n",
    "import os.path as p\nprint(p.splitext('a.b'), p.basename('a/b'))\n",
    "from os import path\nprint(path.dirname('a/b'))\n",
    "from os.path import join, normpath\nprint(normpath(join('a', '..')))\n",
    "import socket, struct\nprint(struct.unpack('!I', socket.inet_aton('1.2.3.4')))\n",
    "import socket\ntry:\n    socket.inet_pton(socket.AF_INET6, '::1')\nexcept socket.error:\n    pass\n",
    "with open('/tmp/a.txt', 'w', encoding='utf-8') as file:\n    file.write('a')\n",
    "NAME = '/tmp/data/a.csv'\nprint(open(NAME).read())\n",
    "import tempfile\nwith tempfile.NamedTemporaryFile(mode='w+') as file:\n    file.write('a')\nprint(tempfile.gettempdir())\n",
    "import tempfile\nwith tempfile.TemporaryFile() as file:\n    file.write(b'a')\n",
    "import tempfile\nwith tempfile.NamedTemporaryFile('w') as file:\n    file.write('a')\n",
    "from tempfile import SpooledTemporaryFile, TemporaryFile\nprint(TemporaryFile('w+'), SpooledTemporaryFile(1000, 'w'))\n",
    // Bytes of the process's own streams.
    "import sys\nsys.stdout.buffer.write(b'a')\nsys.stdout.buffer.flush()\nsys.stderr.buffer.writelines([b'a'])\n",
    "import sys as s\ndef main(): return s.stdin.buffer.read().hex(), s.stdin.buffer.readline(), s.stdin.buffer.readlines()\n",
    "from sys import stdout as out\nout.buffer.write('a'.encode('utf-8'))\n",
    // Its own objects beside streams of the library.
    "import sys\nclass Event:\n    __slots__ = ('raw',)\n    def __init__(self, raw):\n        self.raw = raw\n    def text(self):\n        \
     return self.raw.strip()\nprint(Event(' a').raw.strip(), Event('b').text(), file=sys.stderr)\n",
    "import sys\ndef main():\n    event = Event('a')\n    return event.raw\nclass Event:\n    def __init__(self, raw):\n        \
     self.raw = raw\nsys.stdout.write(main())\n",
    "import sys\nfrom dataclasses import dataclass\n@dataclass(frozen=True)\nclass Event:\n    raw: str\nprint(Event('a').raw, file=sys.stderr)\n",
    "class Log:\n    def __init__(self):\n        self.buffer = []\n    def detach(self):\n        self.buffer.clear()\n\
     log = Log()\nlog.detach()\nopen('/tmp/a', 'w').write('a')\n",
    "import sys\nclass Event:\n    pass\ndef main(event): return event.raw\nprint(sys.argv)\n",
];

/// Names of the attributes that lead behind streams, where the code has none.
const WITHOUT_STREAMS: &[&str] = &[
    "class Log:\n    def __init__(self):\n        self.buffer = []\n    def write(self, text):\n        self.buffer.append(text)\n",
    "class Event:\n    def __init__(self, raw):\n        self.raw = raw\ndef main(text): return Event(text).raw.strip()\n",
    "class Event:\n    def __init__(self, raw):\n        self.raw = raw\n    def text(self):\n        return self.raw\n\
     def main(text): return Event.text(Event(text))\n",
    "from dataclasses import dataclass\n@dataclass\nclass Event:\n    raw: str\ndef main(text): return [e.raw for e in [Event(text)]]\n",
    "class Node:\n    def detach(self):\n        return self\ndef main(nodes): return [node.detach() for node in nodes]\n",
    "import weakref\nclass A:\n    pass\na = A()\nprint(weakref.finalize(a, print).detach())\n",
    "import io\nprint(io.TextIOWrapper(io.BytesIO(b'a')).detach().read())\n",
    "import io\nprint(io.TextIOWrapper(io.BytesIO(b'a')).buffer.getvalue())\n",
    "import operator\nprint(list(map(operator.attrgetter('raw', 'buffer'), [])))\n",
    "def main(event, kind): return getattr(event, 'r' + kind), getattr(event, 'raw')\n",
    "def main(event):\n    match event:\n        case object(raw=raw):\n            return raw\n",
    "def main(event): return '{0.raw}'.format(event)\n",
];

/// Each reaches for something that stays refused, and how.
const REACHING: &[&str] = &[
    // Other members, however they are written.
    "import sys\nprint(sys.modules)\n",
    "import sys as s\nprint(s.modules['os'])\n",
    "from sys import modules\n",
    "from sys import modules as argv\nprint(argv)\n",
    "import sys\nprint(getattr(sys, 'modules'))\n",
    "import sys\nprint(getattr(sys, 'mod' + 'ules'))\n",
    "import sys\ndef main(name): return getattr(sys, name)\n",
    "import sys\nprint([getattr(sys, name) for name in ('argv', 'path')])\n",
    "import sys\nprint(sys._getframe())\n",
    "import sys\nsys.setrecursionlimit(100000)\n",
    "import sys\nprint(sys.path, sys.executable, sys.meta_path)\n",
    "import sys\nsys.settrace(None)\n",
    "import sys\nprint(sys.exc_info())\n",
    "from sys import *\n",
    "from os import *\n",
    "from os.path import *\n",
    "from socket import *\n",
    "from tempfile import *\n",
    // Modules through members.
    "import os\nprint(os.sys)\n",
    "import os\nprint(os.path.os.system)\n",
    "import os.path as p\nprint(p.os)\n",
    "import os.path as p\nprint(p.genericpath)\n",
    "from os.path import os\n",
    "from os import sys as path\n",
    "import socket\nprint(socket.os, socket.sys)\n",
    "import socket\nprint(socket.selectors)\n",
    "import tempfile\nprint(tempfile._os)\n",
    "import tempfile\nprint(tempfile._shutil.rmtree)\n",
    "import sys\nprint(sys.exit.__self__)\n",
    "import sys\nprint(sys.stdout.write.__self__)\n",
    "import sys\nprint(sys.__dict__)\n",
    "import sys\nprint(vars(sys))\n",
    "import os\nprint(os.path.join.__globals__)\n",
    "import os\nx = os.path.join.__code__\n",
    // Modules as values.
    "import sys\nx = sys\n",
    "import sys\nprint([sys])\n",
    "import os\ndef main(x=os): return x\n",
    "import os\nfor p in (os.path,):\n    print(p)\n",
    "from os import path\nx = [path]\n",
    // Members set.
    "import sys\nsys.stdout = None\n",
    "import os\nos.sep = '/'\n",
    "import sys\nsetattr(sys, 'argv', [])\n",
    "import tempfile\ntempfile.tempdir = '/etc'\n",
    // What works on processes, files and the network.
    "import os\nos.system('true')\n",
    "from os import system as basename\nbasename('true')\n",
    "import os\nprint(os.environ, os.listdir('/'))\n",
    "import os\nprint(os.path.exists('/etc/passwd'))\n",
    "from os.path import expanduser\n",
    "import posixpath\n",
    "import posix\n",
    "import socket\nsocket.socket()\n",
    "from socket import create_connection as inet_aton\n",
    "import socket\nprint(socket.gethostbyname('a'))\n",
    "import tempfile\ntempfile.mkstemp()\n",
    "import tempfile\ntempfile.TemporaryDirectory()\n",
    // Files elsewhere.
    "open('/etc/passwd')\n",
    "open('a')\n",
    "open('/tmp/../etc/passwd')\n",
    "open('/tmp/a/../../etc/passwd')\n",
    "open('/tmp//a')\n",
    "open('/tmp')\n",
    "def main(name): return open('/tmp/' + name).read()\n",
    "def main(name): return open(f'/tmp/{name}').read()\n",
    "NAME = '/tmp/a'\nNAME = '/etc/passwd'\nopen(NAME)\n",
    "def main(flag): return open('/tmp/a' if flag else '/etc/passwd').read()\n",
    "for name in ('/tmp/a', '/etc/passwd'):\n    open(name)\n",
    "open(*['/etc/passwd'])\n",
    "open('/tmp/a', **{'opener': print})\n",
    "open(file='/etc/passwd')\n",
    "open(3)\n",
    "open('/tmp/a', opener=lambda path, flags: 3)\n",
    "open('/tmp/a', 'rb', 0)\n",
    "open('/tmp/a', 'rb', buffering=0)\n",
    "f = open\nf('/etc/passwd')\n",
    "print(list(map(open, ['/etc/passwd'])))\n",
    "(lambda o: o('/etc/passwd'))(open)\n",
    "import builtins\nbuiltins.open('/tmp/a')\n",
    "import io\nio.open('/tmp/a')\n",
    "import io\nio.FileIO('/tmp/a')\n",
    "import tempfile\ntempfile.NamedTemporaryFile(dir='/etc')\n",
    "import tempfile\ntempfile.NamedTemporaryFile('w', 0)\n",
    "import tempfile\ntempfile.NamedTemporaryFile(prefix='/etc/')\n",
    "import tempfile\ntempfile.TemporaryFile(buffering=0)\n",
    "import tempfile\nf = tempfile.TemporaryFile\n",
    "from tempfile import TemporaryFile as f\ng = f\n",
];

/// Each reaches for the file behind a stream.
const BEHIND_STREAMS: &[&str] = &[
    "import sys\nw = sys.stdout.buffer.write\n",
    "import sys\nb = sys.stdout.buffer\nb.write(b'a')\n",
    "import sys\n(b := sys.stdout.buffer).write(b'a')\n",
    "import sys\nprint(sys.stdout.buffer.write.__self__)\n",
    "import sys\nsys.stdout.buffer.raw.write(b'a')\n",
    "import sys\nprint(sys.stdout.buffer.detach())\n",
    "import sys\nprint(sys.stdout.buffer.__class__('/etc/passwd'))\n",
    "import sys\nprint(sys.stdin.buffer.peek(), sys.stdout.buffer.name)\n",
    "import sys\nfor line in sys.stdin.buffer:\n    print(line)\n",
    "import sys\ndef f(s): s.buffer.write(b'a')\nf(sys.stdout)\n",
    "import sys\nsys.stdout.buffer.buffer.write(b'a')\n",
    "import sys\nsys.stdout.buffer.raw.__init__('/etc/passwd')\n",
    "import sys\nx = sys.stdout\nprint(type(x.buffer))\n",
    "import sys\nprint(getattr(sys.stdout, 'buffer'))\n",
    "import sys\nprint(sys.stdin.detach())\n",
    "import operator, sys\nprint(operator.attrgetter('buffer')(sys.stdout))\n",
    "import operator, sys\nprint(operator.attrgetter('name', 'buffer.raw')(sys.stdout))\n",
    "import operator, sys\nprint(operator.methodcaller('detach')(sys.stdout))\n",
    "import sys\nprint(getattr(sys.stdout, 'buf' + 'fer'))\n",
    "import sys\nNAME = 'buffer'\ndef f(s): return getattr(s, NAME)\nprint(f(sys.stdout))\n",
    "import sys\ndef f(s, name): return getattr(s, 'b' + name)\nprint(f(sys.stdout, 'uffer'))\n",
    "import sys\nmatch sys.stdout:\n    case object(buffer=b):\n        print(b)\n",
    "import sys\nclass P:\n    __match_args__ = ('buffer',)\nmatch sys.stdout:\n    case P(b):\n        print(b)\n",
    "import sys\nclass P:\n    __slots__ = __match_args__ = ('buffer',)\nmatch sys.stdout:\n    case P(b):\n        print(b)\n",
    "import sys\ndef f(s): return s.buffer\nprint(f(sys.stdout))\n",
    "import sys\nprint((lambda s: s.buffer)(sys.stdout))\n",
    "import sys\nprint([s.buffer for s in [sys.stdout]])\n",
    "import sys\nfor s in (sys.stdout, sys.stderr):\n    print(s.buffer)\n",
    "import sys\ns, = (sys.stdout,)\nprint(s.buffer)\n",
    "import sys\nprint([sys.stdout][0].buffer, {'a': sys.stdout}.get('a').buffer)\n",
    "import sys\nprint((sys.stdout or None).buffer)\n",
    "import sys\nprint((s := sys.stdout) and s.buffer)\n",
    "import sys\nprint(super(type(sys.stdout), sys.stdout).buffer)\n",
    "import sys\nprint(type(sys.stdout).buffer.__get__(sys.stdout))\n",
    "import io, sys\nprint(io.TextIOWrapper.detach(sys.stdout))\n",
    "import sys\nclass S(type(sys.stdout)):\n    def f(self): return self.buffer\nprint(S.f(sys.stdout))\n",
    "import sys\nclass S(type(sys.stdout)):\n    def f(self): return self.buffer\nprint(S)\n",
    "import io, sys\nclass S(io.TextIOWrapper):\n    def f(self): return self.buffer\nprint(S, sys.stdout)\n",
    "import sys\nT, = (type(sys.stdout),)\nclass S(T):\n    def f(self): return self.buffer\nprint(S)\n",
    "import sys\nclass S(type(sys.stdout)):\n    def f(self): return super().buffer\nprint(S)\n",
    "import sys\nclass A:\n    def f(self): return self.buffer\nprint(A.f(sys.stdout))\n",
    "import sys\nclass A:\n    def f(self): return self.buffer\nprint(list(map(A.f, [sys.stdout])))\n",
    "import sys\nclass A:\n    @property\n    def p(self): return self.buffer\nprint(A.p.fget(sys.stdout))\n",
    "import sys\nclass A:\n    @staticmethod\n    def f(self): return self.buffer\nprint(A.f(sys.stdout))\n",
    "import sys\nclass A:\n    def f(self):\n        self = sys.stdout\n        return self.buffer\n",
    "import sys\nclass A:\n    def f(self):\n        def g(self): return self.buffer\n        return g(sys.stdout)\n",
    "import sys\nclass A:\n    def __new__(cls): return sys.stdout\nprint(A().buffer)\n",
    "import sys\nclass A:\n    pass\nA.__new__ = lambda cls: sys.stdout\nprint(A().buffer)\n",
    "import sys\nclass A:\n    pass\ndef f():\n    global A\n    A = lambda: sys.stdout\nf()\nprint(A().buffer)\n",
    "import sys\nclass A:\n    pass\na = A()\ndef f():\n    global a\n    a = sys.stdout\nf()\nprint(a.buffer)\n",
    "import sys\nclass A:\n    pass\ndef main():\n    a = A()\n    def f():\n        nonlocal a\n        a = sys.stdout\n    \
     f()\n    return a.buffer\n",
    "import sys\nclass A:\n    pass\na = A()\nfor a in [sys.stdout]:\n    print(a.buffer)\n",
    "import sys\nclass A:\n    def __eq__(self, other): return other.buffer\nprint(A() == sys.stdout)\n",
    "import sys\nclass A:\n    def __radd__(self, other): return other\ndef f(s): s.buffer += A()\nf(sys.stdout)\n",
    "import sys\ndef g():\n    class A:\n        pass\ndef A(): return sys.stdout\nprint(A().buffer)\n",
    "import sys\ndef keep(c): return lambda: sys.stdout\n@keep\nclass A:\n    pass\nprint(A().buffer)\n",
    "import sys\ndef dataclass(c): return lambda: sys.stdout\n@dataclass\nclass A:\n    pass\nprint(A().buffer)\n",
    "import string, sys\nclass F(string.Formatter):\n    def format_field(self, value, spec): return print(value)\nF().format('{0.buffer}', sys.stdout)\n",
    "from sys import stdout as out\ndef f(s): return s.buffer\nprint(f(out))\n",
    "import sys\ndef f(s): return s.buffer\nprint(f(getattr(sys, 'std' + 'out')))\n",
    "def f(s): return s.raw\nimport tempfile as t\nprint(f(t.TemporaryFile()))\n",
    "def f(s): return s.raw\nfrom tempfile import TemporaryFile as t\nprint(f(t()))\n",
    "def f(s): return s.raw\nprint(f(open('/tmp/a', 'rb')))\n",
    "if True:\n    def f(s): return s.raw\n    print(f(open('/tmp/a', 'rb')))\n    def open(*a): return a\n",
    "f = open('/tmp/a', 'rb')\nprint(type(f.raw)('/etc/passwd'))\n",
    "f = open('/tmp/a')\nprint(getattr(f, 'detach')())\n",
    "import operator\nprint(operator.attrgetter('raw')(open('/tmp/a', 'rb')))\n",
    "match open('/tmp/a', 'rb'):\n    case object(raw=file):\n        print(file)\n",
];

/// What the preset does not name.
const UNNAMED: &[&str] = &[
    "import subprocess\n",
    "import shutil\n",
    "import pathlib\nprint(pathlib.Path('/tmp/a').read_text())\n",
    "import sysconfig\n",
    "eval('1')\n",
    "__import__('sys')\n",
];

#[test]
fn existing_scripts_pass_that_the_strict_preset_refuses() {
    for code in HONEST {
        assert_eq!(rules(Preset::Compatible, code), [""; 0], "{code}");
    }
    let accepted: Vec<_> = HONEST.iter().filter(|code| rules(Preset::Strict, code).is_empty()).collect();
    assert!(accepted.is_empty(), "{accepted:#?}");
}

#[test]
fn attributes_named_as_those_behind_streams_pass_where_there_are_no_streams() {
    for code in WITHOUT_STREAMS {
        for preset in [Preset::Strict, Preset::Compatible] {
            assert_eq!(rules(preset, code), [""; 0], "{preset:?} {code}");
        }
    }
}

#[test]
fn what_the_strict_preset_accepts_is_accepted() {
    let mut codes: Vec<String> = ["ordinary.txt", "attacks.txt"]
        .into_iter()
        .flat_map(programs)
        .map(|(_, code)| code)
        .chain(WITHOUT_STREAMS.iter().chain(REACHING).chain(BEHIND_STREAMS).map(|code| (*code).to_owned()))
        .collect();
    for folder in ["cases", "usage"] {
        let files = std::fs::read_dir(corpus().join(folder)).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        codes.extend(files.filter_map(|bytes| String::from_utf8(bytes).ok()));
    }
    let (mut accepted, mut lost) = (0, Vec::new());
    for code in codes.iter().filter(|code| rules(Preset::Strict, code).is_empty()) {
        accepted += 1;
        let found = rules(Preset::Compatible, code);
        if !found.is_empty() {
            lost.push(format!("{found:?}: {code}"));
        }
    }
    assert!(accepted > 130, "{accepted}");
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn an_attribute_behind_streams_is_refused_for_what_the_code_has() {
    let report = report(Preset::Compatible, "def f(s): return s.raw\nprint(f(open('/tmp/a', 'rb')))\n");
    let [finding] = report.findings.as_slice() else { panic!("{:#?}", report.findings) };
    assert!(finding.message.contains("`raw`, in code that has streams of the library"), "{finding:#?}");
    assert_eq!((finding.rule, finding.span.line), ("ZPY-PIVOT-004", 1));
}

#[test]
fn nothing_else_is_open_however_it_is_reached_for() {
    let through: Vec<_> = REACHING.iter().chain(UNNAMED).filter(|code| rules(Preset::Compatible, code).is_empty()).collect();
    assert!(through.is_empty(), "{through:#?}");
}

#[test]
fn no_file_behind_a_stream_is_reached_however_the_stream_comes() {
    let reason = |rule: &&str| matches!(*rule, "ZPY-PIVOT-004" | "ZPY-INTROSPECTION-004" | "ZPY-FORMAT-003");
    let through: Vec<_> =
        BEHIND_STREAMS.iter().map(|code| (code, rules(Preset::Compatible, code))).filter(|(_, rules)| !rules.iter().any(reason)).collect();
    assert!(through.is_empty(), "{through:#?}");
}

#[test]
fn what_stays_refused_is_refused_by_the_rule_of_the_strict_preset() {
    for (code, rule) in [
        ("import os\nos.system('true')\n", "ZPY-PROCESS-002"),
        ("import sys\nprint(sys.modules)\n", "ZPY-INTROSPECTION-001"),
        ("from socket import create_connection\n", "ZPY-NETWORK-002"),
        ("import os.path\nprint(os.path.exists('a'))\n", "ZPY-FILE-003"),
        ("open('/etc/passwd')\n", "ZPY-FILE-002"),
    ] {
        for preset in [Preset::Strict, Preset::Compatible] {
            assert!(rules(preset, code).contains(&rule), "{preset:?} {code}");
        }
    }
}

#[test]
fn a_list_of_allowed_modules_narrows_the_preset() {
    let only = CheckPolicy { preset: Preset::Compatible, only_modules: Some(vec!["sys".to_owned()]), ..CheckPolicy::default() };
    let check = |code: &str| Checker::new(only.clone()).check(code.as_bytes()).accepted();
    assert!(check("import sys\nprint(sys.argv)\n"));
    assert!(!check("import os\nprint(os.sep)\n"));
}
