// The Merkle tree: proofs of every size of a tree that is computed in another way, and that no wrong one passes.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { GrowingTree, equal, isConsistent, leafHash, rootFromInclusion } from "../src/audit/tree";

const hash = (...parts: Uint8Array[]) => {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part);
  return new Uint8Array(sum.digest());
};
const leaf = (n: number) => hash(new Uint8Array([0]), new TextEncoder().encode(`record ${n}`));
const split = (n: number) => 2 ** Math.floor(Math.log2(n - 1));

// RFC 6962, 2.1, as it stands there.
function root(leaves: Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return hash();
  if (leaves.length === 1) return leaves[0]!;
  const k = split(leaves.length);
  return hash(new Uint8Array([1]), root(leaves.slice(0, k)), root(leaves.slice(k)));
}
function path(m: number, leaves: Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return m < k ? [...path(m, leaves.slice(0, k)), root(leaves.slice(k))] : [...path(m - k, leaves.slice(k)), root(leaves.slice(0, k))];
}
function subproof(m: number, leaves: Uint8Array[], whole: boolean): Uint8Array[] {
  if (m === leaves.length) return whole ? [] : [root(leaves)];
  const k = split(leaves.length);
  return m <= k
    ? [...subproof(m, leaves.slice(0, k), whole), root(leaves.slice(k))]
    : [...subproof(m - k, leaves.slice(k), false), root(leaves.slice(0, k))];
}

const MOST = 20;
const leaves = Array.from({ length: MOST }, (_, n) => leaf(n));
const flipped = (bytes: Uint8Array) => bytes.map((byte, index) => (index === 0 ? byte ^ 1 : byte));

test("a record's hash is that of RFC 6962", async () => {
  assert.deepEqual(await leafHash(new TextEncoder().encode("record 3")), leaf(3));
});

test("a growing tree has the root of each of its sizes", async () => {
  const tree = new GrowingTree();
  for (let size = 0; size <= MOST; size += 1) {
    assert.ok(equal(await tree.root(), root(leaves.slice(0, size))), String(size));
    if (size < MOST) await tree.add(leaves[size]!);
  }
});

test("every record of every size is proven, and no other one in its place", async () => {
  for (let size = 1; size <= MOST; size += 1) {
    const part = leaves.slice(0, size);
    for (let n = 0; n < size; n += 1) {
      const proof = path(n, part);
      const good = await rootFromInclusion(leaves[n]!, BigInt(n), BigInt(size), proof);
      assert.ok(good !== null && equal(good, root(part)), `${n} of ${size}`);
      const bad = await rootFromInclusion(flipped(leaves[n]!), BigInt(n), BigInt(size), proof);
      assert.ok(bad === null || !equal(bad, root(part)));
      assert.equal(await rootFromInclusion(leaves[n]!, BigInt(n), BigInt(size), [...proof, leaf(0)]), null);
    }
  }
});

test("a tree that only grew is consistent, and one that was changed is not", async () => {
  for (let newer = 1; newer <= MOST; newer += 1) {
    for (let older = 0; older <= newer; older += 1) {
      const proof = older === 0 || older === newer ? [] : subproof(older, leaves.slice(0, newer), true);
      const roots = [root(leaves.slice(0, older)), root(leaves.slice(0, newer))] as const;
      const check = (from: Uint8Array, to: Uint8Array, by: Uint8Array[]) => isConsistent(BigInt(older), BigInt(newer), from, to, by);
      assert.ok(await check(...roots, proof), `${older} to ${newer}`);
      assert.ok(!(await check(flipped(roots[0]), roots[1], proof)), `${older} to ${newer}, older changed`);
      if (older > 0) assert.ok(!(await check(roots[0], flipped(roots[1]), proof)), `${older} to ${newer}, newer changed`);
      for (let at = 0; at < proof.length; at += 1) {
        assert.ok(!(await check(...roots, proof.map((one, index) => (index === at ? flipped(one) : one)))));
      }
    }
  }
});
