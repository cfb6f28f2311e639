// Verifies a whole log in the browser: every record is hashed, every checkpoint's root and signature compared, and the log must have
// grown from the checkpoint that a person keeps. The server is not asked whether it is right.

import { isSigned, readCheckpoint, type Verifier } from "./note";
import { GrowingTree, HASH_BYTES, equal, leafHash } from "./tree";

export type FaultKind = "signature" | "root" | "origin" | "kept" | "order" | "end" | "record" | "malformed" | "uncovered";

export interface Fault {
  readonly kind: FaultKind;
  /** How many records came before. */
  readonly at: bigint;
}

/** The checkpoint that a person has kept from an earlier time. */
export interface Kept {
  readonly size: bigint;
  readonly root: Uint8Array;
}

// A log that was changed gives faults at every checkpoint behind the change; the first ones say enough.
const MOST_FAULTS = 20;

/** Takes the parts of an export in their order. */
export class LogVerifier {
  readonly faults: Fault[] = [];
  readonly tree = new GrowingTree();
  checkpoints = 0;
  /** Records whose bytes are gone, and whose hashes stand in their places. */
  removed = 0n;
  /** The newest checkpoint that fits everything. */
  newest: string | null = null;
  /** Whether the log has said where it ends. */
  ended = false;
  private covered = -1n;
  private met = false;

  constructor(
    private readonly key: Verifier,
    private readonly kept: Kept | null,
  ) {}

  async record(bytes: Uint8Array): Promise<void> {
    let sequence: unknown;
    try {
      sequence = (JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as { sequence?: unknown }).sequence;
    } catch {
      sequence = undefined;
    }
    // A place that the record itself does not have: it was moved, or is no record.
    if (sequence !== Number(this.tree.size)) this.fault("record");
    await this.add(await leafHash(bytes));
  }

  async removedHashes(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0 || bytes.length % HASH_BYTES !== 0) return this.fault("malformed");
    for (let at = 0; at < bytes.length; at += HASH_BYTES) {
      await this.add(bytes.slice(at, at + HASH_BYTES));
      this.removed += 1n;
    }
  }

  async checkpoint(note: string): Promise<void> {
    this.checkpoints += 1;
    let read;
    try {
      read = readCheckpoint(note);
    } catch {
      return this.fault("malformed");
    }
    const before = this.faults.length;
    if (read.origin !== this.key.name) this.fault("origin");
    if (!(await isSigned(note, this.key))) this.fault("signature");
    if (read.size !== this.tree.size || read.size <= this.covered) this.fault("order");
    else if (!equal(read.root, await this.tree.root())) this.fault("root");
    this.covered = this.tree.size;
    if (this.faults.length === before) this.newest = note;
  }

  async end(records: bigint): Promise<void> {
    this.ended = true;
    if (records !== this.tree.size) this.fault("end");
    if (this.covered !== this.tree.size) this.fault("uncovered");
    await this.meet();
    if (this.kept !== null && !this.met) this.fault("kept");
  }

  private async add(leaf: Uint8Array): Promise<void> {
    await this.meet();
    await this.tree.add(leaf);
  }

  // The kept checkpoint is met on the way, at the size that it has.
  private async meet(): Promise<void> {
    if (this.kept === null || this.met || this.tree.size !== this.kept.size) return;
    this.met = true;
    if (!equal(this.kept.root, await this.tree.root())) this.fault("kept");
  }

  private fault(kind: FaultKind): void {
    if (this.faults.length < MOST_FAULTS) this.faults.push({ kind, at: this.tree.size });
  }
}
