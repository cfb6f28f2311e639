"""Prints what a sandbox root must hold for this interpreter, as one JSON object (the protocol's `Layout`).

Run it with the interpreter in question, isolated: `python3 -I -S -B probe_layout.py [PACKAGES_DIRECTORY...]`. Each argument is
a directory of installed packages that user code may import. The list is exact: the real interpreter, its standard
library, the shared libraries that interpreter and extension modules load, the dynamic loader, time zones, and the
symbolic links on the way to them. It deliberately never lists a whole system directory.
"""

import glob
import json
import os
import struct
import sys
import sysconfig

OLDEST = (3, 9)
TIME_ZONES = "/usr/share/zoneinfo"
LOADER_CACHE = "/etc/ld.so.cache"
# Where a dynamic loader looks without a cache; multiarch directories below these count as well.
DEFAULT_LIBRARY_DIRECTORIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
# Opened by the C library itself when a thread is cancelled or ends early, so never seen in the process map.
LATE_LIBRARIES = ("libgcc_s.so.1",)
# Graphical and terminal modules, useless without a terminal and heavy in libraries; and CPython's own test modules.
SKIPPED_MODULES = ("_tkinter", "_curses", "_curses_panel", "readline", "_test", "_xx", "xx", "_ctypes_test")


class Layout:
    """Collects real paths and the links that lead to them."""

    def __init__(self):
        self.paths = set()
        self.links = {}

    def need(self, path):
        """Adds `path`, and every symbolic link on the way to it. Returns its real path."""
        pending = [part for part in path.split("/") if part]
        done = []
        hops = 0
        while pending:
            part = pending.pop(0)
            if part == ".":
                continue
            if part == "..":
                if done:
                    done.pop()
                continue
            here = "/" + "/".join(done + [part])
            if not os.path.islink(here):
                done.append(part)
                continue
            hops += 1
            if hops > 64:
                raise OSError("too many symbolic links: " + path)
            target = os.readlink(here)
            self.links[here] = target
            if target.startswith("/"):
                done = []
            pending = [step for step in target.split("/") if step] + pending
        real = "/" + "/".join(done)
        self.paths.add(real)
        return real

    def to_json(self, python, packages):
        directories = {path for path in self.paths if os.path.isdir(path)}

        def covered(path):
            return any(path != other and path.startswith(other + "/") for other in directories)

        return {
            "python": python,
            "read_only": sorted(path for path in self.paths if not covered(path)),
            "links": sorted([path, target] for path, target in self.links.items() if not covered(path)),
            "packages": packages,
        }


def interpreter():
    """The real interpreter: behind shims, links and virtual environments."""
    candidates = [
        getattr(sys, "_base_executable", None),
        os.path.join(sys.base_prefix, "bin", "python%d.%d" % sys.version_info[:2]),
        sys.executable,
    ]
    for candidate in candidates:
        if candidate and os.path.isfile(os.path.realpath(candidate)):
            return os.path.realpath(candidate)
    raise OSError("cannot find this interpreter's executable")


def standard_library():
    """Directories (and the archive, where one exists) of the standard library."""
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    base["installed_base"], base["installed_platbase"] = base["base"], base["platbase"]
    found = [os.path.dirname(os.__file__)]
    for name in ("stdlib", "platstdlib"):
        path = sysconfig.get_path(name, vars=base)
        if path and os.path.isdir(path) and path.startswith((sys.base_prefix, sys.base_exec_prefix)):
            found.append(path)
    found += [path for path in sys.path if "lib-dynload" in path and os.path.isdir(path)]
    found += [path for path in sys.path if path.endswith(".zip") and os.path.isfile(path)]
    return found


def program_loader(executable):
    """The dynamic loader that the ELF header names; None for a static interpreter."""
    with open(executable, "rb") as file:
        header = file.read(64)
        if header[:5] != b"\x7fELF\x02":
            raise OSError("not a 64-bit ELF executable: " + executable)
        offset, = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        for index in range(count):
            file.seek(offset + index * size)
            entry = file.read(size)
            kind, = struct.unpack_from("<I", entry, 0)
            if kind == 3:
                start, = struct.unpack_from("<Q", entry, 8)
                length, = struct.unpack_from("<Q", entry, 32)
                file.seek(start)
                return file.read(length).rstrip(b"\0").decode()
    return None


def load_extension_modules(directories):
    """Maps every extension module, so that the process map names the libraries they need."""
    import ctypes

    for directory in directories:
        for path in sorted(glob.glob(os.path.join(glob.escape(directory), "**", "*.so"), recursive=True)):
            if os.path.basename(path).split(".")[0].startswith(SKIPPED_MODULES):
                continue
            try:
                ctypes.CDLL(path)
            except OSError:
                # A module whose libraries are missing here cannot be imported in a sandbox either.
                continue


def mapped_libraries():
    """Files mapped into this process that are shared objects."""
    found = set()
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            fields = line.rstrip("\n").split(None, 5)
            if len(fields) == 6 and fields[5].startswith("/") and ".so" in os.path.basename(fields[5]):
                found.add(fields[5])
    return found


def need_library(layout, path):
    """Adds a library and the links beside it, since loaders ask for `libz.so.1`, a link to `libz.so.1.2.13`."""
    real = layout.need(path)
    directory = os.path.dirname(real)
    stem = os.path.basename(real).split(".so")[0]
    for link in glob.glob(os.path.join(glob.escape(directory), glob.escape(stem) + ".so*")):
        if os.path.islink(link) and os.path.realpath(link) == real:
            layout.need(link)


def main(packages):
    if sys.version_info[:2] < OLDEST:
        raise OSError("CPython %d.%d or newer is needed, this is %s" % (OLDEST + (sys.version.split()[0],)))
    if sys.implementation.name != "cpython":
        raise OSError("CPython is needed, this is " + sys.implementation.name)
    layout = Layout()
    python = layout.need(interpreter())
    libraries = [layout.need(path) for path in standard_library()]
    packages = [layout.need(os.path.abspath(path)) for path in packages]
    loader = program_loader(python)
    if loader:
        layout.need(loader)

    load_extension_modules(libraries + packages)
    shared = mapped_libraries()
    directories = {os.path.dirname(path) for path in shared}
    for path in sorted(shared):
        need_library(layout, path)
    for directory in sorted(directories):
        for name in LATE_LIBRARIES:
            if os.path.exists(os.path.join(directory, name)):
                need_library(layout, os.path.join(directory, name))

    def known_without_cache(directory):
        parent = os.path.dirname(directory)
        return directory in DEFAULT_LIBRARY_DIRECTORIES or (
            parent in DEFAULT_LIBRARY_DIRECTORIES and directory.endswith("-linux-gnu")
        ) or any((directory + "/").startswith(path + "/") for path in libraries + packages)

    if os.path.isfile(LOADER_CACHE) and not all(known_without_cache(path) for path in directories):
        layout.need(LOADER_CACHE)
    if os.path.isdir(TIME_ZONES):
        layout.need(TIME_ZONES)
    print(json.dumps(layout.to_json(python, packages)))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit("cannot describe this Python runtime: %s" % error)
