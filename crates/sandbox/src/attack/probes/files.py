"""Probes for files that are not the program's."""

import fcntl
import mmap
import stat
import struct

DEVICES = {"null", "zero", "urandom", "shm"}


def contents(paths):
    """Reads the start of the first file, or lists the first directory, that is there."""

    def look(path):
        if os.path.isdir(path):
            names = os.listdir(path)
            if not names:
                raise Stopped("empty")
            return "%s holds %s" % (path, names[0])
        with open(path, "rb") as file:
            return "%s reads %r" % (path, file.read(16))

    return first([lambda path=path: look(path) for path in paths], "none of %d paths is there" % len(paths))


@probe
def host_files():
    return contents(["/etc/passwd", "/etc/shadow", "/etc/hostname", "/home", "/var/log", "/var/lib", "/boot", "/srv"])


@probe
def process_files():
    return contents(["/proc/1/environ", "/proc/self/environ", "/proc/self/status", "/proc/sys/kernel", "/proc/kallsyms", "/proc/1/root"])


@probe
def kernel_files():
    return contents(["/sys/kernel", "/sys/fs/cgroup", "/sys/class", "/sys/devices"])


@probe
def control_sockets():
    paths = ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/systemd/private", "/run/zona/s"]

    def look(path):
        return "%s has mode %o" % (path, os.stat(path).st_mode)

    return first([lambda path=path: look(path) for path in paths], "none of %d sockets is there" % len(paths))


@probe
def device_files():
    foreign = sorted(set(os.listdir("/dev")) - DEVICES)
    if not foreign:
        raise Stopped("only " + ", ".join(sorted(os.listdir("/dev"))))
    return "/dev/" + foreign[0]


@probe
def device_nodes():
    # A disk's node needs a capability of the host; device 0:0 needs none, so there only a filter is in the way.
    def node(mode, device):
        raw(133, b"/tmp/node", mode | 0o600, device)
        return "made a device node in /tmp"

    return first([lambda: node(stat.S_IFBLK, os.makedev(8, 0)), lambda: node(stat.S_IFCHR, 0)], "no device node can be made")


@probe
def write_outside_tmp():
    places = ["", os.path.dirname(os.__file__), "/dev", "/var/tmp"]
    try:
        places += ["/" + name for name in os.listdir("/") if name not in ("tmp", "dev", "proc", "sys")]
    except OSError:
        # What cannot be listed can still be guessed.
        places += ["/etc", "/home", "/root", "/run", "/srv", "/usr", "/var"]

    def write(place):
        with open(place + "/zona-probe", "wb"):
            return "wrote into %s/" % place

    def change(path):
        with open(path, "r+b"):
            return "opened %s for writing" % path

    attempts = [lambda place=place: write(place) for place in places]
    attempts += [lambda path=path: change(path) for path in ("/zona/zygote.py", "/zona/zona_seal.so", os.__file__)]
    return first(attempts, "read-only at %d places" % len(attempts))


@probe
def file_attributes():
    def change(path):
        os.chmod(path, 0o777)
        return "changed the mode of " + path

    def touch(path):
        os.utime(path)
        return "changed the times of " + path

    paths = ["/zona/zygote.py", "/zona/zona_seal.so", os.__file__, "/dev/null"]
    return first([lambda c=c, path=path: c(path) for path in paths for c in (change, touch)], "modes and times stay as they are")


@probe
def remount_writable():
    # MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV, without MS_RDONLY.
    raw(165, None, b"/", None, 0x20 | 0x1000 | 2 | 4, None)
    return "the root is writable"


@probe
def symbolic_links():
    targets = ["/etc/passwd", "../../../../../../etc/passwd", "/proc/self/cwd/../etc/passwd", "/proc/1/cwd/../etc/passwd"]

    def follow(number, target):
        path = "/tmp/link-%d" % number
        os.symlink(target, path)
        with open(path, "rb") as file:
            return "%s reads %r" % (target, file.read(16))

    return first([lambda n=n, t=t: follow(n, t) for n, t in enumerate(targets)], "no link leads out of the root")


@probe
def parent_directories():
    root = os.stat("/")
    for path in ("/..", "/tmp/../..", "/tmp/../../../.."):
        above = os.stat(path)
        if (above.st_dev, above.st_ino) != (root.st_dev, root.st_ino):
            return path + " lies above the root"
    raise Stopped("nothing lies above the root")


@probe
def hard_links():
    def link(source, target):
        os.link(source, target)
        return "%s is also %s" % (source, target)

    pairs = [(source, place + "/zona-hard-link") for source in ("/zona/zygote.py", os.__file__) for place in ("/tmp", "/zona")]
    return first([lambda pair=pair: link(*pair) for pair in pairs], "no file of the runtime can be linked")


@probe
def programs_in_tmp():
    with open("/tmp/library.so", "wb") as file:
        file.write(b"\x90" * mmap.PAGESIZE)
    with open("/tmp/library.so", "rb") as file:
        mmap.mmap(file.fileno(), mmap.PAGESIZE, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC)
    return "mapped a file of /tmp as code"


@probe
def file_handles():
    return surface(303, -100, b"/", ctypes.create_string_buffer(128), ctypes.create_string_buffer(8), 0)


@probe
def change_root():
    raw(161, b"/tmp")
    return "changed the root"


@probe
def move_root():
    # MNT_DETACH uncovers what lies below /tmp.
    raw(166, b"/tmp", 2)
    return "unmounted /tmp"


@probe
def watch_files():
    return surface(294, 0)


# A file of the runtime: with the namespace backend one of the host's, which others have open.
SHARED = os.__file__
READ_LOCK, WRITE_LOCK, NO_LOCK = 0, 1, 2
F_OFD_GETLK = 36


def range_of(kind):
    """The kernel's `struct flock`, for a whole file."""
    return struct.pack("hhxxxxqqixxxx", kind, 0, 0, 0, 0)


def locked_range(commands):
    """Takes a lock by each command, and asks through another description of the file whether it is there."""
    with open(SHARED, "rb") as one, open(SHARED, "rb") as other:
        for command in commands:
            fcntl.fcntl(one, command, range_of(READ_LOCK))
            found = fcntl.fcntl(other, F_OFD_GETLK, range_of(WRITE_LOCK))
            if struct.unpack_from("h", found)[0] != NO_LOCK:
                return "locked a range of " + SHARED
    raise Stopped("the lock is not taken")


@probe
def file_locks():
    with open(SHARED, "rb") as one, open(SHARED, "rb") as other:
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return "locked " + SHARED
    raise Stopped("the lock is not taken")


@probe
def record_locks():
    # F_SETLK, F_SETLKW
    return locked_range((6, 7))


@probe
def open_file_locks():
    # F_OFD_SETLK, F_OFD_SETLKW
    return locked_range((37, 38))


@probe
def leases():
    with open(SHARED, "rb") as file:
        number = file.fileno()
        # F_GETLEASE, F_SETLEASE with none, F_NOTIFY.
        return first([lambda: surface(72, number, 1025, 0), lambda: surface(72, number, 1024, NO_LOCK), lambda: surface(72, number, 1026, 0)], "refused")


@probe
def direct_reads():
    # O_DIRECT, when a file is opened and afterwards.
    with open(SHARED, "rb") as file:
        attempts = [lambda: surface(257, -100, SHARED.encode(), 0x4000, 0), lambda: surface(72, file.fileno(), 4, 0x4000)]
        return first(attempts, "files are read through the page cache")
