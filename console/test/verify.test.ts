// A log that is verified in the browser: whatever is changed in it is found.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";

import { hex, isSigned, readCheckpoint, readVerifier } from "../src/audit/note";
import { GrowingTree, leafHash } from "../src/audit/tree";
import { LogVerifier, type Kept } from "../src/audit/verify";

const NAME = "zona.dev/audit/test/tenants/demo";
const pair = generateKeyPairSync("ed25519");
const raw = pair.publicKey.export({ type: "spki", format: "der" }).subarray(-32);
const typed = Buffer.concat([Buffer.from([1]), raw]);
const id = createHash("sha256").update(`${NAME}\n`).update(typed).digest().subarray(0, 4);
const KEY = `${NAME}+${id.toString("hex")}+${typed.toString("base64")}`;

function note(size: number, root: Uint8Array, origin = NAME): string {
  const text = `${origin}\n${size}\n${Buffer.from(root).toString("base64")}\n`;
  const signature = Buffer.concat([id, sign(null, Buffer.from(text), pair.privateKey)]).toString("base64");
  return `${text}\n\u2014 ${NAME} ${signature}\n`;
}

type Part = { record: string } | { checkpoint: string } | { removed: Uint8Array };

const record = (n: number) => JSON.stringify({ action: "utility.get", sequence: n, v: 1 });

/** A log with a checkpoint behind the fifth and the last record. */
async function log(length = 8): Promise<Part[]> {
  const tree = new GrowingTree();
  const parts: Part[] = [];
  for (let n = 0; n < length; n += 1) {
    parts.push({ record: record(n) });
    await tree.add(await leafHash(new TextEncoder().encode(record(n))));
    if (n === 4 || n === length - 1) parts.push({ checkpoint: note(n + 1, await tree.root()) });
  }
  return parts;
}

async function verify(parts: Part[], end: number, kept: Kept | null = null): Promise<string[]> {
  const verifier = new LogVerifier(await readVerifier(KEY), kept);
  for (const part of parts) {
    if ("record" in part) await verifier.record(new TextEncoder().encode(part.record));
    else if ("checkpoint" in part) await verifier.checkpoint(part.checkpoint);
    else await verifier.removedHashes(part.removed);
  }
  await verifier.end(BigInt(end));
  return verifier.faults.map((fault) => fault.kind);
}

test("a log that nobody has changed is whole", async () => {
  assert.deepEqual(await verify(await log(), 8), []);
});

test("each byte that is changed in a record is found", async () => {
  const parts = await log();
  for (let n = 0; n < parts.length; n += 1) {
    const part = parts[n]!;
    if (!("record" in part)) continue;
    const changed = [...parts];
    changed[n] = { record: part.record.replace("get", "git") };
    assert.ok((await verify(changed, 8)).includes("root"), `part ${n}`);
  }
});

test("a record that is taken out, put in or moved is found", async () => {
  const parts = await log();
  assert.notDeepEqual(await verify(parts.toSpliced(1, 1), 7), []);
  assert.notDeepEqual(await verify(parts.toSpliced(1, 0, { record: record(1) }), 9), []);
  assert.notDeepEqual(await verify([parts[1]!, parts[0]!, ...parts.slice(2)], 8), []);
});

test("a log that is cut off behind its last checkpoint says so itself", async () => {
  const parts = await log();
  assert.deepEqual(await verify(parts.slice(0, -1), 8), ["uncovered"]);
  assert.deepEqual(await verify(parts.slice(0, 6), 8), ["end"]);
});

test("the checkpoint that a person keeps finds a log that was written anew", async () => {
  const older = await log(5);
  const kept = readCheckpoint((older.at(-1) as { checkpoint: string }).checkpoint);
  assert.deepEqual(await verify(await log(), 8, kept), []);
  assert.deepEqual(await verify(await log(), 8, { size: 5n, root: new Uint8Array(32) }), ["kept"]);
  assert.deepEqual(await verify(older, 5, { size: 9n, root: kept.root }), ["kept"]);
});

test("hashes stand in for records that are gone", async () => {
  const parts = await log();
  const hashes = Buffer.concat([await leafHash(new TextEncoder().encode(record(0))), await leafHash(new TextEncoder().encode(record(1)))]);
  assert.deepEqual(await verify([{ removed: new Uint8Array(hashes) }, ...parts.slice(2)], 8), []);
});

test("a checkpoint by another key or of another log vouches for nothing", async () => {
  const parts = await log();
  const last = (parts.at(-1) as { checkpoint: string }).checkpoint;
  const forged = last.replace(/\n8\n/, "\n9\n");
  assert.ok(!(await isSigned(forged, await readVerifier(KEY))));
  assert.ok((await verify([...parts.slice(0, -1), { checkpoint: forged }], 8)).includes("signature"));
  const foreign = note(8, readCheckpoint(last).root, "zona.dev/audit/test/tenants/other");
  assert.deepEqual(await verify([...parts.slice(0, -1), { checkpoint: foreign }], 8), ["origin"]);
});

test("a key whose id is not that of its bytes is refused", async () => {
  await assert.rejects(readVerifier(KEY.replace(hex(id), "00000000")));
  await assert.rejects(readVerifier("no key"));
});
