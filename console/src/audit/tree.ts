// The Merkle tree of RFC 6962 in the browser: hashes, inclusion and consistency, by WebCrypto. Knows records by their bytes only.

export type Hash = Uint8Array<ArrayBuffer>;

export const HASH_BYTES = 32;

async function sha256(...parts: Uint8Array[]): Promise<Hash> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

export function leafHash(record: Uint8Array): Promise<Hash> {
  return sha256(LEAF, record);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Hash> {
  return sha256(NODE, left, right);
}

export function emptyRoot(): Promise<Hash> {
  return sha256();
}

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** The root that a proof leads to from a leaf (RFC 9162, 2.1.3.2), or null where the proof has another length than it must. */
export async function rootFromInclusion(leaf: Uint8Array, index: bigint, size: bigint, proof: Uint8Array[]): Promise<Uint8Array | null> {
  if (index < 0n || index >= size) return null;
  let place = index;
  let last = size - 1n;
  let root: Uint8Array = leaf;
  for (const hash of proof) {
    if (last === 0n || hash.length !== HASH_BYTES) return null;
    if ((place & 1n) === 1n || place === last) {
      root = await nodeHash(hash, root);
      while ((place & 1n) === 0n && place !== 0n) {
        place >>= 1n;
        last >>= 1n;
      }
    } else {
      root = await nodeHash(root, hash);
    }
    place >>= 1n;
    last >>= 1n;
  }
  return last === 0n ? root : null;
}

/** Whether the tree of `newer` leaves has only grown from that of `older` ones (RFC 9162, 2.1.4.2). */
export async function isConsistent(
  older: bigint,
  newer: bigint,
  olderRoot: Uint8Array,
  newerRoot: Uint8Array,
  proof: Uint8Array[],
): Promise<boolean> {
  if (older < 0n || older > newer) return false;
  if (older === newer) return proof.length === 0 && equal(olderRoot, newerRoot);
  if (older === 0n) return proof.length === 0 && equal(olderRoot, await emptyRoot());
  if (proof.some((hash) => hash.length !== HASH_BYTES)) return false;
  const path = (older & (older - 1n)) === 0n ? [olderRoot, ...proof] : [...proof];
  const first = path.shift();
  if (first === undefined) return false;
  let place = older - 1n;
  let last = newer - 1n;
  while ((place & 1n) === 1n) {
    place >>= 1n;
    last >>= 1n;
  }
  let from: Uint8Array = first;
  let to: Uint8Array = first;
  for (const hash of path) {
    if (last === 0n) return false;
    if ((place & 1n) === 1n || place === last) {
      from = await nodeHash(hash, from);
      to = await nodeHash(hash, to);
      while ((place & 1n) === 0n && place !== 0n) {
        place >>= 1n;
        last >>= 1n;
      }
    } else {
      to = await nodeHash(to, hash);
    }
    place >>= 1n;
    last >>= 1n;
  }
  return last === 0n && equal(from, olderRoot) && equal(to, newerRoot);
}

/** A tree that leaves are added to, which keeps the roots of its whole parts only: 64 hashes at most. */
export class GrowingTree {
  size = 0n;
  private readonly parts: { height: number; hash: Uint8Array }[] = [];

  async add(leaf: Uint8Array): Promise<void> {
    let node = { height: 0, hash: leaf };
    for (let top = this.parts.at(-1); top !== undefined && top.height === node.height; top = this.parts.at(-1)) {
      this.parts.pop();
      node = { height: node.height + 1, hash: await nodeHash(top.hash, node.hash) };
    }
    this.parts.push(node);
    this.size += 1n;
  }

  async root(): Promise<Uint8Array> {
    let root: Uint8Array | null = null;
    for (const part of [...this.parts].reverse()) root = root === null ? part.hash : await nodeHash(part.hash, root);
    return root ?? emptyRoot();
  }
}
