"""Runs programs under a filter of system calls and tells which calls each of them makes: `trace.py programs.py GROUP`, with the
filter and the calls whose arguments matter on stdin. A tracer, since nobody else sees a call that the filter answers.
"""

import ctypes
import json
import os
import signal
import sys
import tempfile
import traceback

TRACEME, GETREGS, SYSCALL, SETOPTIONS = 0, 12, 24, 0x4200
# TRACESYSGOOD, TRACEFORK, TRACEVFORK, TRACECLONE, TRACEEXEC, EXITKILL
OPTIONS = 1 | 2 | 4 | 8 | 16 | 0x100000
WALL = 0x40000000
SECCOMP = 317
# In `user_regs_struct`: the call's number and its arguments.
NUMBER, ARGUMENTS = 15, (14, 13, 12, 7, 9, 8)
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def checked(answer):
    if answer == -1:
        raise OSError(ctypes.get_errno(), "a call of the tracer failed")
    return answer


def child(program, steps):
    buffer = ctypes.create_string_buffer(steps, len(steps))
    loaded = Program(len(steps) // 8, ctypes.addressof(buffer))
    checked(LIBC.ptrace(TRACEME, 0, None, None))
    os.kill(os.getpid(), signal.SIGSTOP)
    checked(LIBC.prctl(38, 1, 0, 0, 0))
    checked(LIBC.syscall(SECCOMP, 1, 0, ctypes.byref(loaded)))
    program()


def run(program, steps):
    """Numbers and arguments of every call after the filter's installation."""
    pid = os.fork()
    if pid == 0:
        try:
            child(program, steps)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.waitpid(pid, 0)
    checked(LIBC.ptrace(SETOPTIONS, pid, None, OPTIONS))
    checked(LIBC.ptrace(SYSCALL, pid, None, None))
    return follow(pid)


def follow(first):
    calls, known, filtered, status_of_first = set(), {first}, False, None
    registers = (ctypes.c_ulong * 27)()
    while known:
        pid, status = os.waitpid(-1, WALL)
        if not os.WIFSTOPPED(status):
            known.discard(pid)
            if pid == first:
                status_of_first = status
            continue
        deliver = os.WSTOPSIG(status)
        if deliver == signal.SIGTRAP | 0x80:
            checked(LIBC.ptrace(GETREGS, pid, None, registers))
            number = registers[NUMBER]
            if filtered:
                calls.add((number, *(registers[index] & 0xFFFFFFFF for index in ARGUMENTS)))
            filtered = filtered or number == SECCOMP
            deliver = 0
        elif pid not in known or deliver == signal.SIGTRAP:
            # A new process stops before its first step, and events stop too.
            deliver = 0
        known.add(pid)
        # It may have been killed meanwhile.
        LIBC.ptrace(SYSCALL, pid, None, deliver)
    if status_of_first != 0:
        raise SystemExit("%s ended with status %s" % (first, status_of_first))
    return calls


def main(path, group):
    settings = json.load(sys.stdin)
    steps = bytes.fromhex(settings["filter"])
    scope = {}
    with open(path) as file:
        exec(compile(file.read(), path, "exec"), scope)
    found = set()
    for program in scope["GROUPS"][group]:
        with tempfile.TemporaryDirectory(prefix="zona-calls") as directory:
            os.chdir(directory)
            made = run(program, steps)
            os.chdir("/")
        found |= {call if call[0] in settings["arguments"] else call[:1] for call in made}
    print(json.dumps(sorted(found)))


main(*sys.argv[1:])
