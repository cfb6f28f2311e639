//! Rules about what code reaches for: builtins, attributes and objects that lead out of it.

use domain::code::{Family, Severity};

use super::{Example, Rule};

pub(super) const RULES: &[&Rule] = &[
    &FILE_BUILTIN,
    &CALL_FORBIDDEN,
    &DEBUG_BUILTIN,
    &INTROSPECTION_BUILTIN,
    &INTROSPECTION_DUNDER,
    &INTROSPECTION_FRAME,
    &INTROSPECTION_NAME,
    &INTROSPECTION_ALIAS,
    &INTROSPECTION_MODULE_NAME,
    &INTROSPECTION_DEFINITION,
    &INTROSPECTION_PRIVATE,
    &INTROSPECTION_PIVOT,
];

pub(crate) static FILE_BUILTIN: Rule = Rule {
    id: "ZPY-FILE-002",
    family: Family::FileAccess,
    severity: Severity::Error,
    title: "Builtin that opens files",
    why: "A utility has no files: it gets its input as parameters and returns its result.",
    fix: "Pass the content as a parameter; use `io.StringIO` where an interface wants a file.",
    bad: Example::Code("def transform(value):\n    return open(value).read()\n"),
    good: "import io\n\ndef transform(value):\n    return io.StringIO(value).read()\n",
};

pub(crate) static CALL_FORBIDDEN: Rule = Rule {
    id: "ZPY-CALL-001",
    family: Family::ForbiddenCall,
    severity: Severity::Error,
    title: "Builtin that waits for or ends something else",
    why: "There is no terminal and no interpreter session to talk to.",
    fix: "Take a parameter instead of asking; return, or raise SystemExit, instead of exiting.",
    bad: Example::Code("name = input()\n"),
    good: "def main(name: str):\n    return name\n",
};

pub(crate) static DEBUG_BUILTIN: Rule = Rule {
    id: "ZPY-DEBUG-001",
    family: Family::DebugBuiltin,
    severity: Severity::Error,
    title: "Debugging builtin",
    why: "It stops and waits for a person, and gives that person the interpreter.",
    fix: "Print what you want to know.",
    bad: Example::Code("def transform(value):\n    breakpoint()\n    return value\n"),
    good: "def transform(value):\n    print(value)\n    return value\n",
};

pub(crate) static INTROSPECTION_BUILTIN: Rule = Rule {
    id: "ZPY-INTROSPECTION-001",
    family: Family::Introspection,
    severity: Severity::Error,
    title: "Builtin that shows the interpreter",
    why: "Namespaces and attributes reached by computed names cannot be followed.",
    fix: "Use a dict of your own.",
    bad: Example::Code("x = globals()['op' + 'en']\n"),
    good: "handlers = {'upper': str.upper}\nx = handlers['upper']\n",
};

pub(crate) static INTROSPECTION_DUNDER: Rule = Rule {
    id: "ZPY-INTROSPECTION-002",
    family: Family::Introspection,
    severity: Severity::Error,
    title: "Special attribute",
    why: "Through attributes such as `__globals__`, `__subclasses__` or `__builtins__` every object of the interpreter is within reach.",
    fix: "Use the public interface of the object. For its data, give the class a method that returns `vars(self)`, and call it as \
          `item.fields()`, never as `Class.fields(item)`.",
    bad: Example::Code("x = ().__class__.__base__.__subclasses__()\n"),
    good: "x = type(()).__name__\n",
};

pub(crate) static INTROSPECTION_FRAME: Rule = Rule {
    id: "ZPY-INTROSPECTION-003",
    family: Family::Introspection,
    severity: Severity::Error,
    title: "Frame, code or traceback attribute",
    why: "Frames and code objects lead to the globals of whoever called.",
    fix: "Use `traceback.format_exc()` for the text of an error.",
    bad: Example::Code("def steps():\n    yield 1\n\nx = steps().gi_frame\n"),
    good: "def steps():\n    yield 1\n\nx = next(steps())\n",
};

pub(crate) static INTROSPECTION_NAME: Rule = Rule {
    id: "ZPY-INTROSPECTION-004",
    family: Family::Introspection,
    severity: Severity::Error,
    title: "Attribute reached by a computed or special name",
    why: "Which attribute is read can only be checked when its name is written out.",
    fix: "Write the attribute with a dot, give a constant name or one from a tuple of constants, or use a dict. A method may set any \
          attribute of its own object, and read those that a tuple in its class lists, if nothing calls it as `Class.method(other)`.",
    bad: Example::Code("def transform(value, name):\n    return getattr(value, name)\n"),
    good: "def transform(value):\n    return getattr(value, 'name', None)\n",
};

pub(crate) static INTROSPECTION_ALIAS: Rule = Rule {
    id: "ZPY-INTROSPECTION-005",
    family: Family::Introspection,
    severity: Severity::Error,
    title: "Attribute function used as a value",
    why: "Stored or passed on, `getattr` and its kin can be called with any name.",
    fix: "Call it directly with a constant name, or use `operator.attrgetter` with a constant.",
    bad: Example::Code("names = list(map(getattr, [1], ['real']))\n"),
    good: "names = [item.real for item in [1]]\n",
};

pub(crate) static INTROSPECTION_MODULE_NAME: Rule = Rule {
    id: "ZPY-INTROSPECTION-006",
    family: Family::Introspection,
    severity: Severity::Error,
    title: "Special module name",
    why: "Names such as `__builtins__`, `__loader__` and `__spec__` hold the interpreter.",
    fix: "Remove it.",
    bad: Example::Code("x = __builtins__\n"),
    good: "x = __name__\n",
};

pub(crate) static INTROSPECTION_DEFINITION: Rule = Rule {
    id: "ZPY-INTROSPECTION-007",
    family: Family::Introspection,
    severity: Severity::Error,
    title: "Special method that changes how the interpreter works",
    why: "Such methods and attributes decide what pickling, attribute access, class checks or patterns do with any object.",
    fix: "Use ordinary methods.",
    bad: Example::Code("class A:\n    def __reduce__(self):\n        return str, ('x',)\n"),
    good: "class A:\n    def __repr__(self):\n        return 'A()'\n",
};

pub(crate) static INTROSPECTION_PRIVATE: Rule = Rule {
    id: "ZPY-INTROSPECTION-008",
    family: Family::Introspection,
    severity: Severity::Error,
    title: "Private attribute of a library object",
    why: "Private attributes of library objects change without notice and often hold modules.",
    fix: "Use the public interface of the object.",
    bad: Example::Code("import decimal\n\nx = decimal.Decimal(1)._exp\n"),
    good: "import decimal\n\nx = decimal.Decimal(1).as_tuple().exponent\n",
};

pub(crate) static INTROSPECTION_PIVOT: Rule = Rule {
    id: "ZPY-PIVOT-004",
    family: Family::ModulePivot,
    severity: Severity::Error,
    title: "Attribute that leads out of an allowed module",
    why: "In code that imports this module, the attribute leads to files, processes or streams.",
    fix: "Use the other functions of the module.",
    bad: Example::Code("import logging\n\nx = logging.getLogger().handlers\n"),
    good: "import logging\n\nlogging.getLogger('x').info('hello')\n",
};
