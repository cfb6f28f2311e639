// The form of a parameter schema: what is typed, what is sent, what is remembered.

import assert from "node:assert/strict";
import { test } from "node:test";

import { begin, entryToJson, fromJson, toJson, toRemember, withoutSecrets, type Field, type FieldType } from "../src/form/schema";

function field(name: string, type: FieldType, more: Partial<Field> = {}): Field {
  return { name, type, required: false, defaultJson: null, choices: [], secret: false, description: "", ...more };
}

test("an integer longer than a double is exact stays what it is", () => {
  const fields = [field("n", "integer")];
  assert.equal(toJson(fields, { n: "9007199254740993123" }).json, '{\n  "n": 9007199254740993123\n}');
  assert.deepEqual(fromJson(fields, '{"n": 9007199254740993123}'), { n: "9007199254740993123" });
});

test("form and JSON say the same", () => {
  const fields = [field("s", "string"), field("l", "array"), field("o", "object"), field("b", "boolean"), field("x", "any")];
  const json = '{"s": "a \\"quoted\\" text", "l": [1, 2.50], "o": {"k": null}, "b": true, "x": "1"}';
  const entries = fromJson(fields, json);
  assert.ok(entries !== null);
  assert.equal(entries["s"], 'a "quoted" text');
  const back = toJson(fields, entries);
  assert.deepEqual(back.problems, {});
  assert.deepEqual(JSON.parse(back.json), JSON.parse(json));
  assert.ok(back.json.includes("2.50"));
});

test("every problem is found at once", () => {
  const fields = [
    field("a", "string", { required: true }),
    field("b", "integer"),
    field("c", "array"),
    field("d", "any"),
    field("e", "string", { choices: ['"low"', '"high"'] }),
  ];
  const { problems } = toJson(fields, { b: "1.5", c: "{}", d: "{", e: '"middle"', f: "1" });
  assert.deepEqual(problems, { a: "missing", b: "wrong-type", c: "wrong-type", d: "not-json", e: "not-allowed", f: "unknown" });
});

test("a parameter with two stars takes what has no other name", () => {
  const fields = [field("a", "string"), field("**rest", "integer")];
  assert.deepEqual(toJson(fields, { a: "x", more: "3" }), { json: '{\n  "a": "x",\n  "more": 3\n}', problems: {} });
});

test("an empty text is a value, and a field without one is none", () => {
  const fields = [field("s", "string", { required: true })];
  assert.deepEqual(toJson(fields, { s: "" }).json, '{\n  "s": ""\n}');
  assert.deepEqual(toJson(fields, {}).problems, { s: "missing" });
});

test("a secret that is bound by name is not sent", () => {
  const fields = [field("token", "string", { secret: true, required: true })];
  assert.deepEqual(toJson(fields, { token: "typed" }, new Set(["token"])), { json: "{}", problems: {} });
});

test("no secret is remembered, filled in or copied", () => {
  const fields = [field("token", "string", { secret: true }), field("q", "string")];
  assert.deepEqual(toRemember(fields, { token: "s3cret", q: "x" }), { q: "x" });
  assert.deepEqual(begin(fields, { token: "s3cret", q: "x" }), { q: "x" });
  assert.ok(!withoutSecrets(fields, '{"token": "s3cret", "q": "x"}', "...").includes("s3cret"));
});

test("a number is none in quotes", () => {
  assert.deepEqual(entryToJson(field("n", "number"), '"1"'), { problem: "wrong-type" });
  assert.deepEqual(entryToJson(field("n", "number"), "1e400"), { json: "1e400" });
});

test("JSON that is no object has no fields", () => {
  for (const json of ["[]", "1", "null", '"x"', "{", '{"a": 1, "a": 2}']) assert.equal(fromJson([], json), null, json);
});
