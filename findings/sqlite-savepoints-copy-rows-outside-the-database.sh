#!/bin/bash
# SQLite in WAL mode copies rows, as they are, into the system's temporary directory while a savepoint is open.
#
# Version: SQLite 3.54.1 (apsw 3.54.1.0), CPython 3.11, Linux.
# Behavior: within a SAVEPOINT, each page that is changed is first copied to a statement journal. That is in memory up to 64 KiB
#   (SQLITE_STMTJRNL_SPILL); beyond, it is a file in /var/tmp (or SQLITE_TMPDIR, TMPDIR), whatever journal_mode says and wherever the
#   database lies. The file has no name any more, but its blocks are written, and hold what was in the rows before the change. With
#   temp_store = MEMORY there is none; without a savepoint there is none either.
# Seen:
#   transaction only: []
#   with a savepoint: 1 file in the temporary directory, holding the row: True
#   with a savepoint and temp_store = MEMORY: []
# Why it matters: a database directory on an encrypted or private volume is not all that has its rows; a write-heavy server that uses
#   savepoints opens and writes a file for each larger one.
# Needs: python3 with venv, PyPI, and /proc.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --disable-pip-version-check -q install apsw==3.54.1.0
mkdir "$folder/temporary" "$folder/data"
cat > "$folder/look.py" <<'PYTHON'
import os
import sys

import apsw

DATA, TEMPORARY = sys.argv[1:]
ROW = "a row that should lie in one place "


def temporary_files():
    """What this process has open in the temporary directory."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        path = f"/proc/self/fd/{descriptor}"
        if os.path.lexists(path) and os.readlink(path).startswith(TEMPORARY):
            with open(path, "rb") as file:
                found.append(file.read())
    return found


def during(savepoint, store):
    database = apsw.Connection(os.path.join(DATA, f"{savepoint}-{store}.db"))
    database.execute("PRAGMA journal_mode = WAL")
    database.execute(f"PRAGMA temp_store = {store}")
    database.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, text)")
    database.executemany("INSERT INTO rows (text) VALUES (?)", [(ROW * 100,)] * 50)
    database.execute("BEGIN")
    if savepoint:
        database.execute("SAVEPOINT one")
    database.execute("UPDATE rows SET text = 'changed'")
    found = temporary_files()
    database.execute("COMMIT")
    database.close()
    return found


assert apsw.sqlite_lib_version() == "3.54.1", apsw.sqlite_lib_version()
plain, saved, memory = during(False, "DEFAULT"), during(True, "DEFAULT"), during(True, "MEMORY")
print("transaction only:", plain)
holds = any(ROW.encode() in content for content in saved)
print(f"with a savepoint: {len(saved)} file in the temporary directory, holding the row: {holds}")
print("with a savepoint and temp_store = MEMORY:", memory)
if plain or memory or len(saved) != 1 or not holds:
    raise SystemExit("changed")
PYTHON
SQLITE_TMPDIR="$folder/temporary" "$folder/env/bin/python" "$folder/look.py" "$folder/data" "$folder/temporary"
