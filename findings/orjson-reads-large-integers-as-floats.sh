#!/bin/bash
# orjson refuses to write an integer of more than 64 bits, but reads one as a float, without a word.
#
# Version: orjson 3.13.0, CPython 3.11.
# Behavior: loads() gives an int up to 2^64 - 1 and down to -2^63; beyond, a float with about 16 of the digits. dumps() of such an
#   integer raises TypeError. So a document that the standard library reads and writes without a loss comes out of orjson with other
#   numbers, and no error tells.
# Seen:
#   {'id': 1.2345678901234568e+29, 'over': 1.8446744073709552e+19, 'below': -9.223372036854776e+18, 'most': 18446744073709551615}
#   dumps: TypeError: Integer exceeds 64-bit range
# Why it matters: identifiers and counters that pass through a service which reads JSON with it.
# Needs: python3 with venv, and PyPI.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --disable-pip-version-check -q install orjson==3.13.0
cat > "$folder/read.py" <<'PYTHON'
import json

import orjson

TEXT = '{"id":123456789012345678901234567890,"over":18446744073709551616,"below":-9223372036854775809,"most":18446744073709551615}'
read = orjson.loads(TEXT)
print(read)
assert [type(value) for value in read.values()] == [float, float, float, int]
assert json.dumps(json.loads(TEXT), separators=(",", ":")) == TEXT
try:
    orjson.dumps(json.loads(TEXT))
except TypeError as error:
    print(f"dumps: TypeError: {error}")
else:
    raise SystemExit("changed: dumps takes it")
PYTHON
"$folder/env/bin/python" "$folder/read.py"
