"""What every probe is written with. A probe is a function that tries to get at something: it raises when it is stopped, and
returns what it got hold of when it is not.
"""

import ctypes
import errno
import os

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
ARGUMENTS = 6
# How the filter answers, and how a kernel answers that does not have the call at all.
STOPPING = (errno.EPERM, errno.ENOSYS)
PROBES = {}
SETTINGS = {}


class Stopped(Exception):
    """The probe got nowhere; says what was in the way."""


def probe(function):
    PROBES[function.__name__.replace("_", "-")] = function
    return function


def raw(number, *arguments):
    """A system call by its number, past everything that Python and the C library check."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    words += [ctypes.c_long(0)] * (ARGUMENTS - len(words))
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(number), *words)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def surface(number, *arguments):
    """Whether a call gets as far as the kernel's own code. The arguments are such that the kernel, when it is asked, finds
    something else to say than the filter's EPERM."""
    try:
        answer = raw(number, *arguments)
    except OSError as error:
        if error.errno in STOPPING:
            raise
        return "the kernel itself answered " + errno.errorcode.get(error.errno, str(error.errno))
    return "the kernel itself answered %d" % answer


def unmade(number, *arguments):
    """Whether a call is made at all. The arguments are such that the kernel refuses them: what succeeds was never made."""
    try:
        raw(number, *arguments)
    except OSError as error:
        if error.errno in STOPPING:
            raise
        return "the kernel itself answered " + errno.errorcode.get(error.errno, str(error.errno))
    raise Stopped("it succeeds and is not made")


def first(attempts, otherwise):
    """What the first attempt that is not stopped got."""
    for attempt in attempts:
        try:
            return attempt()
        except (OSError, Stopped):
            continue
    raise Stopped(otherwise)


def attempt(name):
    try:
        found = PROBES[name]()
    except Stopped as stopped:
        return ["stopped", str(stopped)]
    except OSError as error:
        return ["stopped", str(error)]
    except BaseException as error:
        return ["error", "%s: %s" % (type(error).__name__, error)]
    return ["reached", str(found)] if found else ["error", "the probe does not say what it got"]


def main(names, **settings):
    SETTINGS.update(settings)
    return [[name, *attempt(name)] for name in names]
