"""Probes for processes: making some, and reaching others."""

import _thread
import signal
import time

ABSENT = 999999
REST = 30


def forked(child):
    """Forks; the new process does `child` and ends."""
    pid = os.fork()
    if pid == 0:
        try:
            child()
        finally:
            os._exit(0)
    return pid


@probe
def start_a_process():
    pid = forked(lambda: None)
    os.waitpid(pid, 0)
    return "forked process %d" % pid


@probe
def start_a_thread():
    try:
        _thread.start_new_thread(time.sleep, (0.01,))
    except RuntimeError as error:
        raise Stopped(str(error))
    return "started a thread"


@probe
def daemon():
    def leave():
        os.setsid()
        forked(lambda: time.sleep(REST))

    os.waitpid(forked(leave), 0)
    return "left a daemon behind"


@probe
def execute():
    return surface(59, b"/zona-probe", None, None)


@probe
def execute_a_descriptor():
    return surface(322, -1, b"", None, None, 0x1000)


@probe
def fork_bomb():
    most = SETTINGS["processes"] + 8
    pids = []
    try:
        while len(pids) < most:
            pids.append(forked(lambda: time.sleep(REST)))
    except OSError as error:
        raise Stopped("%s after %d processes" % (error.strerror, len(pids)))
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return "started %d processes" % most


@probe
def thread_bomb():
    most = SETTINGS["processes"] + 8
    # Small, so that memory is not what stops them.
    _thread.stack_size(64 * 1024)
    gate = _thread.allocate_lock()
    gate.acquire()
    before = _thread._count()

    def wait():
        with gate:
            pass

    count = 0
    try:
        while count < most:
            _thread.start_new_thread(wait, ())
            count += 1
    except RuntimeError as error:
        raise Stopped("%s after %d threads" % (error, count))
    finally:
        gate.release()
        while _thread._count() > before:
            time.sleep(0.001)
    return "started %d threads" % most


@probe
def see_other_processes():
    if os.getpid() == 1 and os.getppid() == 0:
        raise Stopped("alone in its process namespace")
    return "process %d, parent %d" % (os.getpid(), os.getppid())


@probe
def signal_the_agent():
    parent = os.getppid()
    if parent == 0:
        raise Stopped("the agent has no number here")
    os.kill(parent, 0)
    return "the agent, process %d, takes signals" % parent


@probe
def signal_neighbors():
    def signalled(pid):
        os.kill(pid, 0)
        if is_own_thread(pid):
            raise Stopped("a thread of this very process")
        # A thread that ended between the two calls is no neighbor either.
        os.kill(pid, 0)
        return "process %d takes signals" % pid

    return first([lambda pid=pid: signalled(pid) for pid in range(2, 64)], "no other process takes signals")


def is_own_thread(number):
    try:
        raw(234, os.getpid(), number, 0)
    except OSError:
        return False
    return True


@probe
def signals():
    return surface(62, ABSENT, 0)


@probe
def thread_signals():
    return surface(234, ABSENT, ABSENT, 0)


@probe
def process_descriptors():
    return surface(434, ABSENT, 0)


@probe
def ptrace():
    # PTRACE_SEIZE
    return surface(101, 0x4206, ABSENT, 0, 0)


@probe
def process_memory():
    return surface(310, ABSENT, None, 0, None, 0, 0)


@probe
def limits_of_others():
    return surface(302, ABSENT, 7, None, ctypes.create_string_buffer(16))


@probe
def scheduling():
    # setpriority, then sched_setscheduler with a policy that does not exist.
    return first([lambda: surface(141, 0, 0, 19), lambda: surface(144, 0, 99, ctypes.create_string_buffer(4))], "priorities are fixed")
