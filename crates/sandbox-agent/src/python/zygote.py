"""The zygote: one interpreter that imports the runtime's common modules once and forks sealed children off itself.

It talks to the agent only (descriptor 3, one JSON object a packet) and never reads a byte of a tenant. Descriptors: 3 the
agent, 4 a procfs in which children see themselves, 5 /dev/null; without namespaces 6 the Landlock rules of children and from 7
on the agent's files. It deliberately runs no user code: what a child does after the
seal stands in `_zona_runner.py`.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
import types

CONTROL, PROC, NULL, RULES = 3, 4, 5, 6
PACKET = 64 * 1024
CHILD_CRASHED = 70


class Seal:
    """The seal's one function, called with the interpreter's lock held, and the words it reads."""

    def __init__(self, config):
        self.spawn_function = ctypes.PyDLL(config["home"]["seal"]).zona_spawn
        self.spawn_function.restype = ctypes.c_int64
        self.filter = bytes.fromhex(config["filter"])
        self.tmpfs = config["tmpfs_options"].encode()
        self.limits = [config[name] for name in ("memory", "cpu_seconds", "open_files", "tmpfs", "processes")]
        self.before = ctypes.pythonapi.PyOS_BeforeFork
        self.after_in_child = ctypes.pythonapi.PyOS_AfterFork_Child
        self.after_in_parent = ctypes.pythonapi.PyOS_AfterFork_Parent
        for function in (self.before, self.after_in_child, self.after_in_parent):
            function.restype = None
            function.argtypes = []
        # Instructions of a filter have eight bytes each.
        self.code = ctypes.c_char_p(self.filter)
        self.options = ctypes.c_char_p(self.tmpfs)
        self.tail = [
            ctypes.cast(self.code, ctypes.c_void_p).value,
            len(self.filter) // 8,
            ctypes.cast(self.options, ctypes.c_void_p).value,
            *self.limits,
            int(config["shared_memory"]),
            RULES if config["confined"] else 0,
            0,
        ]

    def spawn(self, stdout, stderr, request, result, status):
        """Returns (pid, baseline): pid 0 in the sealed child, where `baseline` is its address space in bytes."""
        words = [PROC, NULL, stdout, stderr, request, result, status, *self.tail]
        slots = (ctypes.c_uint64 * len(words))(*words)
        self.before()
        pid = self.spawn_function(slots)
        if pid == 0:
            self.after_in_child()
        else:
            self.after_in_parent()
        return pid, slots[len(words) - 1]


class Fault(Exception):
    """A child could not be made."""

    def __init__(self, stage, error):
        super().__init__(stage, error)
        self.stage = stage
        self.error = error


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=CONTROL)
    config = json.loads(control.recv(PACKET))
    for name in set(os.environ) - {"LANG", "TZ"}:
        del os.environ[name]
    sys.path.extend(config["packages"])
    preload(config["preload"])
    load("_zona_failure", config["home"]["failure"])
    runner = load("_zona_runner", config["home"]["runner"])
    seal = Seal(config)
    runner.prepare(strict=config["strict"], writable=not config["confined"])
    gc.collect()
    gc.freeze()
    gc.disable()
    version = "%d.%d.%d" % sys.version_info[:3]
    control.send(json.dumps({"event": "ready", "python_version": version}).encode())
    while True:
        packet = control.recv(PACKET)
        if not packet:
            return
        fork(control, seal, runner, json.loads(packet)["child"])


def preload(names):
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:
            # A module that this runtime lacks, or that cannot be imported here, fails where a user imports it.
            continue


def load(name, path):
    """Imports one of our own modules from where the agent keeps it."""
    module = sys.modules[name] = types.ModuleType(name)
    module.__file__ = path
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)
    return module


def fork(control, seal, runner, child):
    """Makes one child and hands the server's ends of its pipes to the agent."""
    request, result, stdout, stderr, status = (os.pipe() for _ in range(5))
    try:
        pid, baseline = seal.spawn(stdout[1], stderr[1], request[0], result[1], status[1])
        if pid == 0:
            become_child(control, runner, baseline)
        os.close(status[1])
        await_seal(pid, status[0])
        header = json.dumps({"event": "child", "child": child, "pid": pid}).encode()
        socket.send_fds(control, [header], [request[1], result[0], stdout[0], stderr[0]])
    except Fault as fault:
        message = {"event": "fault", "stage": fault.stage, "error": fault.error}
        control.send(json.dumps(message).encode())
    finally:
        for end in (*request, *result, *stdout, *stderr, status[0]):
            os.close(end)


def await_seal(pid, status):
    """Waits until the child says that it is sealed: two 32-bit words, stage and error number."""
    if pid < 0:
        raise Fault(-1, -pid)
    report = os.read(status, 8)
    if len(report) != 8:
        raise Fault(-2, 0)
    stage, error = struct.unpack("=Ii", report)
    if stage:
        raise Fault(stage, error)


def become_child(control, runner, baseline):
    """Never returns: a child must not come back into the zygote's loop, whatever happens."""
    try:
        # The number now names the request pipe.
        control.detach()
        runner.serve(baseline)
    finally:
        os._exit(CHILD_CRASHED)


if __name__ == "__main__":
    main()
