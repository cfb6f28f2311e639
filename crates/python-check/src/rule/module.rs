//! Rules about modules: what may be imported, and what may be taken from an import.

use domain::code::{Family, Severity};

use super::{Example, Rule};

pub(super) const RULES: &[&Rule] = &[
    &IMPORT_FORBIDDEN,
    &IMPORT_RELATIVE,
    &IMPORT_STAR,
    &DEPENDENCY_NOT_ALLOWED,
    &DEPENDENCY_NOT_INSTALLED,
    &DEPENDENCY_UNKNOWN,
    &FILE_IMPORT,
    &FILE_API,
    &NETWORK_IMPORT,
    &NETWORK_API,
    &PROCESS_IMPORT,
    &PROCESS_API,
    &NATIVE_IMPORT,
    &NATIVE_API,
    &DESERIALIZATION_IMPORT,
    &DESERIALIZATION_API,
    &PIVOT_MODULE,
    &PIVOT_VALUE,
    &PIVOT_STORE,
    &API_REFUSED,
    &API_CALL_ONLY,
    &API_ARGUMENTS,
];

pub(crate) static IMPORT_FORBIDDEN: Rule = Rule {
    id: "ZPY-IMPORT-001",
    family: Family::ForbiddenImport,
    severity: Severity::Error,
    title: "Import of a system module",
    why: "The module leads to the interpreter, the operating system or the files of the host. A utility computes; it does not administer.",
    fix: "Remove the import. A utility gets its input as parameters and returns its result.",
    bad: Example::Code("import os\n\ndef transform(value):\n    return os.getcwd()\n"),
    good: "def transform(value):\n    return value\n",
};

pub(crate) static IMPORT_RELATIVE: Rule = Rule {
    id: "ZPY-IMPORT-002",
    family: Family::Dependency,
    severity: Severity::Error,
    title: "Relative import",
    why: "A utility is one file: there is no package to import from.",
    fix: "Put the code into this file.",
    bad: Example::Code("from . import helpers\n"),
    good: "def main(value):\n    return value\n",
};

pub(crate) static IMPORT_STAR: Rule = Rule {
    id: "ZPY-IMPORT-003",
    family: Family::Alias,
    severity: Severity::Error,
    title: "Star import",
    why: "A star import binds names that the code does not show, among them ones that are refused here.",
    fix: "Name what you need: `from module import name`.",
    bad: Example::Code("from operator import *\n"),
    good: "from operator import itemgetter\n",
};

pub(crate) static DEPENDENCY_NOT_ALLOWED: Rule = Rule {
    id: "ZPY-DEPENDENCY-001",
    family: Family::Dependency,
    severity: Severity::Error,
    title: "Module that the policy does not allow",
    why: "The module belongs to Python or to the runtime, but nobody has reviewed it for utilities. It is a question of policy, not an attack.",
    fix: "Use another module, or ask an administrator to allow this one.",
    bad: Example::Code("import turtledemo\n"),
    good: "import json\n",
};

pub(crate) static DEPENDENCY_NOT_INSTALLED: Rule = Rule {
    id: "ZPY-DEPENDENCY-002",
    family: Family::Dependency,
    severity: Severity::Error,
    title: "Package that the runtime does not have",
    why: "The package is well known, but not part of the runtime: the import would fail.",
    fix: "Choose a runtime that has the package, or do without it.",
    bad: Example::Code("import numpy\n"),
    good: "import statistics\n",
};

pub(crate) static DEPENDENCY_UNKNOWN: Rule = Rule {
    id: "ZPY-DEPENDENCY-003",
    family: Family::Dependency,
    severity: Severity::Error,
    title: "Unknown module",
    why: "Neither Python nor the runtime has a module of this name: the import would fail.",
    fix: "Correct the name, or put the code into this file.",
    bad: Example::Code("import my_company_helpers\n"),
    good: "def main(value):\n    return value\n",
};

pub(crate) static FILE_IMPORT: Rule = Rule {
    id: "ZPY-FILE-001",
    family: Family::FileAccess,
    severity: Severity::Error,
    title: "Import of a module that works on files",
    why: "A utility has no files: it gets its input as parameters and returns its result.",
    fix: "Pass the content as a parameter; use `io.StringIO` or `io.BytesIO` where an interface wants a file.",
    bad: Example::Code("import shutil\n\ndef transform(value):\n    return shutil.rmtree(value)\n"),
    good: "import io\n\ndef transform(value):\n    return io.StringIO(value).read()\n",
};

pub(crate) static FILE_API: Rule = Rule {
    id: "ZPY-FILE-003",
    family: Family::FileAccess,
    severity: Severity::Error,
    title: "Function that opens a file",
    why: "The module is allowed, this function of it opens files by name.",
    fix: "Use the function that takes text or bytes instead.",
    bad: Example::Code("import gzip\n\ndef transform(value):\n    return gzip.open(value).read()\n"),
    good: "import gzip\n\ndef transform(value: str):\n    return gzip.decompress(bytes.fromhex(value)).decode()\n",
};

pub(crate) static NETWORK_IMPORT: Rule = Rule {
    id: "ZPY-NETWORK-001",
    family: Family::Network,
    severity: Severity::Error,
    title: "Import of a module that uses the network",
    why: "The sandbox has no network.",
    fix: "Fetch the data before the utility runs and pass it as a parameter. `urllib.parse` is allowed: it only works on text.",
    bad: Example::Code("import urllib.request\n"),
    good: "from urllib.parse import urlsplit\n",
};

pub(crate) static NETWORK_API: Rule = Rule {
    id: "ZPY-NETWORK-002",
    family: Family::Network,
    severity: Severity::Error,
    title: "Function that uses the network",
    why: "The module is allowed, this function of it opens a connection; the sandbox has no network.",
    fix: "Fetch the data before the utility runs and pass it as a parameter.",
    bad: Example::Code("import asyncio\n\nasync def fetch():\n    return await asyncio.open_connection('example.org', 80)\n"),
    good: "import asyncio\n\nasync def work():\n    await asyncio.sleep(0)\n\ndef main():\n    return asyncio.run(work())\n",
};

pub(crate) static PROCESS_IMPORT: Rule = Rule {
    id: "ZPY-PROCESS-001",
    family: Family::Process,
    severity: Severity::Error,
    title: "Import of a module that starts processes",
    why: "The sandbox refuses processes.",
    fix: "Do the work in Python.",
    bad: Example::Code("import subprocess\n"),
    good: "import json\n",
};

pub(crate) static PROCESS_API: Rule = Rule {
    id: "ZPY-PROCESS-002",
    family: Family::Process,
    severity: Severity::Error,
    title: "Call that starts a process",
    why: "The sandbox refuses processes.",
    fix: "Do the work in Python.",
    bad: Example::Code("import os\n\nos.system('true')\n"),
    good: "x = 1\n",
};

pub(crate) static NATIVE_IMPORT: Rule = Rule {
    id: "ZPY-NATIVE-001",
    family: Family::NativeCode,
    severity: Severity::Error,
    title: "Import of a module that runs native code",
    why: "Native code does not keep to what this scan can see.",
    fix: "Do the work in Python.",
    bad: Example::Code("import ctypes\n"),
    good: "import struct\n",
};

pub(crate) static NATIVE_API: Rule = Rule {
    id: "ZPY-NATIVE-002",
    family: Family::NativeCode,
    severity: Severity::Error,
    title: "Function that runs native code",
    why: "Native code does not keep to what this scan can see.",
    fix: "Do the work in Python.",
    bad: Example::Code("import ctypes\n\nx = ctypes.CDLL(None)\n"),
    good: "x = 1\n",
};

pub(crate) static DESERIALIZATION_IMPORT: Rule = Rule {
    id: "ZPY-DESERIALIZATION-001",
    family: Family::Deserialization,
    severity: Severity::Error,
    title: "Import of a module that builds objects from data",
    why: "Reading such data runs whatever the data says.",
    fix: "Use `json`.",
    bad: Example::Code("import pickle\n"),
    good: "import json\n",
};

pub(crate) static DESERIALIZATION_API: Rule = Rule {
    id: "ZPY-DESERIALIZATION-002",
    family: Family::Deserialization,
    severity: Severity::Error,
    title: "Function that builds objects from data",
    why: "Reading such data runs whatever the data says.",
    fix: "Use the safe variant, or `json`.",
    bad: Example::Code("import yaml\n\ndef transform(value):\n    return yaml.load(value, yaml.Loader)\n"),
    good: "import json\n\ndef transform(value):\n    return json.loads(value)\n",
};

pub(crate) static PIVOT_MODULE: Rule = Rule {
    id: "ZPY-PIVOT-001",
    family: Family::ModulePivot,
    severity: Severity::Error,
    title: "Module reached through another module",
    why: "Many modules carry `os`, `sys` or `builtins` as an attribute; through them everything is within reach.",
    fix: "Use the documented functions of the module only.",
    bad: Example::Code("import json\n\nx = json.codecs.builtins.open\n"),
    good: "import json\n\nx = json.dumps({})\n",
};

pub(crate) static PIVOT_VALUE: Rule = Rule {
    id: "ZPY-PIVOT-002",
    family: Family::ModulePivot,
    severity: Severity::Error,
    title: "Module used as a value",
    why: "A module may only stand left of a dot: passed on, stored or inspected, it can no longer be followed.",
    fix: "Call the functions of the module directly.",
    bad: Example::Code("import json\n\ndef transform(value, codec=json):\n    return codec.dumps(value)\n"),
    good: "import json\n\ndef transform(value):\n    return json.dumps(value)\n",
};

pub(crate) static PIVOT_STORE: Rule = Rule {
    id: "ZPY-PIVOT-003",
    family: Family::ModulePivot,
    severity: Severity::Error,
    title: "Attribute of a module changed",
    why: "Changing a module changes it for all code that uses it.",
    fix: "Define a function of your own.",
    bad: Example::Code("import json\n\njson.dumps = str\n"),
    good: "import json\n\ndef main(value):\n    return json.dumps(value, sort_keys=True)\n",
};

pub(crate) static API_REFUSED: Rule = Rule {
    id: "ZPY-API-001",
    family: Family::ForbiddenCall,
    severity: Severity::Error,
    title: "Name outside the reviewed interface of a module",
    why: "Of each module the reviewed, harmless names are allowed; this one is not among them, or the module does not have it.",
    fix: "Use the documented functions of the module; correct the spelling.",
    bad: Example::Code("import functools\n\nx = functools.recursive_repr\n"),
    good: "import functools\n\nx = functools.reduce(max, [1, 2])\n",
};

pub(crate) static API_CALL_ONLY: Rule = Rule {
    id: "ZPY-API-002",
    family: Family::Alias,
    severity: Severity::Error,
    title: "Function that may only be called directly",
    why: "What this function does depends on its arguments, so it may not be stored, passed on or inherited from.",
    fix: "Call it where you need it.",
    bad: Example::Code("from operator import attrgetter\n\npick = [attrgetter]\n"),
    good: "from operator import attrgetter\n\npick = attrgetter('name')\n",
};

pub(crate) static API_ARGUMENTS: Rule = Rule {
    id: "ZPY-API-003",
    family: Family::ForbiddenCall,
    severity: Severity::Error,
    title: "Argument that cannot be checked",
    why: "With these arguments the function reaches attributes or files by a name that is not written out.",
    fix: "Pass constants; leave the optional argument out.",
    bad: Example::Code("import functools\n\nclass Taker:\n    pass\n\nfunctools.update_wrapper(Taker(), len, updated=('__globals__',))\n"),
    good: "import functools\n\ndef twice(f):\n    @functools.wraps(f)\n    def call(x):\n        return f(f(x))\n    return call\n\ndef main(x: float):\n    return twice(abs)(x)\n",
};
