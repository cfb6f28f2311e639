"""Programs that use the standard library as utilities do, each for one family of modules. What none of them calls, no boundary needs
to let through.
"""

import asyncio
import array
import ctypes
import errno
import faulthandler
import fcntl
import mailbox
import mmap
import os
import pathlib
import platform
import resource
import secrets
import select
import selectors
import shutil
import signal
import socket
import sqlite3
import struct
import sys
import tempfile
import termios
import threading
import time


def refused(action, *numbers):
    """Does what may fail in a way that Python's own tests allow, and in no other."""
    try:
        action()
    except OSError as error:
        if error.errno not in numbers:
            raise


def memory():
    kept = [bytes(size) for size in range(600, 60_000, 7)]
    grown = bytearray(1 << 20)
    for _ in range(8):
        grown.extend(bytes(4 << 20))
    with mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as page:
        page.resize(1 << 21)
        for advice in (mmap.MADV_NORMAL, mmap.MADV_RANDOM, mmap.MADV_SEQUENTIAL, mmap.MADV_WILLNEED, mmap.MADV_DONTNEED, mmap.MADV_FREE):
            page.madvise(advice)
        for advice in (mmap.MADV_HUGEPAGE, mmap.MADV_NOHUGEPAGE):
            refused(lambda: page.madvise(advice), errno.EINVAL)
    del kept
    import audioop  # noqa: F401  An extension module that nobody has loaded.


def files():
    path = pathlib.Path("a")
    path.write_text("text")
    os.access("a", os.R_OK)
    os.access("a", os.R_OK, effective_ids=True)
    here = os.open(".", os.O_RDONLY)
    os.access("a", os.R_OK, dir_fd=here)
    os.fchdir(here)
    os.chdir(os.getcwd())
    os.umask(os.umask(0o22))
    os.listdir(), list(os.scandir()), os.stat("a"), os.lstat("a"), os.statvfs("a"), shutil.disk_usage(".")
    os.symlink("a", "link"), os.symlink("a", "link2", dir_fd=here)
    os.readlink("link"), os.readlink("link", dir_fd=here)
    with open("a", "r+b") as file:
        number = file.fileno()
        os.fstat(number), os.fstatvfs(number), os.isatty(number)
        os.pread(number, 1, 0), os.preadv(number, [bytearray(1)], 0), os.readv(number, [bytearray(1)])
        os.pwrite(number, b"x", 0), os.pwritev(number, [b"x"], 0), os.writev(number, [b"x"])
        file.seek(0), file.read(), file.truncate(2), os.fchmod(number, 0o600), os.posix_fallocate(number, 0, 8)
        os.fsync(number), os.fdatasync(number), os.posix_fadvise(number, 0, 0, os.POSIX_FADV_WILLNEED)
        mmap.mmap(number, 4).flush()
        for follow in (number, "a"):
            refused(lambda: os.listxattr(follow), errno.ENOTSUP)
            refused(lambda: os.getxattr(follow, "user.x"), errno.ENOTSUP, errno.ENODATA)
        refused(lambda: os.listxattr("link", follow_symlinks=False), errno.ENOTSUP)
        refused(lambda: os.getxattr("link", "user.x", follow_symlinks=False), errno.ENOTSUP, errno.ENODATA, errno.EPERM)
    os.sync()


def changes_of_files():
    here = os.open(".", os.O_RDONLY)
    os.mkdir("d"), os.mkdir("e", dir_fd=here), os.rmdir("e")
    pathlib.Path("d/a").write_bytes(bytes(1000))
    os.link("d/a", "b"), os.link("b", "l", src_dir_fd=here), os.chmod("b", 0o640), os.chmod("b", 0o600, dir_fd=here), os.utime("b"), os.truncate("b", 500)
    os.rename("b", "c"), os.rename("c", "f", src_dir_fd=here), os.replace("f", "g"), os.remove("g")
    shutil.copyfile("d/a", "h"), shutil.copy2("h", "i")
    with open("h", "rb") as source, open("j", "wb") as target:
        refused(lambda: os.copy_file_range(source.fileno(), target.fileno(), 10), errno.EXDEV, errno.EINVAL)
        os.sendfile(target.fileno(), source.fileno(), 0, 10)
    with tempfile.TemporaryDirectory(dir=".") as inner:
        pathlib.Path(inner, "k").touch()
    shutil.rmtree("d")


def descriptors():
    one, other = os.pipe()
    os.set_blocking(one, False), os.get_blocking(one), os.set_inheritable(one, True), os.get_inheritable(one), os.set_inheritable(one, False)
    os.dup(one), os.dup2(one, 90), os.dup2(one, 91, inheritable=False)
    fcntl.fcntl(one, fcntl.F_DUPFD, 92), fcntl.fcntl(one, fcntl.F_SETFD, 0), fcntl.fcntl(one, fcntl.F_SETFL, os.O_NONBLOCK), fcntl.fcntl(one, 1032)
    fcntl.ioctl(one, termios.FIONREAD, array.array("i", [0]), True)
    refused(lambda: os.get_terminal_size(one), errno.ENOTTY)
    os.closerange(90, 95)


def locks():
    with open("lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(file, fcntl.LOCK_UN)
        fcntl.lockf(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_UN)
        for command in (37, 38):
            fcntl.fcntl(file, command, struct.pack("hhxxxxqqixxxx", 1, 0, 0, 0, 0))
    for mode in ("delete", "persist", "wal"):
        for _ in range(2):
            with sqlite3.connect(mode) as base:
                base.execute("pragma journal_mode = " + mode)
                base.execute("create table if not exists t(n)")
    box = mailbox.mbox("box")
    box.lock(), box.add("Subject: x\n\nx"), box.flush(), box.unlock(), box.close()


def events():
    one, other = socket.socketpair()
    one.setblocking(False), one.getsockname(), one.getpeername()
    for option in (socket.SO_TYPE, socket.SO_ERROR, socket.SO_SNDBUF, socket.SO_RCVBUF):
        one.getsockopt(socket.SOL_SOCKET, option)
    socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    socket.socket(fileno=os.dup(other.fileno())).close()
    one.send(b"ping"), other.recv(4, socket.MSG_PEEK), other.recv(4)
    poll = select.poll()
    poll.register(one, select.POLLOUT), poll.poll(10)
    select.select([], [one], [], 1)
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_WRITE), selector.select(1)
    os.eventfd(0)
    one.shutdown(socket.SHUT_RDWR)
    asyncio.run(asyncio.sleep(0.001))


def clocks():
    time.sleep(0.001), time.process_time(), time.clock_getres(time.CLOCK_PROCESS_CPUTIME_ID), os.times()
    lock = threading.Lock()
    lock.acquire(), lock.acquire(timeout=0.01)


def signals():
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.02), signal.getitimer(signal.ITIMER_REAL), signal.pause()
    signal.alarm(0)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    signal.setitimer(signal.ITIMER_REAL, 0.01), signal.sigtimedwait([signal.SIGALRM], 1), signal.sigpending()
    faulthandler.enable(), faulthandler.disable()


def identity():
    os.getuid(), os.geteuid(), os.getgid(), os.getegid(), os.getgroups(), os.getresuid(), os.getresgid()
    os.getpid(), os.getppid(), os.getpgrp(), os.getpgid(0), os.getsid(0), threading.get_native_id()
    os.getpriority(os.PRIO_PROCESS, 0), os.sched_get_priority_max(os.SCHED_OTHER), os.sched_get_priority_min(os.SCHED_OTHER)
    os.sched_getaffinity(0), os.sched_yield(), os.uname(), platform.release(), os.sysconf("SC_PHYS_PAGES")
    resource.getrusage(resource.RUSAGE_SELF), resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE))
    secrets.token_bytes(8)


def processes():
    import subprocess

    here = [sys.executable, "-I", "-S", "-c", "pass"]
    subprocess.run(here, check=True), subprocess.run(here, check=True, start_new_session=True)
    ended = subprocess.Popen(here, preexec_fn=lambda: os.setpgid(0, 0))
    ended.wait()
    pid = os.fork()
    if pid == 0:
        program = os.open(sys.executable, os.O_RDONLY)
        os.execve(program, here, {})
    os.waitid(os.P_PID, pid, os.WEXITED)
    pid = os.posix_spawn(sys.executable, here, {})
    os.kill(pid, 0), os.waitpid(pid, 0)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.raise_signal(signal.SIGUSR1)


def threads():
    lock = threading.Lock()
    lock.acquire()
    thread = threading.Thread(target=lock.acquire)
    thread.start(), time.sleep(0.02), lock.release(), thread.join()
    # Its own end comes after that of its function.
    time.sleep(0.05)


def shared_semaphores():
    import multiprocessing

    context = multiprocessing.get_context("fork")
    semaphore = context.Semaphore(0)
    process = context.Process(target=lambda: (time.sleep(0.05), semaphore.release()))
    process.start(), semaphore.acquire(), process.join()


STRICT = [memory, files, changes_of_files, descriptors, events, clocks, signals, identity]
GROUPS = {
    "child-strict": STRICT + [locks],
    "child-processes": STRICT + [processes, threads, shared_semaphores],
    "child-landlock": [memory, descriptors, events, clocks, signals, identity],
}
