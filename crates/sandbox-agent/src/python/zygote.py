"""The zygote: one interpreter that imports the runtime's common modules once and forks sealed children off itself.

It talks to the agent only (descriptor 3, one JSON object a packet) and never reads a byte of a tenant. Descriptors: 3 the
agent, 4 a procfs in which children see themselves, 5 /dev/null; without namespaces 6 the Landlock rules of children, from 7 on
the agent's files, and behind them in gVisor the streams of the one child. Once everything is imported the seal takes over, so that no Python runs between two forks. It deliberately
runs no user code: what a child does after the seal stands in `_zona_runner.py`.
"""

import _signal
import _socket
import builtins
import ctypes
import gc
import importlib
import json
import os
import sys
import time
import types

CONTROL, PROC, NULL = 3, 4, 5
PACKET = 64 * 1024
CHILD_CRASHED = 70
# What libraries that compute ask before they start a thread for each processor, when they are imported.
THREADS_OF_LIBRARIES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Seconds that a thread has to end after it was joined.
SETTLING = 0.5
# `M_TRIM_THRESHOLD` and `M_TOP_PAD` of mallopt(3): the heap grows in large steps and never shrinks.
HEAP = ((-1, 1 << 30), (-2, 2 << 20))
# Enough for the heap to take a step; a larger one gets a mapping of its own.
STEP, STEPS = 100 << 10, 64
# Small objects for about two MiB of arenas.
ARENAS = 5200
# What our own modules call, whatever a program makes of the module `builtins`.
BUILTINS = dict(vars(builtins))


class Seal:
    """The seal's one function, called with the interpreter's lock held, and the words it reads."""

    def __init__(self, config):
        self.serve_function = ctypes.PyDLL(config["home"]["seal"]).zona_serve
        self.serve_function.restype = ctypes.c_int64
        self.before = ctypes.pythonapi.PyOS_BeforeFork
        self.after_in_child = ctypes.pythonapi.PyOS_AfterFork_Child
        for function in (self.before, self.after_in_child):
            function.restype = None
            function.argtypes = []
        # Instructions of a filter have eight bytes each.
        code = bytes.fromhex(config["filter"])
        self.code = ctypes.c_char_p(code)
        self.options = ctypes.c_char_p(config["tmpfs_options"].encode())
        limits = [config[name] for name in ("memory", "cpu_seconds", "open_files", "tmpfs", "processes")]
        words = [
            CONTROL,
            PROC,
            NULL,
            ctypes.cast(self.code, ctypes.c_void_p).value,
            len(code) // 8,
            ctypes.cast(self.options, ctypes.c_void_p).value,
            *limits,
            int(config["shared_memory"]),
            config["rules"],
            config["streams"],
            config["programs"],
            config["request"],
            0,
        ]
        self.words = (ctypes.c_uint64 * len(words))(*words)

    def serve(self):
        """Makes children until the agent hangs up. Returns True in each of them, and False in the zygote at the end."""
        self.before()
        if self.serve_function(self.words):
            return False
        self.after_in_child()
        return True

    def baseline(self):
        """The address space of a child in bytes, before user code."""
        return self.words[-1]


def main():
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    control = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, CONTROL)
    config = json.loads(control.recv(PACKET))
    for name in set(os.environ) - {"LANG", "TZ"}:
        del os.environ[name]
    sys.path.extend(config["packages"])
    # No thread may run when the zygote is copied. Programs do not see what the libraries were told.
    os.environ.update(dict.fromkeys(THREADS_OF_LIBRARIES, "1"))
    starters = preload(config["preload"])
    for name in THREADS_OF_LIBRARIES:
        os.environ.pop(name, None)
    for name, path in config["home"]["modules"]:
        load(name, path)
    runner = sys.modules["_zona_runner"]
    seal = Seal(config)
    runner.prepare(
        strict=config["strict"],
        writable=not config["rules"],
        short_writes=config["streams"] != 0,
        many=config["programs"] != 0,
        request=config["request"],
    )
    give_back()
    kept = grow() if config["programs"] else None
    gc.freeze()
    gc.disable()
    if not settles(1):
        refuse(control, starters)
    version = "%d.%d.%d" % sys.version_info[:3]
    control.send(json.dumps({"event": "ready", "python_version": version}).encode())
    # The number names the request pipe in a child.
    control.detach()
    if seal.serve():
        become_child(runner, seal.baseline())


def give_back():
    """Frees what the imports left over: children copy the tables of every page."""
    gc.collect()
    # Not in every C library.
    trim = getattr(ctypes.pythonapi, "malloc_trim", None)
    if trim:
        trim(0)


def grow():
    """Memory that a program needs and gives back stays mapped, since a child with other mappings than before is not put back. Returns
    what keeps it so."""
    mallopt = getattr(ctypes.pythonapi, "mallopt", None)
    if mallopt:
        for parameter, value in HEAP:
            mallopt(parameter, value)
    end = getattr(ctypes.pythonapi, "sbrk", None)
    if mallopt and end:
        end.restype = ctypes.c_void_p
        before, blocks = end(0), []
        while end(0) == before and len(blocks) < STEPS:
            blocks.append(bytearray(STEP))
        del blocks
    # One small object alive in each arena; the rest of it is free.
    filler = [bytearray(400) for _ in range(ARENAS)]
    return filler[::200]


def preload(names):
    """Returns the names of those that left threads running."""
    starters, before = [], threads()
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:
            # A module that this runtime lacks, or that cannot be imported here, fails where a user imports it.
            pass
        if not settles(before):
            starters.append(name)
            before = threads()
    return starters


def settles(count):
    """Whether no more than `count` threads go on. One that was joined may take a moment to be gone."""
    deadline = time.monotonic() + SETTLING
    while threads() > count:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def threads():
    """How many threads this process has, those included that Python knows nothing of."""
    tasks = os.open("self/task", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=PROC)
    try:
        return len(os.listdir(tasks))
    finally:
        os.close(tasks)


def refuse(control, starters):
    """Never returns: a copy of a process has one of its threads, and whatever locks the others held."""
    control.send(json.dumps({"event": "threads", "modules": starters}).encode())
    # The agent ends it; an end of its own would be one more thing to tell.
    control.recv(PACKET)
    os._exit(CHILD_CRASHED)


def load(name, path):
    """Imports one of our own modules from where the agent keeps it, with builtins that no program can replace."""
    module = sys.modules[name] = types.ModuleType(name)
    module.__builtins__ = BUILTINS
    module.__file__ = path
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)
    return module


def become_child(runner, baseline):
    """Never returns: a child must not come back into the zygote's code, whatever happens."""
    try:
        runner.serve(baseline)
    finally:
        os._exit(CHILD_CRASHED)


if __name__ == "__main__":
    main()
