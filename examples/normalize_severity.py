"""Brings the severities of different products to one scale: critical, high, medium, low or info.

>>> transform("CRIT")
'critical'
>>> transform(7.5, scale="cvss"), transform("0", scale="syslog"), transform(45, scale="percent")
('high', 'critical', 'medium')
>>> transform("Sev 2", scale="sev")
'medium'
>>> transform("whatever", default="low")
'low'
>>> transform(11, scale="cvss")
Traceback (most recent call last):
ValueError: 11.0 is not on the scale cvss (0 to 10)
"""

import math
import re
from typing import Literal, Union

WORDS = {
    "critical": ["critical", "crit", "emergency", "emerg", "alert", "fatal", "panic", "very high", "severe", "p1"],
    "high": ["high", "error", "err", "major", "important", "p2"],
    "medium": ["medium", "med", "moderate", "warning", "warn", "p3"],
    "low": ["low", "minor", "notice", "p4"],
    "info": ["info", "informational", "information", "debug", "none", "unknown", "p5"],
}
BY_WORD = {word: severity for severity, words in WORDS.items() for word in words}

# For each numeric scale its lowest and highest value, and where each severity starts when read from the most severe end.
SCALES = {
    "cvss": (0, 10, [(9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"), (0.0, "info")]),
    "percent": (0, 100, [(90, "critical"), (70, "high"), (40, "medium"), (10, "low"), (0, "info")]),
    "syslog": (0, 7, ["critical", "critical", "critical", "high", "medium", "low", "info", "info"]),
    "sev": (0, 4, ["critical", "high", "medium", "low", "info"]),
}


def transform(
    value: Union[str, int, float],
    scale: Literal["words", "cvss", "percent", "syslog", "sev"] = "words",
    default: Literal["critical", "high", "medium", "low", "info"] = "info",
) -> str:
    """Returns the severity. `scale` says how a number is meant; a word is understood on every scale.

    What is neither a known word nor holds a number becomes `default`; a number that is not on the scale is an error.
    """
    text = str(value).strip().lower()
    if text in BY_WORD:
        return BY_WORD[text]
    number = re.search(r"-?\d+(?:\.\d+)?", text)
    if scale == "words" or number is None:
        return default
    return on_scale(float(number.group()), scale)


def on_scale(number, scale):
    """The severity of a number. Syslog and sev count from the most severe; the others count up to it."""
    low, high, steps = SCALES[scale]
    if not low <= number <= high:
        raise ValueError(f"{number} is not on the scale {scale} ({low} to {high})")
    if isinstance(steps[0], str):
        return steps[math.floor(number)]
    return next(severity for start, severity in steps if number >= start)
