// Checkpoints: signed notes (C2SP signed-note, tlog-checkpoint), read and verified with the public key that a person keeps.

import { HASH_BYTES } from "./tree";

/** What a checkpoint says. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Uint8Array;
  readonly note: string;
}

/** A public key in the form of Go's `note.NewVerifier`. */
export interface Verifier {
  readonly name: string;
  readonly id: Uint8Array;
  readonly key: CryptoKey;
}

const ED25519 = 1;
const KEY_BYTES = 32;
const ID_BYTES = 4;
const SIGNATURE_BYTES = 64;
// The dash of a signature line is part of the format.
const SIGNATURE_MARK = "\u2014 ";

/** Reads `name+id+key`. Throws where the text is none, or its id is not that of its key. */
export async function readVerifier(text: string): Promise<Verifier> {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim());
  const [, name, idText, keyText] = match ?? [];
  if (name === undefined || idText === undefined || keyText === undefined) throw new Error("the key does not have the form name+id+key");
  const typed = fromBase64(keyText);
  if (typed.length !== KEY_BYTES + 1 || typed[0] !== ED25519) throw new Error("the key is no Ed25519 key");
  const id = (await keyId(name, typed)).slice(0, ID_BYTES);
  if (hex(id) !== idText) throw new Error("the id of the key is not that of its bytes");
  const key = await crypto.subtle.importKey("raw", typed.slice(1), { name: "Ed25519" }, false, ["verify"]);
  return { name, id, key };
}

/** Reads a checkpoint without asking who signed it. Throws where it is none. */
export function readCheckpoint(note: string): Checkpoint {
  const { text } = split(note);
  const [origin, size, root, end] = text.split("\n");
  if (origin === undefined || origin === "" || size === undefined || !/^(0|[1-9][0-9]*)$/.test(size) || root === undefined || end === undefined) {
    throw new Error("the text is no checkpoint");
  }
  const hash = fromBase64(root);
  if (hash.length !== HASH_BYTES) throw new Error("the root of the checkpoint is no SHA-256");
  return { origin, size: BigInt(size), root: hash, note };
}

/** Whether the key has signed the note under its own name. */
export async function isSigned(note: string, by: Verifier): Promise<boolean> {
  const { text, signatures } = split(note);
  for (const line of signatures) {
    const space = line.indexOf(" ");
    if (line.slice(0, space) !== by.name) continue;
    const bytes = fromBase64(line.slice(space + 1));
    if (bytes.length !== ID_BYTES + SIGNATURE_BYTES || hex(bytes.slice(0, ID_BYTES)) !== hex(by.id)) continue;
    if (await crypto.subtle.verify({ name: "Ed25519" }, by.key, bytes.slice(ID_BYTES), new TextEncoder().encode(text))) return true;
  }
  return false;
}

function split(note: string): { text: string; signatures: string[] } {
  const at = note.lastIndexOf("\n\n");
  if (at < 0 || !note.endsWith("\n")) throw new Error("the text is no signed note");
  const lines = note.slice(at + 2, -1).split("\n");
  if (lines.some((line) => !line.startsWith(SIGNATURE_MARK))) throw new Error("the text is no signed note");
  return { text: note.slice(0, at + 1), signatures: lines.map((line) => line.slice(SIGNATURE_MARK.length)) };
}

async function keyId(name: string, typed: Uint8Array): Promise<Uint8Array> {
  const head = new TextEncoder().encode(`${name}\n`);
  const bytes = new Uint8Array(head.length + typed.length);
  bytes.set(head);
  bytes.set(typed, head.length);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new Error("the text is no base64");
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
