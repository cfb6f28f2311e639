"""Writes `src/character/tables.rs`: which characters names hold since which Python, and which of Unicode's characters nobody sees.

    python3.11 tools/identifier_tables.py list > 3.11.txt          # and so on for each version, oldest first
    python3 tools/identifier_tables.py table PROPERTIES 3.11.txt 3.12.txt ... > src/character/tables.rs

PROPERTIES is `src/unicode_tables/property_bool.rs` of the crate regex-syntax, which is generated from Unicode's own files.
"""

import re
import sys
import unicodedata


def ranges(points):
    found = []
    for point in points:
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return found


def show():
    print(f"{sys.version_info[0]} {sys.version_info[1]} {unicodedata.unidata_version}")
    points = (point for point in range(0x110000) if not 0xD800 <= point < 0xE000 and ("a" + chr(point)).isidentifier())
    for first, last in ranges(points):
        print(f"{first:x} {last:x}")


def read(path):
    with open(path, encoding="utf-8") as file:
        head, *lines = file.read().splitlines()
    points = set()
    for line in lines:
        first, last = (int(word, 16) for word in line.split())
        points.update(range(first, last + 1))
    return head.split(), points


def char(point):
    return f"'\\u{{{point:x}}}'"


def table(properties, paths):
    with open(properties, encoding="utf-8") as file:
        text = file.read()
    unicode = re.search(r"Unicode version: ([\d.]+)\.", text).group(1)
    body = re.search(r"pub const DEFAULT_IGNORABLE_CODE_POINT.*?&\[(.*?)\];", text, re.S).group(1)
    pairs = re.findall(r"\('(.*?)', '(.*?)'\)", body)
    ignorable = [[int(end[3:-1], 16) if end.startswith("\\u{") else ord(end) for end in pair] for pair in pairs]
    print("//! Tables of Unicode. Written by `tools/identifier_tables.py`; do not edit.\n")
    print("/// Characters that names may hold only since a version of Python, ascending: first, last, version.")
    (_, known), *later = [read(path) for path in paths]
    rows = []
    for (major, minor, _), points in later:
        rows += [(first, last, major, minor) for first, last in ranges(sorted(points - known))]
        known = points
    print("pub(super) const SINCE: &[(char, char, (u8, u8))] = &[")
    for first, last, major, minor in sorted(rows):
        print(f"    ({char(first)}, {char(last)}, ({major}, {minor})),")
    print("];\n")
    print(f"/// Default_Ignorable_Code_Point of Unicode {unicode}: first, last.")
    print("pub(super) const IGNORABLE: &[(char, char)] = &[")
    for first, last in ignorable:
        print(f"    ({char(first)}, {char(last)}),")
    print("];")


if __name__ == "__main__":
    if sys.argv[1] == "list":
        show()
    else:
        table(sys.argv[2], sys.argv[3:])
