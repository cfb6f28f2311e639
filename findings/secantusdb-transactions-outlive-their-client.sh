#!/bin/bash
# SecantusDB, a server of MongoDB's protocol, keeps the transaction of a client that was killed open for a minute, and does not know the
# parameter that MongoDB has for that time.
#
# Version: secantusdb 0.7.0b3 (PyPI), pymongo 4.15.5, CPython 3.11.
# Behavior: the death of a client breaks its connection, and ends nothing of its transaction: who changes the same document meanwhile is
#   refused with WriteConflict (112), at once and again and again, until 60 seconds have passed. `transactionLifetimeLimitSeconds`, by which
#   MongoDB's manual lets that time be set while the server runs, is unknown.
# Seen:
#   the same document could be changed after 60 s
#   refusals until then: [(112, ['TransientTransactionError'])]
#   setParameter: 72
# Why it matters: drivers repeat a transaction upon that label, so whoever has a deadline of some seconds meets it; servers that share such a
#   database go on with what a dead one was changing only after that minute.
# Needs: Python 3.11, PyPI; takes a little more than a minute.
set -euo pipefail
folder=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install secantusdb==0.7.0b3 pymongo==4.15.5
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$folder/venv/bin/secantusd-py" --port "$port" --storage-path "$folder/data" > "$folder/log" 2>&1 &
server=$!
cat > "$folder/client.py" <<'PYTHON'
import subprocess
import sys
import time

import pymongo
from pymongo.errors import PyMongoError

uri = sys.argv[1]
client = pymongo.MongoClient(uri, serverSelectionTimeoutMS=30_000)
stock = client.shop.stock


def add(session):
    stock.update_one({"_id": "bolt"}, {"$inc": {"count": 1}}, session=session)


if "hold" in sys.argv:
    with client.start_session() as session:
        session.start_transaction()
        add(session)
        print("changed", flush=True)
        time.sleep(600)

stock.insert_one({"_id": "bolt", "count": 0})
holder = subprocess.Popen([sys.executable, __file__, uri, "hold"], stdout=subprocess.PIPE, text=True)
try:
    assert holder.stdout.readline() == "changed\n"
finally:
    holder.kill()
    holder.wait()
begun, refusals, waited = time.monotonic(), set(), None
while waited is None and time.monotonic() - begun < 120:
    with client.start_session() as session:
        session.start_transaction()
        try:
            add(session)
            session.commit_transaction()
            waited = time.monotonic() - begun
        except PyMongoError as error:
            refusals.add((getattr(error, "code", None), *(getattr(error, "details", None) or {}).get("errorLabels", [])))
    time.sleep(0.2)
assert stock.find_one()["count"] == 1, "what the killed client changed is undone"
print("the same document could be changed after", "more than 120 s" if waited is None else f"{round(waited / 5) * 5} s")
print("refusals until then:", sorted((code, labels) for code, *labels in refusals))
try:
    client.admin.command({"setParameter": 1, "transactionLifetimeLimitSeconds": 5})
    print("setParameter: taken")
except PyMongoError as error:
    print("setParameter:", error.code)
PYTHON
seen=$("$folder/venv/bin/python" "$folder/client.py" "mongodb://127.0.0.1:$port/?directConnection=true")
echo "$seen"
expected="the same document could be changed after 60 s
refusals until then: [(112, ['TransientTransactionError'])]
setParameter: 72"
[ "$seen" = "$expected" ] || { echo "changed"; exit 1; }
