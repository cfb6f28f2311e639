"""Runs jobs of the benchmarks in sandlock: one JSON object a line in, the result as JSON text a line out.

Each job is an interpreter of its own in a Landlock and seccomp sandbox that reads the system and writes nothing. Arguments:
the interpreter, the program that runs a job, the interpreter's flags.
"""

import sys

from sandlock import Sandbox

READABLE = ["/usr", "/lib", "/lib64"]
COMMAND = [sys.argv[1], *sys.argv[3:], "-c", sys.argv[2]]

for line in sys.stdin:
    ended = Sandbox(fs_readable=READABLE, fs_writable=[]).run([*COMMAND, line], timeout=30)
    if not ended.success:
        sys.exit(f"sandlock: {ended}: {ended.stderr}")
    print(ended.stdout.decode(), flush=True)
