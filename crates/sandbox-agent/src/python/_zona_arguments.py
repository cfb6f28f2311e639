"""Makes of JSON values what the annotations of an entry point name, where an annotation says how: a `datetime` of text in ISO 8601,
a member of an Enum of its value, a set of a list, a dataclass of an object.

Annotations are read as the objects that the code made of them; text is evaluated where the function was defined. What cannot be
resolved, and every type that says nothing about JSON, leaves the value as it is. It deliberately does not check plain types: the
schema has.
"""

# What user code does to the builtins later does not reach these.
from builtins import (
    ArithmeticError, Ellipsis, Exception, LookupError, MemoryError, OSError, TypeError, ValueError, any, bool, dict, enumerate, eval,
    float, frozenset, getattr, hasattr, int, isinstance, issubclass, len, list, range, repr, set, str, tuple, type, zip,
)
import collections
import collections.abc as abc
import enum
import functools
import json
import math
import sys
import types

import _zona_failure as failure

VARARGS, KEYWORDS = 0x04, 0x08
# Wrappers and aliases followed one to the other.
MAX_STEPS = 16
SHOWN = 20
# What types of the library say of a value that they do not take; a time zone's name is that of a file.
REFUSALS = (ValueError, TypeError, LookupError, ArithmeticError, OSError)
_quoted = json.dumps
_Cached = type(functools.lru_cache(len))

# JSON's own types: what Python values they are, and what people call them.
PLAIN = {
    str: ((str,), "text"),
    int: ((int,), "an integer"),
    float: ((float, int), "a number"),
    bool: ((bool,), "true or false"),
    types.NoneType: ((types.NoneType,), "null"),
}
SEQUENCES = {
    list: list, abc.Sequence: list, abc.MutableSequence: list, abc.Iterable: list, abc.Collection: list, tuple: tuple, set: set,
    frozenset: frozenset, abc.Set: set, abc.MutableSet: set, collections.deque: collections.deque,
}
MAPPINGS = {dict: dict, abc.Mapping: dict, abc.MutableMapping: dict, collections.OrderedDict: collections.OrderedDict}
# Qualifiers around a type, by the words of `typing`, which may not have been imported.
QUALIFIERS = {"typing." + name for name in ("Required", "NotRequired", "ReadOnly", "Final", "ClassVar")}
ADDRESS = "an IP address or network of that kind, as text"
# What is made of text: by its class method, or by the class itself; and the form of the text. By module and name, since most
# programs import few of these.
OF_TEXT = {
    ("datetime", "datetime"): ("fromisoformat", 'a date and time in ISO 8601, e.g. "2024-01-31T12:30:00"'),
    ("datetime", "date"): ("fromisoformat", 'a date in ISO 8601, e.g. "2024-01-31"'),
    ("datetime", "time"): ("fromisoformat", 'a time in ISO 8601, e.g. "12:30:00"'),
    ("uuid", "UUID"): (None, "a UUID, as text"),
    ("zoneinfo", "ZoneInfo"): (None, 'the name of a time zone, e.g. "Europe/Berlin"'),
    **{("pathlib", name): (None, "a path, as text") for name in ("PurePath", "PurePosixPath", "Path", "PosixPath", "PureWindowsPath")},
    **{("ipaddress", "IPv" + name): (None, ADDRESS) for name in ("4Address", "6Address", "4Network", "6Network", "4Interface", "6Interface")},
}
OF_NUMBERS = {("decimal", "Decimal"), ("fractions", "Fraction")}


class Mismatch(Exception):
    """The value has not the form that an annotation takes. Says which form, and where inside; never the value, which may be secret."""

    def __init__(self, form, path=""):
        super().__init__(form)
        self.form = form
        self.path = path


class Conversion:
    """What one entry point takes."""

    def __init__(self, function):
        self.function, self.skipped = innermost(function)
        self.hints = annotations_of(self.function) if self.function is not None else {}

    def named(self, params):
        """The parameters as the annotations name them."""
        if not self.hints:
            return params
        code = self.function.__code__
        known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        rest = self.variable(KEYWORDS)
        return {name: self.converted(name, name if name in known else rest, value) for name, value in params.items()}

    def value(self, value):
        """The value of a transformer as the annotation of the first parameter names it."""
        if not self.hints:
            return value
        code = self.function.__code__
        name = code.co_varnames[self.skipped] if code.co_argcount > self.skipped else self.variable(VARARGS)
        return self.converted(None, name, value)

    def variable(self, flag):
        """The name of `*args` or `**kwargs`."""
        code = self.function.__code__
        if not code.co_flags & flag:
            return None
        after = code.co_argcount + code.co_kwonlyargcount
        return code.co_varnames[after + (1 if flag == KEYWORDS and code.co_flags & VARARGS else 0)]

    def converted(self, name, annotated, value):
        if annotated not in self.hints or (value is None and self.is_none_by_default(annotated)):
            return value
        try:
            return convert(self.hints[annotated], value, self.function.__globals__)
        except Mismatch as mismatch:
            what = "the value" if name is None else "the parameter `%s`" % name
            where = " (at %s)" % mismatch.path[:200] if mismatch.path else ""
            raise failure.InvalidParameter("%s must be %s%s" % (what, mismatch.form, where)) from None

    def is_none_by_default(self, name):
        """`since: datetime = None` means that None is fine, whatever the annotation says."""
        code, defaults = self.function.__code__, self.function.__defaults__ or ()
        positional = code.co_varnames[: code.co_argcount]
        named = dict(zip(positional[len(positional) - len(defaults) :], defaults))
        named.update(self.function.__kwdefaults__ or {})
        return name in named and named[name] is None


def innermost(function):
    """The function that decorators wrap, and how many of its parameters are taken already."""
    skipped = 0
    for _ in range(MAX_STEPS):
        if type(function) is types.MethodType:
            function, skipped = function.__func__, 1
        elif type(function) not in (types.FunctionType, _Cached):
            break
        elif "__wrapped__" in function.__dict__:
            function = function.__dict__["__wrapped__"]
        elif type(function) is _Cached:
            break
        else:
            return function, skipped
    return None, 0


def annotations_of(annotated):
    try:
        return dict(annotated.__annotations__)
    except Exception:
        # From Python 3.14 they are made when they are asked for, and a name may be missing by then.
        return lenient_annotations(annotated)


def lenient_annotations(annotated):
    try:
        import annotationlib

        return annotationlib.get_annotations(annotated, format=annotationlib.Format.FORWARDREF)
    except Exception:
        return {}


def resolved(hint, scope):
    """The type behind text, aliases and qualifiers; None where there is none to be had."""
    for _ in range(MAX_STEPS):
        text = getattr(hint, "__forward_arg__", hint)
        if isinstance(text, str):
            try:
                hint = eval(text, scope)
            except Exception:
                return None
        elif hasattr(hint, "__metadata__"):
            hint = hint.__origin__
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        elif repr(getattr(hint, "__origin__", None)) in QUALIFIERS:
            hint = hint.__args__[0]
        else:
            return types.NoneType if hint is None and text is None else hint
    return None


def convert(hint, value, scope):
    """`value` as `hint` names it. Raises `Mismatch`."""
    make = maker(hint, scope)
    return value if make is None else make(value)


def maker(hint, scope):
    """What makes values of the type that `hint` names; None where nothing does."""
    try:
        return understood(hint, scope)
    except MemoryError:
        raise
    except Exception:
        # Annotations are objects of the code: what they answer may be an exception, which says nothing about JSON.
        return None


def understood(hint, scope):
    hint = resolved(hint, scope)
    if is_union(hint):
        members = [resolved(member, scope) for member in hint.__args__]
        fits = [fit for fit in [fit_of(member) for member in members] if fit is not None]
        others = [member for member in members if not is_plain(member)]
        forms = [found(PLAIN, member)[1] for member in members if found(PLAIN, member)]
        return lambda value: one_of(fits, others, forms, value, scope)
    kind, arguments = getattr(hint, "__origin__", hint), getattr(hint, "__args__", ())
    if not isinstance(kind, type) or found(PLAIN, kind):
        return None
    as_list, as_object = found(SEQUENCES, kind), found(MAPPINGS, kind)
    if as_list:
        return lambda value: sequence(as_list, arguments, value, scope)
    if as_object:
        return lambda value: mapping(as_object, arguments, value, scope)
    return of_class(kind, scope)


def found(table, kind):
    """By identity: a class of the code may be equal to others, or have no hash."""
    for known, what in table.items():
        if known is kind:
            return what
    return None


def is_union(hint):
    return isinstance(hint, types.UnionType) or repr(getattr(hint, "__origin__", None)) == "typing.Union"


def one_of(fits, others, plain_forms, value, scope):
    """As it is, where one member is JSON's own type of it; else what the first member makes of it that can."""
    if any([fit(value) for fit in fits]):
        return value
    refused = []
    for member in others:
        try:
            return convert(member, value, scope)
        except Mismatch as mismatch:
            refused.append(mismatch)
    if not refused:
        return value
    forms = dict.fromkeys([mismatch.form for mismatch in refused] + plain_forms)
    raise Mismatch(" or ".join(forms), refused[0].path if len(others) == 1 else "")


def is_plain(member):
    """Whether nothing is made of a value for this type: JSON has it, or it is no class."""
    origin = getattr(member, "__origin__", member)
    return not isinstance(origin, type) or found(PLAIN, origin) is not None or origin is type(Ellipsis)


def fit_of(member):
    """Tells of values whether they are what this member of a union names already; None where nothing can be told."""
    plain = found(PLAIN, member)
    if plain:
        return lambda value: type(value) in plain[0]
    if repr(getattr(member, "__origin__", None)) == "typing.Literal":
        # By their types first: values of the code are not asked.
        return lambda value: any([type(known) is type(value) and known == value for known in member.__args__])
    if not isinstance(getattr(member, "__origin__", member), type):
        # `Any`, a type variable, what could not be resolved.
        return lambda value: True
    return None


def sequence(make, arguments, value, scope):
    if not isinstance(value, list):
        raise Mismatch("a list")
    if make is tuple and arguments and arguments[-1] is not Ellipsis:
        if len(arguments) != len(value):
            raise Mismatch("a list of %d" % len(arguments))
        hints = arguments
    else:
        hints = arguments[:1] * len(value)
    if hints:
        value = [inside("[%d]" % index, hint, item, scope) for index, (hint, item) in enumerate(zip(hints, value))]
    try:
        return value if make is list else make(value)
    except TypeError:
        raise Mismatch("a list without lists and objects in it") from None


def mapping(make, arguments, value, scope):
    if not isinstance(value, dict):
        raise Mismatch("an object")
    if len(arguments) == 2:
        names = maker_of_names(arguments[0], scope)
        # Where, without the name: of a secret it would be a part.
        made = {names(name): inside("[...]", arguments[1], item, scope) for name, item in value.items()}
        if len(made) != len(value):
            raise Mismatch("an object whose names are all different")
        value = made
    return value if make is dict else make(value)


def maker_of_names(hint, scope):
    """JSON has text for names; an annotation may say which type they are text of."""
    try:
        hint = resolved(hint, scope)
        known = found(NAMES, hint)
        if known:
            return lambda name: of_name(*known, name)
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return lambda name: member_of_name(hint, name)
    except MemoryError:
        raise
    except Exception:
        return str
    return lambda name: convert(hint, name, scope)


def of_name(make, form, name):
    try:
        return make(name)
    except REFUSALS:
        raise Mismatch(form) from None


def integer(name):
    if not name.removeprefix("-").isdecimal() or str(int(name)) != name:
        raise ValueError
    return int(name)


NAMES = {
    int: (integer, "an object whose names are integers"),
    float: (float, "an object whose names are numbers"),
    bool: ({"true": True, "false": False}.__getitem__, "an object whose names are true or false"),
}


def member_of_name(kind, name):
    """By its value, or by the text of its value: no name is a number."""
    try:
        return member_of(kind, name)
    except Mismatch as mismatch:
        for member in kind.__members__.values():
            if type(member._value_) in (int, float) and repr(member._value_) == name:
                return member
        raise mismatch from None


def inside(step, hint, value, scope):
    try:
        return convert(hint, value, scope)
    except Mismatch as mismatch:
        raise Mismatch(mismatch.form, step + mismatch.path) from None


def of_class(kind, scope):
    name = (str(kind.__module__).split(".")[0], kind.__qualname__)
    if name in OF_TEXT:
        return lambda value: of_text(kind, *OF_TEXT[name], value)
    if name in OF_NUMBERS:
        return lambda value: of_number(kind, value)
    if issubclass(kind, enum.Enum):
        return lambda value: member_of(kind, value)
    scope = getattr(sys.modules.get(kind.__module__), "__dict__", scope)
    if type(kind).__name__ == "_TypedDictMeta":
        return lambda value: of_object(dict, annotations_of(kind), (), (), value, scope, open_ended=True)
    if issubclass(kind, tuple) and hasattr(kind, "_fields") and hasattr(kind, "_field_defaults"):
        return lambda value: named_tuple(kind, value, scope)
    if hasattr(kind, "__dataclass_fields__") and kind.__dataclass_params__.init:
        return lambda value: data(kind, value, scope)
    return None


def of_text(kind, method, form, value):
    if not isinstance(value, str):
        raise Mismatch(form)
    try:
        return getattr(kind, method)(value) if method else kind(value)
    except REFUSALS:
        raise Mismatch(form) from None


def of_number(kind, value):
    form = "a number, or one as text"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Mismatch(form)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Mismatch(form)
        # The shortest text that means this number, which is what was written.
        value = repr(value)
    try:
        return kind(value)
    except REFUSALS:
        raise Mismatch(form) from None


def member_of(kind, value):
    """By its value, else by its name: not every value is JSON."""
    for candidate in (value, tuple(value)) if isinstance(value, list) else (value,):
        try:
            return kind(candidate)
        except MemoryError:
            raise
        except Exception:
            # Whatever a `_missing_` of the code raises may hold the value.
            continue
    if isinstance(value, str) and value in kind.__members__:
        return kind.__members__[value]
    raise Mismatch("one of " + ", ".join([shown(member) for member in list(kind)[:SHOWN]]))


def shown(member):
    value = member._value_
    return _quoted(value) if type(value) in (str, int, float, bool) else _quoted(member._name_)


def named_tuple(kind, value, scope):
    hints = annotations_of(kind)
    required = [name for name in kind._fields if name not in kind._field_defaults]
    if isinstance(value, list):
        if not len(required) <= len(value) <= len(kind._fields):
            raise Mismatch("a list of %d" % len(kind._fields))
        value = dict(zip(kind._fields, value))
    nullable = [name for name, default in kind._field_defaults.items() if default is None]
    return of_object(kind, {name: hints.get(name) for name in kind._fields}, required, nullable, value, scope)


def data(kind, value, scope):
    fields = [field for field in kind.__dataclass_fields__.values() if field.init and repr(field._field_type) != "_FIELD_CLASSVAR"]
    missing = "_MISSING_TYPE"
    required = [
        field.name for field in fields if type(field.default).__name__ == missing and type(field.default_factory).__name__ == missing
    ]
    nullable = [field.name for field in fields if field.default is None]
    return of_object(kind, {field.name: of_init_variable(field.type) for field in fields}, required, nullable, value, scope)


def of_init_variable(hint):
    return hint.type if type(hint).__name__ == "InitVar" else hint


def of_object(make, hints, required, nullable, value, scope, open_ended=False):
    """Members in `nullable` may be null whatever their annotation says, as parameters whose default is None."""
    known = isinstance(value, dict) and (open_ended or not [name for name in value if name not in hints])
    if not known or [name for name in required if name not in value]:
        raise Mismatch("an object with the members %s" % ", ".join(["`%s`" % name for name in hints]) if hints else "an empty object")
    made = {}
    for name, item in value.items():
        as_it_is = item is None and name in nullable
        made[name] = None if as_it_is else inside("[%s]" % _quoted(name), hints.get(name), item, scope)
    return make(**made)
