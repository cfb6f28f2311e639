//! The preset `compatible`: what existing scripts use passes, and nothing more than that. The attempts here reach for what the strict
//! preset refuses, and are harmless where they would get through.

use domain::code::Severity;
use domain::code_policy::Preset;
use python_check::{CheckPolicy, CheckedRuntime, Checker};

fn rules(preset: Preset, code: &str) -> Vec<&'static str> {
    let runtime = CheckedRuntime { python: (3, 11), ..CheckedRuntime::default() };
    let report = Checker::new(CheckPolicy { runtime, preset, ..CheckPolicy::default() }).check(code.as_bytes());
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
    "class Log:\n    def __init__(self):\n        self.buffer = []\n    def write(self, text):\n        self.buffer.append(text)\n",
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
    // The files behind streams.
    "import sys\nsys.stdout.buffer.raw.__init__('/etc/passwd')\n",
    "import sys\nx = sys.stdout\nprint(type(x.buffer))\n",
    "import sys\nprint(getattr(sys.stdout, 'buffer'))\n",
    "import sys\nprint(sys.stdin.detach())\n",
    "f = open('/tmp/a', 'rb')\nprint(type(f.raw)('/etc/passwd'))\n",
    "f = open('/tmp/a')\nprint(getattr(f, 'detach')())\n",
    "import operator\nprint(operator.attrgetter('raw')(open('/tmp/a', 'rb')))\n",
    "match open('/tmp/a', 'rb'):\n    case object(raw=file):\n        print(file)\n",
    // What the preset does not name.
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
    let refused = HONEST.iter().filter(|code| !rules(Preset::Strict, code).is_empty()).count();
    assert_eq!(refused, HONEST.len() - 1, "all but the one whose buffer is its own");
}

#[test]
fn nothing_else_is_open_however_it_is_reached_for() {
    let through: Vec<_> = REACHING.iter().filter(|code| rules(Preset::Compatible, code).is_empty()).collect();
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
