"""Runs one program in a sealed child and answers with frames (see the protocol's `frame`).

The kernel's seal is the boundary, not this file: user code shares the process and may break anything here, to its own harm
only. Builtins of our own (see the zygote's `load`) and private references to the functions used after user code has run keep
ordinary accidents (a replaced `len`, a replaced `sys.stdout`, a patched `json`) from costing the result.
"""

import _signal
import atexit
import builtins
import gc
import io
import json
import linecache
import mmap
import opcode
import os
import resource
import sys
import types

import _zona_arguments as arguments
import _zona_failure as failure
import _zona_output as output
from _zona_result import TooLarge, Unreadable, encode, step

USER_FILE = "<utility>"
RESULT = 4
CHUNK = 1 << 16
# Freed when a run ends badly, so that an exhausted address space leaves room to say so.
RESERVE_BYTES = 4 << 20
RECURSION_LIMIT = sys.getrecursionlimit()
SEED_BYTES = 48

VALUE, VALUE_FAILURE, SUCCESS, FAILURE = b"V", b"X", b"R", b"E"

_write = os.write
_close = os.close
_exit = os._exit
_decode = json.loads
_settrace = sys.settrace
_setprofile = sys.setprofile
_setrecursionlimit = sys.setrecursionlimit
_modules = sys.modules
_callbacks = atexit._ncallbacks
_run_exit_functions = atexit._run_exitfuncs
_Coroutine = types.CoroutineType
_STORE_NAME = opcode.opmap["STORE_NAME"]
_STORE_GLOBAL = opcode.opmap["STORE_GLOBAL"]
_EXTENDED_ARG = opcode.opmap["EXTENDED_ARG"]

WARM_UP_CODE = """import json
def helper(text):
    return text.strip().lower().split()
def transform(value, **params):
    words = [word for word in helper(value) if word]
    return {'words': words, 'count': len(words), 'upper': value.upper(), 'params': dict(params)}
"""
NO_LIMIT = 1 << 62
WARM_UP = json.dumps(
    {
        "code": WARM_UP_CODE,
        "entry": "transform",
        "params": {"sep": "_"},
        "values": ["one two"],
        "limits": dict.fromkeys(("memory", "cpu_seconds", "open_files", "tmpfs", "result"), NO_LIMIT),
    }
).encode()
# The interpreter writes to code that it still specializes; after so many passes it is done, and the code's pages stay shared.
ZYGOTE_PASSES = 16
# One pass copies the pages that a request writes; a second one was measured to gain nothing. A process that is put back copies them with its
# first program, and keeps its copies.
CHILD_PASSES = 1


class State:
    """What outlives a program: streams, limits, and whether a signal may interrupt."""

    strict = True
    # Whether the process is put back after its program, and runs others.
    many = False
    # Where programs come from.
    request = None
    baseline = 0
    stdout = None
    stderr = None
    reserve = None
    exit_handlers = 0
    # While a frame is written, an interrupt waits: half a frame would cost the whole answer.
    writing = False
    interrupted = False


def prepare(strict, writable, short_writes, many, request):
    """Everything that can be made once, in the zygote."""
    State.strict, State.many, State.request = strict, many, request
    failure.Place.writable = writable
    own = {module.__file__ for name, module in _modules.items() if name.startswith("_zona_")}
    State.stdout, State.stderr = output.prepare(short_writes, own | {sys._getframe(1).f_code.co_filename})
    failure.Place.builtins.update(vars(builtins))
    # Address space alone: nothing can be read from it or written to it.
    State.reserve = mmap.mmap(-1, RESERVE_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0)
    sys.argv = [""]
    _signal.signal(_signal.SIGINT, on_interrupt)
    warm_up(ZYGOTE_PASSES)
    State.exit_handlers = _callbacks()


def warm_up(passes):
    """Goes the whole way of a request, for the pages it touches: copying them now halves the time the request takes."""
    for _ in range(passes):
        program = _decode(b"".join([WARM_UP]))
        limits = program["limits"]
        apply_limits(limits)
        Answer(discard).run(program, limits)
        flush_streams()


def discard(_kind, _payload):
    return None


def serve(baseline):
    """Reads one program, runs it, answers, and ends the process."""
    State.baseline = baseline
    gc.enable()
    if not State.many:
        warm_up(CHILD_PASSES)
    answer = Answer(emit)
    try:
        program = read_program()
        limits = program["limits"]
        if State.many:
            # The agent keeps the limits: one that was lowered here could not be raised again.
            seed()
        else:
            apply_limits(limits)
        final = [*answer.run(program, limits)]
    except BaseException as error:
        final = [*answer.interrupted(error)]
    # What has a mapping of its own for its size would be there still when the process is put back, which would cost it its life.
    program = None
    finish(final)


def seed():
    """What a fork does for a new process: random numbers that are not those of the program before."""
    random = _modules.get("random")
    if random is not None:
        random.seed()
    library = _modules.get("_ssl")
    if library is not None:
        library.RAND_add(os.urandom(SEED_BYTES), float(SEED_BYTES))


def on_interrupt(_number, _frame):
    State.interrupted = True
    if not State.writing:
        raise KeyboardInterrupt


def read_program():
    """A four-byte little-endian length, then JSON. A server that hangs up ends the child."""
    data = os.read(State.request, CHUNK)
    while len(data) < 4:
        data += read_some()
    length = int.from_bytes(data[:4], "little")
    parts = [data[4:]]
    missing = length - len(parts[0])
    while missing > 0:
        part = read_some()
        parts.append(part)
        missing -= len(part)
    if not State.many:
        _close(State.request)
    return program_of(b"".join(parts))


def program_of(text):
    """The program. An integer that Python does not read costs what holds it: one value of many, or the whole."""
    try:
        return _decode(text)
    except ValueError:
        program = json.JSONDecoder(parse_int=integer).decode(text.decode("utf-8"))
    values = program.get("values") or []
    unreadable = find_long(program["params"], "params")
    for index, value in enumerate(values):
        found = find_long(value, "value")
        if found:
            values[index] = found
            unreadable = unreadable or (found if len(values) == 1 else None)
    return {**program, "unreadable": unreadable}


def integer(text):
    try:
        return int(text)
    except ValueError:
        return LongInteger(text)


class LongInteger:
    """Stands for an integer of more digits than Python reads."""

    def __init__(self, text):
        self.digits = len(text.lstrip("-"))


def find_long(value, path):
    if type(value) is LongInteger:
        return Unreadable(path, value.digits)
    pairs = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    return next(filter(None, (find_long(item, "%s[%s]" % (path, step(key))) for key, item in pairs)), None)


def read_some():
    data = os.read(State.request, CHUNK)
    if not data:
        _exit(0)
    return data


def apply_limits(limits):
    """Lowers this process's limits, never raises one."""
    lower(resource.RLIMIT_AS, State.baseline + limits["memory"])
    lower(resource.RLIMIT_CPU, limits["cpu_seconds"])
    lower(resource.RLIMIT_NOFILE, limits["open_files"])
    lower(resource.RLIMIT_FSIZE, limits["tmpfs"])


def lower(kind, value):
    _soft, hard = resource.getrlimit(kind)
    if value < (NO_LIMIT if hard == resource.RLIM_INFINITY else hard):
        resource.setrlimit(kind, (value, value))


class Answer:
    """One program's way from source to frames. `emit` writes the frames of values; the final one is returned."""

    def __init__(self, emit):
        self.emit = emit
        self.limits = None
        self.code = ""

    def run(self, program, limits):
        """Returns the final frame: kind and payload."""
        self.limits = limits
        # The byte order mark of a file says how it is encoded and is no part of its text.
        self.code = code = program["code"].removeprefix("\ufeff")
        linecache.cache[USER_FILE] = (len(code), None, lines_of(code), USER_FILE)
        try:
            if program.get("unreadable"):
                raise program["unreadable"]
            compiled = compile(code, USER_FILE, "exec", 0, True)
            return self.enter(compiled, program)
        except BaseException as error:
            return self.failed(error)

    def enter(self, compiled, program):
        """Runs the top level, then whatever entry point it defines."""
        entry, params, values = program["entry"], program["params"], program.get("values")
        stored = stored_names(compiled)
        top_level = entry != "transform" and "main" not in stored
        module = types.ModuleType("__main__" if top_level else "__zona__")
        scope = module.__dict__
        # Without its own it would get ours.
        scope["__builtins__"] = builtins
        if top_level:
            scope["params"] = params
        sys.modules["__main__"] = sys.modules[module.__name__] = module
        exec(compiled, scope)

        if entry == "script":
            main = scope.get("main")
            if top_level or not callable(main):
                return self.succeeded(None)
            return self.succeeded(resolve(main(**arguments.Conversion(main).named(params))))
        transform = scope.get("transform")
        if not callable(transform):
            return FAILURE, failure.no_entry_point("transform")
        takes = arguments.Conversion(transform)
        params = takes.named(params)
        if len(values) == 1:
            return self.succeeded(resolve(transform(takes.value(values[0]), **params)))
        return self.each(transform, takes, values, params)

    def each(self, transform, takes, values, params):
        """One frame a value, written before the next value runs."""
        emit, encoded = self.emit, self.encoded
        for value in values:
            try:
                if type(value) is Unreadable:
                    raise value
                kind, payload = VALUE, encoded(resolve(transform(takes.value(value), **params)))
            except KeyboardInterrupt as error:
                if State.interrupted:
                    return self.failed(error)
                kind, payload = VALUE_FAILURE, self.value_failed(error)
            except BaseException as error:
                kind, payload = self.value_ended(error)
            emit(kind, payload)
            if State.interrupted:
                return self.failed(KeyboardInterrupt())
        return SUCCESS, b"null"

    def encoded(self, result):
        """The result as JSON bytes, within its limit."""
        payload = encode(result)
        if len(payload) > self.limits["result"]:
            raise TooLarge(len(payload), self.limits["result"])
        return payload

    def succeeded(self, result):
        return SUCCESS, self.encoded(result)

    def interrupted(self, error):
        """The final frame for an exception that came while the runner itself was at work: a signal, or a hostile object."""
        try:
            return self.failed(error)
        except BaseException:
            return FAILURE, failure.payload(failure.unknown(error))

    def value_ended(self, error):
        if failure.is_a(error, SystemExit) and failure.exit_code(error) == 0:
            return VALUE, b"null"
        return VALUE_FAILURE, self.value_failed(error)

    def value_failed(self, error):
        return failure.payload(self.described(error))

    def failed(self, error):
        """The final frame for an exception that ended the program. Its text goes to stderr, as Python's own would."""
        if failure.is_a(error, SystemExit) and failure.exit_code(error) == 0:
            return SUCCESS, b"null"
        described = self.described(error)
        if self.emit is not discard:
            flush_streams()
            write_all(2, failure.for_stderr(error, described))
        return FAILURE, failure.payload(described)

    def described(self, error):
        _settrace(None)
        _setprofile(None)
        _setrecursionlimit(RECURSION_LIMIT)
        if not State.many or failure.is_a(error, MemoryError):
            State.reserve = None
        return failure.describe(error, self.code, self.limits or {}, State.strict, State.interrupted)


def lines_of(code):
    """The lines as Python counts them: text has more line ends than its grammar."""
    return io.StringIO(code, newline=None).readlines()


def stored_names(compiled):
    """Names that the top level binds, by assignment, definition or import."""
    found = set()
    code, names = compiled.co_code, compiled.co_names
    high = 0
    for index in range(0, len(code), 2):
        operation, argument = code[index], code[index + 1] | high
        high = argument << 8 if operation == _EXTENDED_ARG else 0
        if operation in (_STORE_NAME, _STORE_GLOBAL) and argument < len(names):
            found.add(names[argument])
    return found


def resolve(result):
    """Runs the coroutine that an `async def` entry point returns."""
    if type(result) is not _Coroutine:
        return result
    import asyncio

    return asyncio.run(result)


def emit(kind, payload):
    """Writes one frame as a whole."""
    State.writing = True
    try:
        write_all(RESULT, kind + len(payload).to_bytes(4, "little") + payload)
    finally:
        State.writing = False


def write_all(number, data):
    try:
        written = _write(number, data)
        while written < len(data):
            data = data[written:]
            written = _write(number, data)
    except OSError:
        # User code closed the descriptor, or the reader is gone: nobody is left to tell.
        return


def flush_streams():
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except BaseException:
            continue


def finish(final):
    """Everything printed comes before the final frame; after it the process has nothing left to do. Takes the frame out of what it is given."""
    State.writing = True
    payload, kind = final.pop(), final.pop()
    try:
        if not State.strict:
            join_threads()
        if _callbacks() > State.exit_handlers:
            _run_exit_functions()
    except BaseException as error:
        write_all(2, failure.for_stderr(error, None))
    flush_streams()
    for number in () if State.many else (1, 2):
        try:
            _close(number)
        except OSError:
            continue
    emit(kind, payload)
    # As large as what came in may be.
    payload = None
    _exit(0)


def join_threads():
    """As Python does at exit: threads that are no daemons end first."""
    threading = _modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        threading._shutdown()
