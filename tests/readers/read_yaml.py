"""Reads one YAML text with PyYAML (YAML 1.1) and with ruamel.yaml (YAML 1.2), and says where either finds another value than stands in
the JSON text beside it. Takes the names of the two files, YAML first, and prints one object: for each reader, the places that differ.
"""

import json
import sys

import yaml
from ruamel.yaml import YAML


def differences(found, wanted, place):
    if type(found) is not type(wanted):
        yield f"{place}: {found!r} instead of {wanted!r}"
    elif isinstance(wanted, dict):
        if list(found) != list(wanted):
            yield f"{place}: the names {list(found)!r} instead of {list(wanted)!r}"
        for name in wanted.keys() & found.keys():
            yield from differences(found[name], wanted[name], f"{place}.{name}")
    elif isinstance(wanted, list):
        if len(found) != len(wanted):
            yield f"{place}: {len(found)} values instead of {len(wanted)}"
        for index, pair in enumerate(zip(found, wanted)):
            yield from differences(*pair, f"{place}[{index}]")
    elif repr(found) != repr(wanted):
        yield f"{place}: {found!r} instead of {wanted!r}"


def text(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


written, wanted = text(sys.argv[1]), json.loads(text(sys.argv[2]))
readers = {"1.1": yaml.safe_load, "1.2": YAML(typ="safe", pure=True).load}
print(json.dumps({version: list(differences(read(written), wanted, "value")) for version, read in readers.items()}))
