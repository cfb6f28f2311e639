"""Asks the compiler of this runtime what it says of a source text. Nothing of the text is ever run or imported."""

import warnings


def transform(value):
    # What only deserves a warning must not reach anybody's output.
    warnings.simplefilter("ignore")
    try:
        # As in a file, where the mark says how the text is encoded and is no part of it.
        compile(value.removeprefix("\ufeff"), "<utility>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return refused(error.msg, error.lineno, error.offset)
    except (ValueError, OverflowError) as error:
        return refused(str(error))
    except (RecursionError, MemoryError):
        return refused("the code is nested too deeply to be compiled")
    return {"refused": None}


def refused(message, line=0, column=0):
    place = {"line": max(line or 0, 0), "column": max(column or 0, 0)}
    return {"refused": {"message": str(message)[:300], **place}}
