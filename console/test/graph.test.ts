// The picture of what waits for what: every line leads to the right, and no box lies on another one.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BOX_HEIGHT, BOX_WIDTH, layOut, shortened } from "../src/process/graph";

const service = (name: string, group: number, ...dependsOn: string[]) => ({ name, group, dependsOn });

const SHOP = [service("web", 4, "api", "db"), service("api", 4, "migrate"), service("migrate", 2, "db"), service("db", 1), service("cache", 1), service("jobs", 3, "db", "cache")];

test("whoever waits stands right of what is waited for, and groups stand in their order", () => {
  const { boxes, lines } = layOut(SHOP);
  const x = new Map(boxes.map((box) => [box.name, box.x]));
  assert.equal(boxes.length, SHOP.length);
  assert.equal(lines.length, 6);
  for (const { from, to } of lines) assert.ok((x.get(from) ?? 0) < (x.get(to) ?? 0), `${from} before ${to}`);
  const groups = SHOP.map(({ name, group }) => ({ group, x: x.get(name) ?? 0 }));
  for (const one of groups) for (const other of groups) if (one.group < other.group) assert.ok(one.x < other.x);
});

test("no box lies on another one or beyond the picture", () => {
  const { boxes, width, height } = layOut([...SHOP, ...Array.from({ length: 40 }, (_, index) => service(`s${index}`, 4, index % 2 === 0 ? "web" : "api"))]);
  for (const one of boxes) {
    assert.ok(one.x >= 0 && one.y >= 0 && one.x + BOX_WIDTH <= width && one.y + BOX_HEIGHT <= height, one.name);
    for (const other of boxes) {
      if (one === other) continue;
      assert.ok(Math.abs(one.x - other.x) >= BOX_WIDTH || Math.abs(one.y - other.y) >= BOX_HEIGHT, `${one.name} and ${other.name}`);
    }
  }
});

test("a line that passes a column passes no box of it", () => {
  const { boxes, lines } = layOut([...SHOP, service("late", 4, "web", "cache")]);
  for (const { from, to, path } of lines) {
    // Straight parts lie where a column is passed.
    const numbers = [...path.matchAll(/, (\d+(?:\.\d+)?) (\d+(?:\.\d+)?) H (\d+)/g)].map(([, x, y, end]) => [x, y, end].map(Number) as [number, number, number]);
    for (const [x, y, end] of numbers) {
      const behind = boxes.filter((box) => box.x < end && box.x + BOX_WIDTH > x && box.y < y && box.y + BOX_HEIGHT > y);
      assert.deepEqual(behind, [], `${from} to ${to}`);
    }
  }
  const passing = lines.filter(({ path }) => path.includes("H"));
  assert.deepEqual(passing.map(({ from, to }) => `${from} to ${to}`).sort(), ["cache to jobs", "cache to late", "db to jobs", "db to web", "migrate to api"]);
});

test("boxes stand where fewer lines cross", () => {
  // By their names the lines would cross: a waits for z, and b for y.
  const { boxes } = layOut([service("y", 1), service("z", 1), service("a", 2, "z"), service("b", 2, "y")]);
  const y = new Map(boxes.map((box) => [box.name, box.y]));
  assert.equal(Math.sign((y.get("y") ?? 0) - (y.get("z") ?? 0)), Math.sign((y.get("b") ?? 0) - (y.get("a") ?? 0)));
});

test("a circle, itself and what is not there end no drawing", () => {
  const { boxes, lines } = layOut([service("a", 1, "b", "a", "gone"), service("b", 1, "a")]);
  assert.deepEqual([boxes.length, lines.length], [2, 2]);
  assert.deepEqual(layOut([]).boxes, []);
});

test("a name that is too long for its box is cut", () => {
  assert.deepEqual([shortened("web"), shortened("integration-1234567890").length], ["web", 18]);
});
