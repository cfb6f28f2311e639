"""Turns one line of a log into fields. Knows syslog (RFC 3164 and 5424), web server access logs, JSON lines and key=value.

>>> line = '198.51.100.7 - bob [22/Nov/2026:09:15:02 +0100] "GET /a?b=1 HTTP/1.1" 404 512 "-" "curl/8.5"'
>>> entry = transform(line)
>>> entry["format"], entry["time"], entry["status"], entry["path"]
('access', '2026-11-22T08:15:02+00:00', 404, '/a?b=1')
>>> transform("<34>Oct 11 22:14:15 mail su[230]: 'su root' failed", year=2026)["severity"]
'critical'
>>> transform('<165>1 2026-10-11T22:14:15.003Z host app 4711 ID47 - started')["message"]
'started'
>>> transform('level=warn msg="disk full" used=97.5')["fields"]
{'level': 'warn', 'msg': 'disk full', 'used': 97.5}
>>> transform('{"level": "info", "n": 1}')["fields"]["n"]
1
>>> transform("nothing known")
{'format': 'text', 'message': 'nothing known'}
"""

import json
import re
from datetime import datetime, timezone

SEVERITIES = ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"]

ACCESS = re.compile(
    r'(?P<client>\S+) \S+ (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<method>[A-Z]+) (?P<path>\S+) (?P<protocol>[^"]+)" '
    r'(?P<status>\d{3}) (?P<bytes>\d+|-)(?: "(?P<referrer>[^"]*)" "(?P<agent>[^"]*)")?'
)
SYSLOG_5424 = re.compile(
    r"<(?P<priority>\d{1,3})>1 (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<process>\S+) (?P<message_id>\S+) "
    r"(?P<data>-|(?:\[(?:[^\]\\]|\\.)*\])+) ?(?P<message>.*)"
)
SYSLOG_3164 = re.compile(
    r"(?:<(?P<priority>\d{1,3})>)?(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+) "
    r"(?P<app>[^\s:\[]+)(?:\[(?P<process>\d+)\])?: (?P<message>.*)"
)
PAIR = re.compile(r'([A-Za-z_][\w.-]*)=("(?:[^"\\]|\\.)*"|\S*)')


def transform(value: str, year: int = 0) -> dict:
    """Returns the fields of the line and the `format` that matched.

    Times are given in UTC. RFC 3164 has no year: `year` says which one is meant, and without it the time stays as written.
    """
    line = value.strip()
    for parse in (parse_json, parse_access, parse_5424, parse_3164, parse_pairs):
        entry = parse(line, year)
        if entry is not None:
            return entry
    return {"format": "text", "message": line}


def parse_json(line, _year):
    """A JSON object."""
    if not line.startswith("{"):
        return None
    try:
        return {"format": "json", "fields": json.loads(line)}
    except ValueError:
        return None


def parse_access(line, _year):
    """The common and the combined format of web servers."""
    match = ACCESS.fullmatch(line)
    if match is None:
        return None
    entry = {name: text for name, text in match.groupdict().items() if text not in (None, "-")}
    entry["status"] = int(entry["status"])
    if "bytes" in entry:
        entry["bytes"] = int(entry["bytes"])
    try:
        entry["time"] = in_utc(datetime.strptime(entry["time"], "%d/%b/%Y:%H:%M:%S %z"))
    except ValueError:
        return None
    return {"format": "access", **entry}


def parse_5424(line, _year):
    """Syslog as of 2009."""
    match = SYSLOG_5424.fullmatch(line)
    if match is None:
        return None
    entry = {name: text for name, text in match.groupdict().items() if text != "-"}
    if "time" in entry:
        try:
            entry["time"] = in_utc(datetime.fromisoformat(entry["time"].replace("Z", "+00:00")))
        except ValueError:
            return None
    return {"format": "rfc5424", **with_priority(entry)}


def parse_3164(line, year):
    """Syslog as of 2001."""
    match = SYSLOG_3164.fullmatch(line)
    if match is None:
        return None
    entry = {name: text for name, text in match.groupdict().items() if text is not None}
    if year:
        try:
            moment = datetime.strptime(f"{year} {entry['time']}", "%Y %b %d %H:%M:%S")
        except ValueError:
            return None
        entry["time"] = in_utc(moment.replace(tzinfo=timezone.utc))
    return {"format": "rfc3164", **with_priority(entry)}


def parse_pairs(line, _year):
    """At least two `key=value` pairs."""
    pairs = PAIR.findall(line)
    if len(pairs) < 2:
        return None
    return {"format": "pairs", "fields": {key: plain(text) for key, text in pairs}}


def with_priority(entry):
    """Splits the priority into facility and severity."""
    priority = entry.pop("priority", None)
    if priority is not None and int(priority) <= 191:
        entry["facility"], entry["severity"] = int(priority) // 8, SEVERITIES[int(priority) % 8]
    return entry


def plain(text):
    """A number where the text is one; otherwise the text without its quotes."""
    if text.startswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", text):
        return int(text)
    if re.fullmatch(r"-?\d{1,15}\.\d{1,15}", text):
        return float(text)
    return text


def in_utc(moment):
    """ISO 8601 in UTC; a time without a zone is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc).isoformat()
