var e=Object.assign({"../../../docs/rules/ZPY-API-001.md":`# ZPY-API-001: Name outside the reviewed interface of a module

Family \`forbidden-call\`, error: the code is refused.

Of each module the reviewed, harmless names are allowed; this one is not among them, or the module does not have it.

## Found

\`\`\`python
import functools

x = functools.recursive_repr
\`\`\`

## Instead

Use the documented functions of the module; correct the spelling.

\`\`\`python
import functools

x = functools.reduce(max, [1, 2])
\`\`\`
`,"../../../docs/rules/ZPY-API-002.md":`# ZPY-API-002: Function that may only be called directly

Family \`alias\`, error: the code is refused.

What this function does depends on its arguments, so it may not be stored, passed on or inherited from.

## Found

\`\`\`python
from operator import attrgetter

pick = [attrgetter]
\`\`\`

## Instead

Call it where you need it.

\`\`\`python
from operator import attrgetter

pick = attrgetter('name')
\`\`\`
`,"../../../docs/rules/ZPY-API-003.md":`# ZPY-API-003: Argument that cannot be checked

Family \`forbidden-call\`, error: the code is refused.

With these arguments the function reaches attributes or files by a name that is not written out.

## Found

\`\`\`python
import functools

class Taker:
    pass

functools.update_wrapper(Taker(), len, updated=('__globals__',))
\`\`\`

## Instead

Pass constants; leave the optional argument out.

\`\`\`python
import functools

def twice(f):
    @functools.wraps(f)
    def call(x):
        return f(f(x))
    return call

def main(x: float):
    return twice(abs)(x)
\`\`\`
`,"../../../docs/rules/ZPY-CALL-001.md":`# ZPY-CALL-001: Builtin that waits for or ends something else

Family \`forbidden-call\`, error: the code is refused.

There is no terminal and no interpreter session to talk to.

## Found

\`\`\`python
name = input()
\`\`\`

## Instead

Take a parameter instead of asking; return, or raise SystemExit, instead of exiting.

\`\`\`python
def main(name: str):
    return name
\`\`\`
`,"../../../docs/rules/ZPY-DEBUG-001.md":`# ZPY-DEBUG-001: Debugging builtin

Family \`debug-builtin\`, error: the code is refused.

It stops and waits for a person, and gives that person the interpreter.

## Found

\`\`\`python
def transform(value):
    breakpoint()
    return value
\`\`\`

## Instead

Print what you want to know.

\`\`\`python
def transform(value):
    print(value)
    return value
\`\`\`
`,"../../../docs/rules/ZPY-DEPENDENCY-001.md":`# ZPY-DEPENDENCY-001: Module that the policy does not allow

Family \`dependency\`, error: the code is refused.

The module belongs to Python or to the runtime, but nobody has reviewed it for utilities. It is a question of policy, not an attack.

## Found

\`\`\`python
import turtledemo
\`\`\`

## Instead

Use another module, or ask an administrator to allow this one.

\`\`\`python
import json
\`\`\`
`,"../../../docs/rules/ZPY-DEPENDENCY-002.md":`# ZPY-DEPENDENCY-002: Package that the runtime does not have

Family \`dependency\`, error: the code is refused.

The package is well known, but not part of the runtime: the import would fail.

## Found

\`\`\`python
import numpy
\`\`\`

## Instead

Choose a runtime that has the package, or do without it.

\`\`\`python
import statistics
\`\`\`
`,"../../../docs/rules/ZPY-DEPENDENCY-003.md":`# ZPY-DEPENDENCY-003: Unknown module

Family \`dependency\`, error: the code is refused.

Neither Python nor the runtime has a module of this name: the import would fail.

## Found

\`\`\`python
import my_company_helpers
\`\`\`

## Instead

Correct the name, or put the code into this file.

\`\`\`python
def main(value):
    return value
\`\`\`
`,"../../../docs/rules/ZPY-DESERIALIZATION-001.md":`# ZPY-DESERIALIZATION-001: Import of a module that builds objects from data

Family \`deserialization\`, error: the code is refused.

Reading such data runs whatever the data says.

## Found

\`\`\`python
import pickle
\`\`\`

## Instead

Use \`json\`.

\`\`\`python
import json
\`\`\`
`,"../../../docs/rules/ZPY-DESERIALIZATION-002.md":`# ZPY-DESERIALIZATION-002: Function that builds objects from data

Family \`deserialization\`, error: the code is refused.

Reading such data runs whatever the data says.

## Found

\`\`\`python
import yaml

def transform(value):
    return yaml.load(value, yaml.Loader)
\`\`\`

## Instead

Use the safe variant, or \`json\`.

\`\`\`python
import json

def transform(value):
    return json.loads(value)
\`\`\`
`,"../../../docs/rules/ZPY-DYNAMIC-001.md":"# ZPY-DYNAMIC-001: Code from text\n\nFamily `dynamic-code`, error: the code is refused.\n\n`eval`, `exec`, `compile` and `__import__` run what no scan has seen.\n\n## Found\n\n```python\ndef transform(value):\n    return eval(value)\n```\n\n## Instead\n\nUse `json.loads` or `ast.literal_eval` for data, a dict of functions for choices.\n\n```python\nimport ast\n\ndef transform(value):\n    return ast.literal_eval(value)\n```\n","../../../docs/rules/ZPY-DYNAMIC-002.md":`# ZPY-DYNAMIC-002: Import of a module that runs code from text

Family \`dynamic-code\`, error: the code is refused.

It imports, compiles or runs what no scan has seen.

## Found

\`\`\`python
import importlib
\`\`\`

## Instead

Import what you need by name.

\`\`\`python
import json
\`\`\`
`,"../../../docs/rules/ZPY-DYNAMIC-003.md":`# ZPY-DYNAMIC-003: Class made at run time

Family \`dynamic-code\`, error: the code is refused.

\`type\` with three arguments, and every other class of classes that is called, makes a class whose attributes are not written out.

## Found

\`\`\`python
A = type('A', (), {'x': 1})
\`\`\`

## Instead

Write a class statement, or use \`collections.namedtuple\`.

\`\`\`python
class A:
    x = 1
\`\`\`
`,"../../../docs/rules/ZPY-DYNAMIC-004.md":`# ZPY-DYNAMIC-004: Function that evaluates text

Family \`dynamic-code\`, error: the code is refused.

The module is allowed, this function of it evaluates text as code.

## Found

\`\`\`python
import typing

x = typing.get_type_hints(int)
\`\`\`

## Instead

Do without it.

\`\`\`python
from typing import Any

x: Any = 1
\`\`\`
`,"../../../docs/rules/ZPY-DYNAMIC-005.md":`# ZPY-DYNAMIC-005: Annotation made at run time

Family \`dynamic-code\`, error: the code is refused.

Text in annotations is evaluated by \`functools.singledispatch\` and others, so it must be written out.

## Found

\`\`\`python
def transform(value: 'in' + 't'):
    return value
\`\`\`

## Instead

Write the annotation as it is.

\`\`\`python
def transform(value: 'int'):
    return value
\`\`\`
`,"../../../docs/rules/ZPY-ENCODING-001.md":`# ZPY-ENCODING-001: Code that is not UTF-8

Family \`encoding\`, error: the code is refused.

Code is stored, hashed and shown as UTF-8; other bytes would read differently here and in the interpreter.

## Found

\`\`\`python
name = '<byte ff>'
\`\`\`

## Instead

Save the file as UTF-8.

\`\`\`python
name = 'ÿ'
\`\`\`
`,"../../../docs/rules/ZPY-ENCODING-002.md":`# ZPY-ENCODING-002: NUL byte

Family \`encoding\`, error: the code is refused.

Python refuses source with a NUL byte, and some tools stop reading there: what follows would go unseen.

## Found

\`\`\`python
x = 1<byte 00>
\`\`\`

## Instead

Remove the byte; write \`\\0\` inside a string.

\`\`\`python
x = '\\0'
\`\`\`
`,"../../../docs/rules/ZPY-ENCODING-003.md":`# ZPY-ENCODING-003: Coding declaration other than UTF-8

Family \`encoding\`, error: the code is refused.

A coding declaration (PEP 263) decodes the file anew: with \`unicode_escape\` or \`utf-7\` a comment can turn into code.

## Found

\`\`\`python
# -*- coding: utf-7 -*-
x = 1
\`\`\`

## Instead

Remove the coding comment, or declare utf-8.

\`\`\`python
# -*- coding: utf-8 -*-
x = 1
\`\`\`
`,"../../../docs/rules/ZPY-ENCODING-004.md":`# ZPY-ENCODING-004: Character that reorders text

Family \`encoding\`, error: the code is refused.

Bidirectional control characters make code look different from what runs (CVE-2021-42574).

## Found

\`\`\`python
allowed = False  # ‮ eurT
\`\`\`

## Instead

Remove the character; inside a string write its escape, e.g. \`\\u202e\`.

\`\`\`python
mark = '\\u202e'
\`\`\`
`,"../../../docs/rules/ZPY-ENCODING-005.md":`# ZPY-ENCODING-005: Name in compatibility characters

Family \`encoding\`, warning: the code is accepted.

Python normalizes identifiers (NFKC), so such a name means the plain one: \`ｏｐｅｎ\` is \`open\`.

## Found

\`\`\`python
ｔｏｔａｌ = 1
\`\`\`

## Instead

Write the name in plain letters.

\`\`\`python
total = 1
\`\`\`
`,"../../../docs/rules/ZPY-ENCODING-006.md":`# ZPY-ENCODING-006: Name with a character that nobody sees

Family \`encoding\`, error: the code is refused.

Python takes variation selectors, Hangul fillers, joiners and the like as parts of names, and nothing shows them: two names that look the same are two variables. Which characters these are is Unicode's own table (Default_Ignorable_Code_Point).

## Found

\`\`\`python
allowed = False
allowed︀ = True
\`\`\`

## Instead

Remove the character.

\`\`\`python
allowed = False
\`\`\`
`,"../../../docs/rules/ZPY-FILE-001.md":`# ZPY-FILE-001: Import of a module that works on files

Family \`file-access\`, error: the code is refused.

A utility has no files: it gets its input as parameters and returns its result.

## Found

\`\`\`python
import shutil

def transform(value):
    return shutil.rmtree(value)
\`\`\`

## Instead

Pass the content as a parameter; use \`io.StringIO\` or \`io.BytesIO\` where an interface wants a file.

\`\`\`python
import io

def transform(value):
    return io.StringIO(value).read()
\`\`\`
`,"../../../docs/rules/ZPY-FILE-002.md":`# ZPY-FILE-002: Builtin that opens files

Family \`file-access\`, error: the code is refused.

A utility has no files: it gets its input as parameters and returns its result.

## Found

\`\`\`python
def transform(value):
    return open(value).read()
\`\`\`

## Instead

Pass the content as a parameter; use \`io.StringIO\` where an interface wants a file.

\`\`\`python
import io

def transform(value):
    return io.StringIO(value).read()
\`\`\`
`,"../../../docs/rules/ZPY-FILE-003.md":`# ZPY-FILE-003: Function that opens a file

Family \`file-access\`, error: the code is refused.

The module is allowed, this function of it opens files by name.

## Found

\`\`\`python
import gzip

def transform(value):
    return gzip.open(value).read()
\`\`\`

## Instead

Use the function that takes text or bytes instead.

\`\`\`python
import gzip

def transform(value: str):
    return gzip.decompress(bytes.fromhex(value)).decode()
\`\`\`
`,"../../../docs/rules/ZPY-FORMAT-001.md":`# ZPY-FORMAT-001: Template field that reaches special attributes

Family \`format-escape\`, error: the code is refused.

A replacement field can walk attributes: \`{0.__globals__}\` shows what no attribute rule sees.

## Found

\`\`\`python
def transform(value):
    return '{0.__globals__}'.format(transform)
\`\`\`

## Instead

Pass the values you want to show and name them.

\`\`\`python
def transform(value):
    return '{0}'.format(value)
\`\`\`
`,"../../../docs/rules/ZPY-FORMAT-002.md":`# ZPY-FORMAT-002: Template built from pieces

Family \`format-escape\`, error: the code is refused.

A template put together at run time can hold any field.

## Found

\`\`\`python
def transform(value, field):
    return ('{0.__' + field + '}').format(value)
\`\`\`

## Instead

Write the template out, or use an f-string.

\`\`\`python
def transform(value):
    return f'{value}'
\`\`\`
`,"../../../docs/rules/ZPY-FORMAT-003.md":`# ZPY-FORMAT-003: Formatter used as a value

Family \`format-escape\`, error: the code is refused.

\`string.Formatter\` and an unbound \`str.format\` take any template.

## Found

\`\`\`python
import string

x = string.Formatter()
\`\`\`

## Instead

Use an f-string, \`str.format\` on a constant, or \`string.Template\`.

\`\`\`python
import string

x = string.Template('$a').substitute(a=1)
\`\`\`
`,"../../../docs/rules/ZPY-IMPORT-001.md":`# ZPY-IMPORT-001: Import of a system module

Family \`forbidden-import\`, error: the code is refused.

The module leads to the interpreter, the operating system or the files of the host. A utility computes; it does not administer.

## Found

\`\`\`python
import os

def transform(value):
    return os.getcwd()
\`\`\`

## Instead

Remove the import. A utility gets its input as parameters and returns its result.

\`\`\`python
def transform(value):
    return value
\`\`\`
`,"../../../docs/rules/ZPY-IMPORT-002.md":`# ZPY-IMPORT-002: Relative import

Family \`dependency\`, error: the code is refused.

A utility is one file: there is no package to import from.

## Found

\`\`\`python
from . import helpers
\`\`\`

## Instead

Put the code into this file.

\`\`\`python
def main(value):
    return value
\`\`\`
`,"../../../docs/rules/ZPY-IMPORT-003.md":`# ZPY-IMPORT-003: Star import

Family \`alias\`, error: the code is refused.

A star import binds names that the code does not show, among them ones that are refused here.

## Found

\`\`\`python
from operator import *
\`\`\`

## Instead

Name what you need: \`from module import name\`.

\`\`\`python
from operator import itemgetter
\`\`\`
`,"../../../docs/rules/ZPY-INTROSPECTION-001.md":`# ZPY-INTROSPECTION-001: Builtin that shows the interpreter

Family \`introspection\`, error: the code is refused.

Namespaces and attributes reached by computed names cannot be followed.

## Found

\`\`\`python
x = globals()['op' + 'en']
\`\`\`

## Instead

Use a dict of your own.

\`\`\`python
handlers = {'upper': str.upper}
x = handlers['upper']
\`\`\`
`,"../../../docs/rules/ZPY-INTROSPECTION-002.md":"# ZPY-INTROSPECTION-002: Special attribute\n\nFamily `introspection`, error: the code is refused.\n\nThrough attributes such as `__globals__`, `__subclasses__` or `__builtins__` every object of the interpreter is within reach.\n\n## Found\n\n```python\nx = ().__class__.__base__.__subclasses__()\n```\n\n## Instead\n\nUse the public interface of the object. For its data, give the class a method that returns `vars(self)`, and call it as `item.fields()`, never as `Class.fields(item)`.\n\n```python\nx = type(()).__name__\n```\n","../../../docs/rules/ZPY-INTROSPECTION-003.md":`# ZPY-INTROSPECTION-003: Frame, code or traceback attribute

Family \`introspection\`, error: the code is refused.

Frames and code objects lead to the globals of whoever called.

## Found

\`\`\`python
def steps():
    yield 1

x = steps().gi_frame
\`\`\`

## Instead

Use \`traceback.format_exc()\` for the text of an error.

\`\`\`python
def steps():
    yield 1

x = next(steps())
\`\`\`
`,"../../../docs/rules/ZPY-INTROSPECTION-004.md":`# ZPY-INTROSPECTION-004: Attribute reached by a computed or special name

Family \`introspection\`, error: the code is refused.

Which attribute is read can only be checked when its name is written out.

## Found

\`\`\`python
def transform(value, name):
    return getattr(value, name)
\`\`\`

## Instead

Write the attribute with a dot, give a constant name or one from a tuple of constants, or use a dict. A method may set any attribute of its own object, and read those that a tuple in its class lists, if nothing calls it as \`Class.method(other)\`.

\`\`\`python
def transform(value):
    return getattr(value, 'name', None)
\`\`\`
`,"../../../docs/rules/ZPY-INTROSPECTION-005.md":`# ZPY-INTROSPECTION-005: Attribute function used as a value

Family \`introspection\`, error: the code is refused.

Stored or passed on, \`getattr\` and its kin can be called with any name.

## Found

\`\`\`python
names = list(map(getattr, [1], ['real']))
\`\`\`

## Instead

Call it directly with a constant name, or use \`operator.attrgetter\` with a constant.

\`\`\`python
names = [item.real for item in [1]]
\`\`\`
`,"../../../docs/rules/ZPY-INTROSPECTION-006.md":"# ZPY-INTROSPECTION-006: Special module name\n\nFamily `introspection`, error: the code is refused.\n\nNames such as `__builtins__`, `__loader__` and `__spec__` hold the interpreter.\n\n## Found\n\n```python\nx = __builtins__\n```\n\n## Instead\n\nRemove it.\n\n```python\nx = __name__\n```\n","../../../docs/rules/ZPY-INTROSPECTION-007.md":`# ZPY-INTROSPECTION-007: Special method that changes how the interpreter works

Family \`introspection\`, error: the code is refused.

Such methods and attributes decide what pickling, attribute access, class checks or patterns do with any object.

## Found

\`\`\`python
class A:
    def __reduce__(self):
        return str, ('x',)
\`\`\`

## Instead

Use ordinary methods.

\`\`\`python
class A:
    def __repr__(self):
        return 'A()'
\`\`\`
`,"../../../docs/rules/ZPY-INTROSPECTION-008.md":`# ZPY-INTROSPECTION-008: Private attribute of a library object

Family \`introspection\`, error: the code is refused.

Private attributes of library objects change without notice and often hold modules.

## Found

\`\`\`python
import decimal

x = decimal.Decimal(1)._exp
\`\`\`

## Instead

Use the public interface of the object.

\`\`\`python
import decimal

x = decimal.Decimal(1).as_tuple().exponent
\`\`\`
`,"../../../docs/rules/ZPY-KIND-001.md":`# ZPY-KIND-001: Code of another kind than declared

Family \`quality\`, error: the code is refused.

Callers send values to a transformer and parameters to a script. This code was declared as a transformer, and is a script: it defines no \`transform\`.

## Found

\`\`\`python
def main(value):
    return value
\`\`\`

## Instead

Define \`transform(value, ...)\` for a transformer, \`main(...)\` or plain statements for a script, or declare the other kind.

\`\`\`python
def transform(value):
    return value
\`\`\`
`,"../../../docs/rules/ZPY-LIMITS-001.md":`# ZPY-LIMITS-001: Code too large

Family \`limits\`, error: the code is refused.

The size of code is bounded so that checking and storing it stay cheap.

## Found

\`\`\`python
# padding
\`\`\`

with \`# padding\` written 27000 times.

## Instead

Split the utility, or pass the data as a parameter.

\`\`\`python
x = 1
\`\`\`
`,"../../../docs/rules/ZPY-LIMITS-002.md":`# ZPY-LIMITS-002: Nesting too deep

Family \`limits\`, error: the code is refused.

Deep nesting exhausts the stack of every program that reads the code, the interpreter's compiler included.

## Found

\`\`\`python
x = -1
\`\`\`

with \`-\` written 2100 times.

## Instead

Take the inner parts out into variables or functions.

\`\`\`python
x = -1
\`\`\`
`,"../../../docs/rules/ZPY-LIMITS-003.md":`# ZPY-LIMITS-003: Line too long

Family \`limits\`, error: the code is refused.

Nobody reads a line of that length, and what stands at its end goes unseen.

## Found

\`\`\`python
x = 'padding'
\`\`\`

with \`padding\` written 12000 times.

## Instead

Break the line; pass large data as a parameter.

\`\`\`python
x = ('one line'
     'another')
\`\`\`
`,"../../../docs/rules/ZPY-LIMITS-004.md":`# ZPY-LIMITS-004: More findings than are shown

Family \`limits\`, warning: the code is accepted.

A report is bounded; errors are kept before warnings. Where errors are left out, or so much is found that the rest of the code was not looked at, it is an error: an exception for those that are shown must not hide the others.

## Found

\`\`\`python
undefined
\`\`\`

with \`undefined\` written 300 times.

## Instead

Fix the findings above and check again.

\`\`\`python
x = 1
\`\`\`
`,"../../../docs/rules/ZPY-LIMITS-005.md":`# ZPY-LIMITS-005: Too many parts of one kind

Family \`limits\`, error: the code is refused.

Scopes inside scopes, clauses of one comprehension and type parameters of one definition are bounded: checking them costs more than their number.

## Found

\`\`\`python
x = [1 for _ in y]
\`\`\`

with \` for _ in y\` written 100 times.

## Instead

Write loops and functions of ordinary size.

\`\`\`python
x = [a for b in [[1]] for a in b]
\`\`\`
`,"../../../docs/rules/ZPY-LIMITS-006.md":`# ZPY-LIMITS-006: Integer literal too long

Family \`limits\`, error: the code is refused.

Python refuses decimal literals of more than 4300 digits: converting them takes quadratic time.

## Found

\`\`\`python
x = 10
\`\`\`

with \`0\` written 4300 times.

## Instead

Write the number in hexadecimal, or compute it.

\`\`\`python
x = 10 ** 20
\`\`\`
`,"../../../docs/rules/ZPY-LIMITS-007.md":`# ZPY-LIMITS-007: Too many or too long parameters

Family \`limits\`, error: the code is refused.

A parameter schema holds at most 64 parameters with names of at most 64 characters and 100 allowed values.

## Found

\`\`\`python
def transform(value, a_name_that_nobody_would_ever_type_into_a_form_without_making_a_mistake=1):
    return value
\`\`\`

## Instead

Take one dict with the settings.

\`\`\`python
def transform(value, settings: dict = {}):
    return value
\`\`\`
`,"../../../docs/rules/ZPY-LIMITS-008.md":`# ZPY-LIMITS-008: No code

Family \`limits\`, error: the code is refused.

A file without a single byte is a lost upload or an unset field far more often than a program that does nothing.

## Found

\`\`\`python
<nothing>
\`\`\`

## Instead

Send the code; for a program that does nothing, write \`pass\`.

\`\`\`python
pass
\`\`\`
`,"../../../docs/rules/ZPY-NATIVE-001.md":`# ZPY-NATIVE-001: Import of a module that runs native code

Family \`native-code\`, error: the code is refused.

Native code does not keep to what this scan can see.

## Found

\`\`\`python
import ctypes
\`\`\`

## Instead

Do the work in Python.

\`\`\`python
import struct
\`\`\`
`,"../../../docs/rules/ZPY-NATIVE-002.md":`# ZPY-NATIVE-002: Function that runs native code

Family \`native-code\`, error: the code is refused.

Native code does not keep to what this scan can see.

## Found

\`\`\`python
import ctypes

x = ctypes.CDLL(None)
\`\`\`

## Instead

Do the work in Python.

\`\`\`python
x = 1
\`\`\`
`,"../../../docs/rules/ZPY-NETWORK-001.md":`# ZPY-NETWORK-001: Import of a module that uses the network

Family \`network\`, error: the code is refused.

The sandbox has no network.

## Found

\`\`\`python
import urllib.request
\`\`\`

## Instead

Fetch the data before the utility runs and pass it as a parameter. \`urllib.parse\` is allowed: it only works on text.

\`\`\`python
from urllib.parse import urlsplit
\`\`\`
`,"../../../docs/rules/ZPY-NETWORK-002.md":`# ZPY-NETWORK-002: Function that uses the network

Family \`network\`, error: the code is refused.

The module is allowed, this function of it opens a connection; the sandbox has no network.

## Found

\`\`\`python
import asyncio

async def fetch():
    return await asyncio.open_connection('example.org', 80)
\`\`\`

## Instead

Fetch the data before the utility runs and pass it as a parameter.

\`\`\`python
import asyncio

async def work():
    await asyncio.sleep(0)

def main():
    return asyncio.run(work())
\`\`\`
`,"../../../docs/rules/ZPY-PIVOT-001.md":`# ZPY-PIVOT-001: Module reached through another module

Family \`module-pivot\`, error: the code is refused.

Many modules carry \`os\`, \`sys\` or \`builtins\` as an attribute; through them everything is within reach.

## Found

\`\`\`python
import json

x = json.codecs.builtins.open
\`\`\`

## Instead

Use the documented functions of the module only.

\`\`\`python
import json

x = json.dumps({})
\`\`\`
`,"../../../docs/rules/ZPY-PIVOT-002.md":`# ZPY-PIVOT-002: Module used as a value

Family \`module-pivot\`, error: the code is refused.

A module may only stand left of a dot: passed on, stored or inspected, it can no longer be followed.

## Found

\`\`\`python
import json

def transform(value, codec=json):
    return codec.dumps(value)
\`\`\`

## Instead

Call the functions of the module directly.

\`\`\`python
import json

def transform(value):
    return json.dumps(value)
\`\`\`
`,"../../../docs/rules/ZPY-PIVOT-003.md":`# ZPY-PIVOT-003: Attribute of a module changed

Family \`module-pivot\`, error: the code is refused.

Changing a module changes it for all code that uses it.

## Found

\`\`\`python
import json

json.dumps = str
\`\`\`

## Instead

Define a function of your own.

\`\`\`python
import json

def main(value):
    return json.dumps(value, sort_keys=True)
\`\`\`
`,"../../../docs/rules/ZPY-PIVOT-004.md":`# ZPY-PIVOT-004: Attribute that leads out of an allowed module

Family \`module-pivot\`, error: the code is refused.

In code that imports this module, the attribute leads to files, processes or streams.

## Found

\`\`\`python
import logging

x = logging.getLogger().handlers
\`\`\`

## Instead

Use the other functions of the module.

\`\`\`python
import logging

logging.getLogger('x').info('hello')
\`\`\`
`,"../../../docs/rules/ZPY-PROCESS-001.md":`# ZPY-PROCESS-001: Import of a module that starts processes

Family \`process\`, error: the code is refused.

The sandbox refuses processes.

## Found

\`\`\`python
import subprocess
\`\`\`

## Instead

Do the work in Python.

\`\`\`python
import json
\`\`\`
`,"../../../docs/rules/ZPY-PROCESS-002.md":`# ZPY-PROCESS-002: Call that starts a process

Family \`process\`, error: the code is refused.

The sandbox refuses processes.

## Found

\`\`\`python
import os

os.system('true')
\`\`\`

## Instead

Do the work in Python.

\`\`\`python
x = 1
\`\`\`
`,"../../../docs/rules/ZPY-QUALITY-001.md":`# ZPY-QUALITY-001: \`transform\` cannot take a value

Family \`quality\`, error: the code is refused.

A transformer is called as \`transform(value, **parameters)\`.

## Found

\`\`\`python
def transform():
    return 1
\`\`\`

## Instead

Give it a first positional parameter: \`def transform(value)\`.

\`\`\`python
def transform(value):
    return value
\`\`\`
`,"../../../docs/rules/ZPY-QUALITY-002.md":`# ZPY-QUALITY-002: Positional-only parameter

Family \`quality\`, error: the code is refused.

Parameters are passed by name, so a positional-only one without a default can never be given.

## Found

\`\`\`python
def main(host, /):
    return host
\`\`\`

## Instead

Remove the \`/\` from the signature.

\`\`\`python
def main(host):
    return host
\`\`\`
`,"../../../docs/rules/ZPY-QUALITY-004.md":`# ZPY-QUALITY-004: Secret with a default

Family \`quality\`, warning: the code is accepted.

The default of a secret stands in the code, where every reader of the utility sees it. It is not part of the schema.

## Found

\`\`\`python
from typing import Annotated

def main(token: Annotated[str, "secret"] = "abc"):
    return len(token)
\`\`\`

## Instead

Remove the default.

\`\`\`python
from typing import Annotated

def main(token: Annotated[str, "secret"]):
    return len(token)
\`\`\`
`,"../../../docs/rules/ZPY-QUALITY-005.md":"# ZPY-QUALITY-005: Entry point that yields\n\nFamily `quality`, error: the code is refused.\n\nA function with `yield` returns a generator, which is not a JSON value; an `async def` with `yield` returns one that cannot even be awaited.\n\n## Found\n\n```python\ndef transform(value):\n    yield value\n```\n\n## Instead\n\nReturn a list: `return list(items())`, or `return [item async for item in items()]` in an `async def`.\n\n```python\ndef transform(value):\n    return [value]\n```\n","../../../docs/rules/ZPY-QUALITY-006.md":`# ZPY-QUALITY-006: Name that nothing defines

Family \`quality\`, warning: the code is accepted.

Reading it raises NameError.

## Found

\`\`\`python
def transform(value):
    return valeu
\`\`\`

## Instead

Define it, import it, or correct the spelling.

\`\`\`python
def transform(value):
    return value
\`\`\`
`,"../../../docs/rules/ZPY-QUALITY-007.md":"# ZPY-QUALITY-007: Nothing runs\n\nFamily `quality`, warning: the code is accepted.\n\nThe code defines functions, but no `main` and no `transform`, and nothing calls them: it succeeds with null and has done nothing.\n\n## Found\n\n```python\ndef mian():\n    return 1\n```\n\n## Instead\n\nCall the function that does the work `main`, or `transform` if it takes one value and gives one back.\n\n```python\ndef main():\n    return 1\n```\n","../../../docs/rules/ZPY-QUALITY-008.md":`# ZPY-QUALITY-008: \`main\` beside \`transform\`

Family \`quality\`, warning: the code is accepted.

A utility has one entry point. Where both are defined \`transform\` is called, and \`main\` never is.

## Found

\`\`\`python
def transform(value):
    return value

def main():
    return 1
\`\`\`

## Instead

Remove or rename the one that is not meant.

\`\`\`python
def transform(value):
    return value
\`\`\`
`,"../../../docs/rules/ZPY-QUALITY-009.md":"# ZPY-QUALITY-009: Parameter that arrives as another type\n\nFamily `quality`, warning: the code is accepted.\n\nParameters are JSON: text, numbers, lists, objects. Where the annotation says how, the type that it names is made of them: dates and times, Enums, sets, tuples, dataclasses, `Decimal`, `UUID`. Of `bytes`, `timedelta` and other classes it does not say how, and the code is handed the JSON value.\n\n## Found\n\n```python\ndef main(data: bytes):\n    return len(data)\n```\n\n## Instead\n\nAnnotate what arrives, and convert it in the function: `base64.b64decode(data)`, `timedelta(seconds=wait)`.\n\n```python\nimport base64\n\ndef main(data: str):\n    return len(base64.b64decode(data))\n```\n","../../../docs/rules/ZPY-QUALITY-010.md":`# ZPY-QUALITY-010: Parameter that is read as text once more

Family \`quality\`, warning: the code is accepted.

The annotation names the type, so the sandbox has read the text before the function is called; reading it again fails.

## Found

\`\`\`python
from datetime import date

def main(day: date):
    return date.fromisoformat(day).year
\`\`\`

## Instead

Use the parameter as it is, or annotate it \`str\`.

\`\`\`python
from datetime import date

def main(day: date):
    return day.year
\`\`\`
`,"../../../docs/rules/ZPY-SYNTAX-001.md":`# ZPY-SYNTAX-001: Code does not parse

Family \`syntax\`, error: the code is refused.

Python cannot run it.

## Found

\`\`\`python
def transform(value)
    return value
\`\`\`

## Instead

Correct the syntax.

\`\`\`python
def transform(value):
    return value
\`\`\`
`,"../../../docs/rules/ZPY-SYNTAX-002.md":`# ZPY-SYNTAX-002: Statement out of place

Family \`syntax\`, error: the code is refused.

It parses, but Python's compiler refuses it: \`return\` outside a function, a parameter named twice, and the like.

## Found

\`\`\`python
x = 1
return x
\`\`\`

## Instead

Move or remove the statement.

\`\`\`python
def main():
    x = 1
    return x
\`\`\`
`,"../../../docs/rules/ZPY-SYNTAX-003.md":`# ZPY-SYNTAX-003: Syntax of another Python version

Family \`syntax\`, error: the code is refused.

The runtime's Python does not know this syntax.

## Found

\`\`\`python
x = [*a for a in [[1]]]
\`\`\`

## Instead

Use the older form, or choose a newer runtime.

\`\`\`python
x = [item for a in [[1]] for item in a]
\`\`\`
`,"../../../docs/rules/ZPY-SYNTAX-900.md":`# ZPY-SYNTAX-900: Refused by the runtime's compiler

Family \`syntax\`, error: the code is refused.

Before a version is stored, the compiler of its runtime reads it in a sandbox, without running it; its word on syntax is final. It refuses what the checks before it let through, such as the name of a character that its Unicode does not have yet.

## Found

\`\`\`python
letter = '\\N{KAWI LETTER A}'  # in Python 3.11
\`\`\`

## Instead

Correct the code at the line that the compiler names; \`python3 -m py_compile FILE\` with the runtime's version shows the same.

\`\`\`python
letter = '\\U00011f04'
\`\`\`
`});function t(t){let n=Object.entries(e).find(([e])=>e.endsWith(`/${t}.md`))?.[1];return typeof n==`string`?n:null}export{t as rulePage};