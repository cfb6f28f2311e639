#!/bin/bash
# pip and uv read one requirements file differently: a comment behind a requirement that ends in a backslash.
#
# Versions: pip 26.3 (23.0.1 alike), uv 0.13.9, CPython 3.11.
# Behavior: pip joins a line that ends in a backslash with the next one before it cuts comments off, so the next requirement becomes
#   a part of the comment and is not installed; nothing is printed about it. A comment that is a line of its own joins nothing. uv cuts
#   the comment off first and reads both requirements.
# Seen:
#   pip: Would install six-1.17.0
#   uv:  idna==3.10 six==1.17.0
# Why it matters: a lock file that was checked with one of them is not what the other installs.
# Needs: python3 with venv, and PyPI.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --disable-pip-version-check -q install pip==26.3 uv==0.13.9
printf 'six==1.17.0  # pinned by hand \\\nidna==3.10\n' > "$folder/requirements.txt"

pip=$("$folder/env/bin/pip" --disable-pip-version-check install --dry-run --ignore-installed --no-deps -r "$folder/requirements.txt" | grep '^Would install')
uv=$("$folder/env/bin/uv" pip compile -q --no-deps --no-header --no-annotate "$folder/requirements.txt" | tr '\n' ' ')
echo "pip: $pip"
echo "uv:  $uv"
[ "$pip" = "Would install six-1.17.0" ] && [ "$uv" = "idna==3.10 six==1.17.0 " ] || { echo "changed"; exit 1; }
