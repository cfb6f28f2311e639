// Exceptions from rules of the code policy: what is sent when one is granted or revoked.

import assert from "node:assert/strict";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { test } from "node:test";

import { inForce, withException } from "../src/pages/rule-exceptions";

const NOW = new Date("2026-03-01T00:00:00Z");
const until = (utility: string, rule: string, day: string) => ({ utility, rule, expireTime: timestampFromDate(new Date(day)) });

test("an exception that has ended is not sent again", () => {
  const kept = { utility: "c", rule: "R1", expireTime: undefined };
  const all = [until("a", "R1", "2026-02-01"), until("b", "R1", "2026-04-01"), until("d", "R1", "2026-03-01"), kept];
  assert.deepEqual(inForce(all, NOW).map(({ utility }) => utility), ["b", "c"]);
});

test("an exception that is renewed takes the place of the one before", () => {
  const all = [until("a", "R1", "2026-04-01"), until("a", "R2", "2026-04-01"), until("b", "R1", "2026-04-01")];
  const next = withException(all, until("a", "R1", "2026-05-01"));
  assert.deepEqual(next.map(({ utility, rule }) => `${utility} ${rule}`), ["a R2", "b R1", "a R1"]);
  assert.deepEqual(next[2]?.expireTime, until("a", "R1", "2026-05-01").expireTime);
});
