"""Writes a result as JSON, and says which part of one JSON has no form for, where it is, and what to return instead.

The encoder is the interpreter's own, in C: no Python of the standard library stands between a result and its text, which a program
might have replaced. Where a result is refused, every step survives a hostile object.
"""

import math
import sys
from _json import encode_basestring, encode_basestring_ascii, make_encoder

PATH_DEPTH = 64
PATH_CHARACTERS = 200
KEY_CHARACTERS = 60

SCALARS = frozenset((str, int, float, bool, type(None)))
STRINGS = frozenset((str,))

NOT_JSON = "result cannot be written as JSON"
PLAIN = "return None, booleans, numbers, strings, lists or dictionaries of them"
AS_LIST = "return list(value)"
AS_NUMBER = "return str(value), or float(value) where rounding does no harm"
AS_BYTES = "return value.decode(), or base64.b64encode(value).decode() where it is no text"
AS_TEXT = "return str(value)"
AS_PAIRS = "return dict(value)"
CALLED = "call it and return what it returns"

# What to return instead of an object, by the first of its classes that is named here.
ADVICE = {
    "array.array": "return value.tolist()",
    "builtins.BaseException": AS_TEXT,
    "builtins.async_generator": "return [item async for item in value] from an async function",
    "builtins.builtin_function_or_method": CALLED,
    "builtins.bytearray": AS_BYTES,
    "builtins.bytes": AS_BYTES,
    "builtins.complex": "return [value.real, value.imag]",
    "builtins.coroutine": "await it",
    "builtins.dict_items": AS_LIST,
    "builtins.dict_keys": AS_LIST,
    "builtins.dict_values": AS_LIST,
    "builtins.frozenset": "return sorted(value) or list(value)",
    "builtins.function": CALLED,
    "builtins.mappingproxy": AS_PAIRS,
    "builtins.memoryview": "return bytes(value).decode()",
    "builtins.method": CALLED,
    "builtins.range": AS_LIST,
    "builtins.set": "return sorted(value) or list(value)",
    "builtins.type": "return its name, value.__name__",
    "collections.UserString": AS_TEXT,
    "collections.abc.Iterable": AS_LIST,
    "collections.abc.Mapping": AS_PAIRS,
    "collections.deque": AS_LIST,
    "datetime.date": "return value.isoformat()",
    "datetime.time": "return value.isoformat()",
    "datetime.timedelta": "return value.total_seconds()",
    "datetime.tzinfo": AS_TEXT,
    "decimal.Decimal": AS_NUMBER,
    "enum.Enum": "return value.value",
    "fractions.Fraction": AS_NUMBER,
    "functools.partial": CALLED,
    "io.IOBase": "return what it holds, such as value.read()",
    "_io._IOBase": "return what it holds, such as value.read()",
    "ipaddress._IPAddressBase": AS_TEXT,
    "numpy.generic": "return value.item()",
    "numpy.ndarray": "return value.tolist()",
    "pandas.core.frame.DataFrame": 'return value.to_dict("records")',
    "pandas.core.series.Series": "return value.tolist()",
    "pathlib.PurePath": AS_TEXT,
    "pathlib._local.PurePath": AS_TEXT,
    "pydantic.main.BaseModel": 'return value.model_dump(mode="json")',
    "re.Match": "return value.group() or value.groupdict()",
    "types.SimpleNamespace": "return vars(value)",
    "uuid.UUID": AS_TEXT,
}


class NotSerializable(Exception):
    """The result holds something that JSON has no form for."""

    def __init__(self, result):
        super().__init__(offender(result))


class TooLarge(Exception):
    """The result is valid and longer than its limit."""

    def __init__(self, size, limit):
        super().__init__("the result has %d bytes of JSON, the limit is %d; return less" % (size, limit))


class Unreadable(Exception):
    """What was handed over holds an integer that Python does not read."""

    def __init__(self, path, digits):
        longest = sys.get_int_max_str_digits()
        super().__init__("%s: an integer of %d digits, of which Python reads at most %d; send it as a string" % (path, digits, longest))


def encode(result):
    """The result as JSON in bytes."""
    try:
        encoded = written(result, encode_basestring).encode("utf-8")
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8; as an escape it is JSON all the same, and comes back as it went in.
        encoded = written(result, encode_basestring_ascii).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise NotSerializable(result) from error
    # The encoder writes numbers as keys too, and then two keys may read alike.
    if b"{" in encoded and has_foreign_key(result):
        raise NotSerializable(result)
    return encoded


def written(value, encode_text):
    # Memory of the values above, what to do with others, text, indent, separators, sorting, keys left out, numbers beyond JSON.
    return "".join(make_encoder({}, refuse, encode_text, None, ":", ",", False, False, False)(value, 0))


def refuse(value):
    raise TypeError(type(value).__name__)


def has_foreign_key(result):
    """Whether a dictionary has a key that is no string, or two that read alike. The result has been written, so it ends."""
    pending = [] if type(result) in SCALARS else [result]
    while pending:
        value = pending.pop()
        if issubclass(type(value), dict):
            is_simple = type(value) is dict and STRINGS.issuperset(map(type, value))
            if not is_simple and foreign_key(value):
                return True
            value = dict.values(value)
        if not SCALARS.issuperset(map(type, value)):
            pending += [item for item in value if issubclass(type(item), (dict, list, tuple))]
    return False


def foreign_key(value):
    """What is wrong with the keys of a dictionary, if anything is."""
    texts = set()
    for key in dict.__iter__(value):
        if not issubclass(type(key), str):
            if issubclass(type(key), tuple):
                advice = "join its parts to one string, or return a list of pairs"
            else:
                advice = "use str(key)"
            return "%s as a key%s, where JSON has strings only; %s" % (type(key).__name__, key_in_words(key), advice)
        texts.add(str.__str__(key))
    if len(texts) != dict.__len__(value):
        return "keys that read alike in JSON; use each once"
    if type(value) is not dict and has_other_pairs(value):
        return "%s with an `items` of its own, which names other pairs than it holds; return dict(value)" % type(value).__name__
    return None


def has_other_pairs(value):
    """Whether `items`, by which the encoder walks through a dictionary that is of a class of its own, tells of other pairs."""
    try:
        told, held = list(value.items()), list(dict.items(value))
        # Not by their order, which an `OrderedDict` keeps beside.
        return sorted((id(key), id(item)) for key, item in told) != sorted((id(key), id(item)) for key, item in held)
    except Exception:
        return True


def key_in_words(key):
    simple = key is None or issubclass(type(key), (int, float, tuple))
    text = repr(key) if simple else ""
    return " (%s)" % text if 0 < len(text) <= KEY_CHARACTERS else ""


def offender(result):
    """Where in a result the first value is that JSON cannot hold, and what to do about it."""
    try:
        return find_offender(result, "result", [], 0) or NOT_JSON
    except BaseException:
        return NOT_JSON


def find_offender(value, path, parents, depth):
    kind = type(value)
    if value is None or issubclass(kind, (str, bool)):
        return None
    if issubclass(kind, float):
        advice = "return None or a string"
        return None if math.isfinite(value) else "%s: %s, which JSON does not have; %s" % (shortened(path), float.__repr__(value), advice)
    if issubclass(kind, int):
        return too_many_digits(value, path)
    if depth > PATH_DEPTH and depth > sys.getrecursionlimit() // 4:
        return "%s: nested too deeply; return a flatter one" % shortened(path)
    if not issubclass(kind, (dict, list, tuple)):
        return "%s: %s, which JSON does not have; %s" % (shortened(path), kind.__name__, advice_for(value))
    if any(value is parent for parent in parents):
        return "%s: contains itself; return each part once" % shortened(path)
    is_pairs = issubclass(kind, dict)
    wrong = foreign_key(value) if is_pairs else None
    if wrong:
        return "%s: %s" % (shortened(path), wrong)
    parents = parents + [value]
    for key, item in dict.items(value) if is_pairs else enumerate(value):
        found = find_offender(item, "%s[%s]" % (path, step(key)), parents, depth + 1)
        if found:
            return found
    return None


def step(key):
    """One step of a path, as Python writes it."""
    return str(key) if type(key) is int else encode_basestring(str.__str__(key)[:PATH_CHARACTERS])


def too_many_digits(value, path):
    try:
        int.__repr__(value)
    except ValueError:
        longest = sys.get_int_max_str_digits()
        return "%s: an integer of more than %d digits, which Python does not write; return hex(value)" % (shortened(path), longest)
    return None


def advice_for(value):
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        return "return dataclasses.asdict(value)"
    if hasattr(kind, "__attrs_attrs__"):
        return "return attrs.asdict(value)"
    for known in kind.__mro__:
        advice = ADVICE.get("%s.%s" % (known.__module__, known.__qualname__))
        if advice:
            return advice
    if hasattr(kind, "__next__"):
        return AS_LIST
    if kind is not object and hasattr(value, "__dict__"):
        return "return what it holds, such as vars(value)"
    return PLAIN


def shortened(path):
    half = PATH_CHARACTERS // 2
    return path if len(path) <= PATH_CHARACTERS else path[: half - 3] + "..." + path[-half:]
