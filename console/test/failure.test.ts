// What went wrong, as it is told: on the way, on the server, or here.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Code, ConnectError } from "@connectrpc/connect";

import { isAbort, isAnswer, toFailure } from "../src/failure";
import { ErrorInfoSchema } from "../src/gen/google/rpc/error_details_pb";

const refused = (code: Code, reason: string) => new ConnectError("no", code, undefined, [{ desc: ErrorInfoSchema, value: { reason } }]);

test("what fails here is told as what it is", () => {
  const failure = toFailure(new Error("the export has no end"));
  assert.deepEqual([failure.kind, failure.message], ["other", "the export has no end"]);
});

test("what breaks on the way is told as a network that is away", () => {
  assert.equal(toFailure(new TypeError("Failed to fetch")).kind, "offline");
  assert.equal(toFailure(new ConnectError("gone", Code.Unavailable)).kind, "offline");
});

test("what somebody has stopped is told to nobody", () => {
  assert.ok(isAbort(new DOMException("stopped", "AbortError")));
  assert.ok(isAbort(new ConnectError("stopped", Code.Canceled)));
  assert.ok(!isAbort(refused(Code.Canceled, "CANCELLED")));
  assert.ok(!isAbort(new Error("broken")));
});

test("only a refusal with a reason is an answer", () => {
  assert.ok(isAnswer(toFailure(refused(Code.Aborted, "ETAG_MISMATCH"))));
  assert.ok(!isAnswer(toFailure(refused(Code.Unavailable, "OUTCOME_UNKNOWN"))));
  assert.ok(!isAnswer(toFailure(new TypeError("Failed to fetch"))));
});
