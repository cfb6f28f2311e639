"""Runs jobs of the benchmarks in Monty: one JSON object a line in, the result as JSON text a line out.

Monty keeps its worker; each job gets a session of its own, as each execution of ours gets a process.
"""

import json
import sys

from pydantic_monty import Monty

with Monty(min_processes=1, max_processes=1) as pool:
    for line in sys.stdin:
        job = json.loads(line)
        with pool.checkout() as session:
            inputs = {"value": job["value"], "params": job["params"]}
            result = session.feed_run(job["code"] + "\ntransform(value, **params)\n", inputs=inputs)
        print(json.dumps(result), flush=True)
