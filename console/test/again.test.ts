// Calls of a page whose session another tab has begun anew.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Code, ConnectError } from "@connectrpc/connect";

import { CSRF_HEADER, withToken } from "../src/again";
import { ErrorInfoSchema } from "../src/gen/google/rpc/error_details_pb";

const mismatch = () => new ConnectError("no", Code.PermissionDenied, undefined, [{ desc: ErrorInfoSchema, value: { reason: "CSRF_TOKEN_MISMATCH" } }]);

/** A page that has `old`, before a server that wants `new`. */
async function call(how: { stream: boolean; mine: boolean; failure?: () => Error }) {
  let token = "old";
  const sent: (string | null)[] = [];
  let asked = 0;
  const interceptor = withToken({
    now: () => token,
    renew: async () => {
      asked += 1;
      if (how.mine) token = "new";
      return how.mine;
    },
  });
  const request = { stream: how.stream, header: new Headers() };
  const next = async () => {
    sent.push(request.header.get(CSRF_HEADER));
    if (request.header.get(CSRF_HEADER) !== "new") throw (how.failure ?? mismatch)();
    return "answer";
  };
  const ended = await interceptor(next as never)(request as never).then(
    (answer) => String(answer),
    (thrown: unknown) => Code[ConnectError.from(thrown).code],
  );
  return { ended, sent, asked };
}

test("a call that another tab's sign-in has overtaken is sent once more", async () => {
  assert.deepEqual(await call({ stream: false, mine: true }), { ended: "answer", sent: ["old", "new"], asked: 1 });
});

test("a stream that another tab's sign-in has overtaken is one that breaks", async () => {
  assert.deepEqual(await call({ stream: true, mine: true }), { ended: "Unavailable", sent: ["old"], asked: 1 });
});

test("nothing is sent in the name of somebody else", async () => {
  assert.deepEqual(await call({ stream: false, mine: false }), { ended: "PermissionDenied", sent: ["old"], asked: 1 });
});

test("what the server forbids is sent once", async () => {
  const failure = () => new ConnectError("no", Code.PermissionDenied);
  assert.deepEqual(await call({ stream: false, mine: true, failure }), { ended: "PermissionDenied", sent: ["old"], asked: 0 });
});
