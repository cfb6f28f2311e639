"""The streams that a program prints to, and a `print` that writes a line at once.

Unbuffered, since a killed run keeps what it printed. Python's own `print` writes each value and each separator by itself, so that a
kill may come inside a line; the one here makes one text of them first, up to a value whose text the program's own code makes: that may
print, or take until the kill. It deliberately leaves every other stream, and what a program puts in the place of ours, to Python's own.
"""

import builtins
import io
import sys
import traceback

# Longer texts are written value by value: joining them would cost their memory again.
LINE_CHARACTERS = 64 * 1024

_print = builtins.print
_walk_stack = traceback.walk_stack
# The files whose frames no program sees.
OWN = set()
# Values whose text no code of a program makes.
PLAIN = frozenset((str, int, float, bool, complex, bytes, type(None)))
COLLECTIONS = frozenset((list, tuple, set, frozenset, dict))
# Collections inside one another that are looked through for other values.
MAX_DEPTH = 4


class Raw(io.FileIO):
    """A pipe. Asked in the zygote, the kernel would speak of what the descriptor was there."""

    def seekable(self):
        return False


class Whole(Raw):
    """Writes everything, where the kernel takes as much of a write as there is room for."""

    def write(self, data):
        left = memoryview(data).cast("B")
        length = len(left)
        while left:
            left = left[super().write(left) :]
        return length


class Stream(io.TextIOWrapper):
    """Standard output or error. Text that is not Unicode is escaped, never an error."""


class Print:
    """Stands in the place of `print`; an object and no function, so that it becomes no method where a class holds it."""

    def __init__(self):
        self.__doc__ = _print.__doc__
        self.__module__, self.__name__, self.__qualname__ = "builtins", "print", "print"

    def __repr__(self):
        return repr(_print)

    def __reduce__(self):
        return "print"

    def __call__(self, *args, sep=" ", end="\n", file=None, flush=False):
        target = file
        if target is None:
            target = getattr(sys, "stdout", None)
        if type(target) is not Stream or not is_text(sep) or not is_text(end):
            return _print(*args, sep=sep, end=end, file=file, flush=flush)
        parts = []
        try:
            for index, value in enumerate(args):
                if index:
                    parts.append(" " if sep is None else sep)
                if type(value) not in PLAIN and not is_plain(value, MAX_DEPTH):
                    # What stands before it comes first, and once, whatever the write raises.
                    begun, parts = parts, []
                    write_parts(target, begun)
                parts.append(str(value))
            parts.append("\n" if end is None else end)
        except BaseException:
            # As Python's own: what comes before a value without text is printed.
            write_parts(target, parts)
            raise
        write_parts(target, parts)
        if flush:
            target.flush()


def is_text(value):
    return value is None or issubclass(type(value), str)


def is_plain(value, depth):
    """Whether no code of a program makes the text of this value."""
    kind = type(value)
    if kind in PLAIN:
        return True
    if kind not in COLLECTIONS or not depth:
        return False
    try:
        return all_plain(value, depth - 1) and (kind is not dict or all_plain(value.values(), depth - 1))
    except RuntimeError:
        # Another thread changes it meanwhile.
        return False


def all_plain(values, depth):
    return PLAIN.issuperset(map(type, values)) or all(is_plain(value, depth) for value in values)


def write_parts(target, parts):
    # Not `len`: an object's text may be of a class of the program.
    if len(parts) < 3 or sum(map(str.__len__, parts)) <= LINE_CHARACTERS:
        text = "".join(parts)
        if text:
            target.write(text)
    else:
        for part in parts:
            target.write(part)


def walk_stack(frame):
    """The stack as the standard library walks it, without the frames of our own files."""
    if frame is None:
        # Until 3.13 the caller is found once the walk begins, and then it is not this function.
        if sys.version_info < (3, 14):
            return _walk_stack(None)
        frame = sys._getframe(1)
    return ((shown, line) for shown, line in _walk_stack(frame) if shown.f_code.co_filename not in OWN)


def stream(kind, number):
    raw = kind(number, "w", closefd=False)
    return Stream(raw, encoding="utf-8", errors="backslashreplace", newline="\n", write_through=True)


def prepare(short_writes, own_files):
    """Puts streams, `print` and the walk through the stack into their places; returns the streams."""
    kind = Whole if short_writes else Raw
    OWN.update(own_files)
    streams = stream(kind, 1), stream(kind, 2)
    sys.stdout = sys.__stdout__ = streams[0]
    sys.stderr = sys.__stderr__ = streams[1]
    builtins.print = Print()
    traceback.walk_stack = walk_stack
    # `print` is in the traceback of an exception that ends it; the second name is what 3.11 and later use.
    for name in ("walk_tb", "_walk_tb_with_full_positions"):
        if hasattr(traceback, name):
            setattr(traceback, name, without_own(getattr(traceback, name)))
    return streams


def without_own(walk):
    return lambda step: (shown for shown in walk(step) if shown[0].f_code.co_filename not in OWN)
