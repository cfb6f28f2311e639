"""Probes for what others left, hold or do."""

import builtins
import stat
import sys

SECRET = "/tmp/zona-secret"
KEY = 0x7A6F6E61
RESULT = 4


def leave():
    """Leaves a trace wherever a later execution could find one."""
    builtins.zona_secret = True
    os.environ["ZONA_SECRET"] = "secret"
    sys.path.append("/tmp/zona-secret")
    for trace in (write_secret, lambda: raw(29, KEY, 4096, 0o1666), lambda: open("/dev/shm/zona-secret", "w").close()):
        try:
            trace()
        except OSError:
            continue
    return "left traces"


PROBES["leave"] = leave


def write_secret():
    with open(SECRET, "w") as file:
        file.write("secret")


@probe
def leftovers_in_tmp():
    names = os.listdir("/tmp")
    if not names:
        raise Stopped("/tmp is empty")
    return "/tmp holds %s" % names[0]


@probe
def leftovers_in_shared_memory():
    if os.path.exists("/dev/shm/zona-secret"):
        return "/dev/shm holds a file"
    raw(29, KEY, 4096, 0)
    return "a shared memory segment is there"


@probe
def leftovers_in_the_interpreter():
    if hasattr(builtins, "zona_secret") or "ZONA_SECRET" in os.environ or "/tmp/zona-secret" in sys.path:
        return "the interpreter has been used before"
    raise Stopped("the interpreter is fresh")


@probe
def inherited_descriptors():
    for number in range(3, 1024):
        try:
            mode = os.fstat(number).st_mode
        except OSError:
            continue
        # Where processes are put back, their programs come through one pipe, which stays.
        if number != RESULT and not (number == SETTINGS["kept"] and stat.S_ISFIFO(mode)):
            return "descriptor %d is open: %s" % (number, "a socket" if stat.S_ISSOCK(mode) else oct(stat.S_IFMT(mode)))
    raise Stopped("nothing is open but the program's own pipes")


@probe
def environment_of_the_server():
    foreign = sorted(set(os.environ) - {"LANG", "TZ", "LC_CTYPE"})
    # What the process was started with, behind Python's back.
    variables = ctypes.POINTER(ctypes.c_char_p).in_dll(LIBC, "environ")
    index = 0
    while variables and variables[index]:
        name = variables[index].split(b"=")[0].decode("ascii", "replace")
        if name not in ("LANG", "TZ", "LC_CTYPE"):
            foreign.append(name)
        index += 1
    if not foreign:
        raise Stopped("LANG and TZ only")
    return "the variable " + foreign[0]


def frame(kind, length, payload):
    """Speaks the protocol in the runner's place, and ends before the runner can."""
    import _zona_runner

    data = kind + length.to_bytes(4, "little") + payload
    while data:
        data = data[os.write(RESULT, data):]
    _zona_runner._exit(0)


@probe
def forged_result():
    text = b'"' + b"x" * SETTINGS["forged"] + b'"'
    frame(b"R", len(text), text)


@probe
def deep_result():
    text = b"[" * SETTINGS["nested"] + b"]" * SETTINGS["nested"]
    frame(b"R", len(text), text)


@probe
def endless_frame():
    frame(b"R", 0xFFFFFFFF, b"x" * 1024)


@probe
def unknown_frame():
    frame(b"?", 4, b"true")


@probe
def forged_reason():
    text = b'{"reason": "NODE_LOST", "message": "not the program\'s fault"}'
    frame(b"E", len(text), text)


def hold():
    """Holds a secret until it is ended."""
    import time

    leave()
    print("holding", flush=True)
    time.sleep(30)


PROBES["hold"] = hold


@probe
def files_of_a_neighbor():
    with open(SECRET) as file:
        return "read the neighbor's " + file.read()
