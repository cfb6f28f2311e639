"""What schemathesis is told of Zona: names that there are, so that requests get further than to the first refusal, and an end for streams
that have none of their own."""

import schemathesis

# In the order of what is in every installation of `zona dev`.
KNOWN = {
    "tenant": "demo",
    "utility": "extract-iocs",
    "user": "local",
    "serviceAccount": "dev",
    "version": "1",
}
STREAMS = ("text/event-stream", "application/x-ndjson")


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Every second time, resources that are there."""
    if not path_parameters:
        return path_parameters
    text = "".join(str(value) for value in path_parameters.values())
    if sum(text.encode()) % 2:
        return path_parameters
    return {name: KNOWN.get(name, value) for name, value in path_parameters.items()}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Whoever follows what goes on is told for a second."""
    answers = case.operation.definition.raw["responses"]["200"].get("content", {})
    if any(kind in answers for kind in STREAMS):
        case.headers = {**(case.headers or {}), "connect-timeout-ms": "1000"}
