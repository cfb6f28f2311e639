"""Summarizes security events: how many of which severity, the busiest sources, bursts, and the time they span.

A script: it prints a line per stage while it works and returns the summary. Without events it works on a built-in sample.

>>> summary = main()
reading 6 events
1 of 6 events skipped: no time
counting severities and sources
looking for bursts of 3 or more events within 60 s
done
>>> summary["events"], summary["skipped"], summary["severities"]
(5, 1, {'high': 4, 'low': 1})
>>> summary["bursts"]
[{'source': '198.51.100.7', 'from': '2026-11-22T09:15:00+00:00', 'to': '2026-11-22T09:15:40+00:00', 'events': 3}]
>>> summary["gap_seconds"]["median"]
440.0
"""

import statistics
from collections import Counter, defaultdict, deque
from datetime import datetime, timezone
from typing import Optional

SAMPLE = [
    {"time": "2026-11-22T09:15:00Z", "source": "198.51.100.7", "severity": "high"},
    {"time": "2026-11-22T09:15:20Z", "source": "198.51.100.7", "severity": "high"},
    {"time": "2026-11-22T09:15:40Z", "source": "198.51.100.7", "severity": "high"},
    {"time": "2026-11-22T09:30:00Z", "source": "203.0.113.9", "severity": "low"},
    {"time": "2026-11-22T10:00:00Z", "source": "198.51.100.7", "severity": "high"},
    {"source": "203.0.113.9", "severity": "low"},
]


def main(events: Optional[list] = None, window_seconds: int = 60, burst_size: int = 3, top: int = 5) -> dict:
    """Returns the summary. An event is an object with `time` (ISO 8601), `source` and `severity`."""
    events = SAMPLE if events is None else events
    print(f"reading {len(events)} events")
    timed = sorted(((moment, event) for moment, event in map(with_time, events) if moment), key=lambda pair: pair[0])
    skipped = len(events) - len(timed)
    if skipped:
        print(f"{skipped} of {len(events)} events skipped: no time")

    print("counting severities and sources")
    severities = Counter(event.get("severity", "unknown") for _, event in timed)
    sources = Counter(event.get("source", "unknown") for _, event in timed)

    print(f"looking for bursts of {burst_size} or more events within {window_seconds} s")
    bursts = find_bursts(timed, window_seconds, burst_size)
    print("done")
    return {
        "events": len(timed),
        "skipped": skipped,
        "from": timed[0][0].isoformat() if timed else None,
        "to": timed[-1][0].isoformat() if timed else None,
        "severities": dict(severities.most_common()),
        "top_sources": [{"source": source, "events": count} for source, count in sources.most_common(top)],
        "gap_seconds": gaps([moment for moment, _ in timed]),
        "bursts": bursts,
    }


def with_time(event):
    """The event and its time in UTC, or no time where it has none that can be read."""
    try:
        moment = datetime.fromisoformat(str(event["time"]).replace("Z", "+00:00"))
    except (KeyError, ValueError):
        return None, event
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc), event


def find_bursts(timed, window_seconds, burst_size):
    """Stretches in which one source has at least `burst_size` events within each window; overlapping ones are joined."""
    recent = defaultdict(deque)
    bursts = []
    open_bursts = {}
    for moment, event in timed:
        source = event.get("source", "unknown")
        window = recent[source]
        window.append(moment)
        while (moment - window[0]).total_seconds() > window_seconds:
            window.popleft()
        if len(window) < burst_size:
            open_bursts.pop(source, None)
            continue
        burst = open_bursts.get(source)
        if burst is None:
            burst = open_bursts[source] = {"source": source, "from": window[0].isoformat(), "to": "", "events": len(window) - 1}
            bursts.append(burst)
        burst["to"] = moment.isoformat()
        burst["events"] += 1
    return bursts


def gaps(moments):
    """Mean and median of the seconds between events; nothing for fewer than two."""
    seconds = [(later - earlier).total_seconds() for earlier, later in zip(moments, moments[1:])]
    if not seconds:
        return None
    return {"mean": round(statistics.mean(seconds), 3), "median": round(statistics.median(seconds), 3)}
