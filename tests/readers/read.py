"""Reads JSON texts with Python's `json` and with orjson, and says what became of each. Takes one array of texts as its argument, and
prints one object: what each reader answered, text by text.
"""

import json
import sys

import orjson


def said(read, text):
    try:
        value = read(text)
    except (ValueError, RecursionError):
        return "refused"
    if isinstance(value, float):
        return "Infinity" if value in (float("inf"), float("-inf")) else repr(value)
    return "kept" if json.dumps(value) == json.dumps(json.loads(text)) else repr(value)


texts = json.loads(sys.argv[1])
print(json.dumps({name: [said(read, text) for text in texts] for name, read in (("json", json.loads), ("orjson", orjson.loads))}))
