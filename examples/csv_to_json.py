"""Turns CSV text into a list of objects, one a row, with numbers, booleans and empty cells as JSON has them.

>>> transform("name,port,open\\nssh,22,true\\nhttp,,false\\n")
[{'name': 'ssh', 'port': 22, 'open': True}, {'name': 'http', 'port': None, 'open': False}]
>>> transform("a;b\\n1;007\\n")
[{'a': 1, 'b': '007'}]
>>> transform("a,b\\n1,2\\n", types=False)
[{'a': '1', 'b': '2'}]
>>> transform('id,note\\n1,"two\\nlines, one cell"\\n')[0]["note"]
'two\\nlines, one cell'
>>> transform("a,b\\n1,2,3\\n")
Traceback (most recent call last):
ValueError: row 2 has 3 cells, the header has 2
"""

import csv
import re
from io import StringIO

INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})\.\d{1,15}")
CONSTANTS = {"": None, "true": True, "false": False, "null": None}


def transform(value: str, delimiter: str = "", types: bool = True) -> list:
    """Returns the rows below the header.

    An empty `delimiter` means the one of `,` `;` tab `|` that the header uses most. With `types` false every cell stays text.
    A number that would not survive the way (leading zeros, more than 18 digits) stays text too.
    """
    reader = csv.reader(StringIO(value.lstrip("\ufeff")), delimiter=delimiter or guess_delimiter(value), strict=True)
    header = next(reader, [])
    names = unique_names(header)
    rows = []
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(names):
            raise ValueError(f"row {reader.line_num} has {len(cells)} cells, the header has {len(names)}")
        rows.append({name: typed(cell) if types else cell for name, cell in zip(names, cells)})
    return rows


def guess_delimiter(text):
    """The candidate that the first line holds most often; a comma if none."""
    first = text.split("\n", 1)[0]
    return max(",;\t|", key=first.count)


def unique_names(header):
    """Column names without surrounding spaces; an empty or repeated one gets its number."""
    names = []
    for number, cell in enumerate(header, 1):
        name = cell.strip() or f"column_{number}"
        names.append(name if name not in names else f"{name}_{number}")
    return names


def typed(cell):
    """The JSON value that a cell stands for."""
    text = cell.strip()
    if text.lower() in CONSTANTS:
        return CONSTANTS[text.lower()]
    if INTEGER.fullmatch(text):
        return int(text)
    if DECIMAL.fullmatch(text):
        return float(text)
    return cell
