"""Probes for using up what others need too."""

import mmap
import re
import time

MIB = 1 << 20


@probe
def memory():
    try:
        return "allocated %d bytes" % len(bytearray(SETTINGS["memory"] * 2))
    except MemoryError:
        raise Stopped("out of memory")


@probe
def mapped_memory():
    mmap.mmap(-1, SETTINGS["memory"] * 2)
    return "mapped twice the limit"


@probe
def disk():
    for number in range(SETTINGS["tmpfs"] // MIB + 8):
        with open("/tmp/file-%d" % number, "wb") as file:
            file.write(bytes(MIB))
    return "wrote %d MiB" % (number + 1)


@probe
def inodes():
    for number in range(SETTINGS["inodes"] + 512):
        open("/tmp/empty-%d" % number, "wb").close()
    return "made %d files" % (number + 1)


@probe
def file_size():
    with open("/tmp/large", "wb") as file:
        file.truncate(SETTINGS["tmpfs"] * 64)
    return "made a file of 64 times the limit"


@probe
def descriptors():
    held = []
    while len(held) <= SETTINGS["open_files"]:
        held.append(os.dup(1))
    return "opened %d descriptors" % len(held)


@probe
def locked_memory():
    return surface(149, ctypes.create_string_buffer(4096), 4096)


@probe
def processor():
    # Of its own: a process that was put back has used some before. There the limit, in whole seconds of the process, is up to one more.
    begun = time.process_time()
    while time.process_time() - begun < 2.8:
        pass
    return "used 2.8 s of CPU"


@probe
def priority():
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    if niceness > 0:
        raise Stopped("it yields to the server: niceness %d" % niceness)
    return "as urgent as the server"


@probe
def time_without_end():
    time.sleep(1)
    return "slept for 1 s"


@probe
def regular_expression():
    began = time.monotonic()
    while time.monotonic() - began < 1:
        re.match("(a|aa)+$", "a" * 24 + "b")
    return "matched for 1 s"


@probe
def large_integers():
    began = time.monotonic()
    while time.monotonic() - began < 1:
        7 ** 200_000
    return "multiplied for 1 s"


@probe
def output():
    line = "x" * 1023 + "\n"
    for _ in range(SETTINGS["printed"] // len(line)):
        print(line, end="")
    return "printed %d bytes" % SETTINGS["printed"]
