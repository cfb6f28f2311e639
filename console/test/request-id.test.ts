// Ids of requests: trying again is the same thing, doing it again is not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { RequestIds } from "../src/request-id";

test("what is tried again has its id until it is answered", () => {
  const ids = new RequestIds();
  const first = ids.of("counter", { count: 5n });
  assert.equal(ids.of("counter", { count: 5n }), first);
  ids.settle();
  assert.notEqual(ids.of("counter", { count: 5n }), first);
});

test("something else has another id", () => {
  const ids = new RequestIds();
  assert.equal(new Set([ids.of("a"), ids.of("b"), ids.of("a", "b"), ids.of({ a: 1n }), ids.of({ a: 2n })]).size, 5);
});
