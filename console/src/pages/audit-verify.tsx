// The verification of an audit log, as people start and read it: their checkpoint and key, how far it is, what was found.

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";

import { audit } from "../api";
import { isSigned, readCheckpoint, readVerifier } from "../audit/note";
import { says } from "../audit/says";
import { leafHash, rootFromInclusion, equal, isConsistent } from "../audit/tree";
import { LogVerifier, type Fault, type FaultKind } from "../audit/verify";
import type { AuditRecord } from "../gen/zona/audit/v1/audit_record_pb";
import { lastPart } from "../session";
import { read, write } from "../settings";
import { number, plural, t, type TextId } from "../text";
import { useAction, useCall, type Loaded } from "../ui/call";
import { Badge, Button, Field, save, Value } from "../ui/parts";
import { Problem } from "../ui/states";

const FAULTS: Record<FaultKind, TextId> = {
  signature: "verify.fault.signature",
  root: "verify.fault.root",
  origin: "verify.fault.origin",
  kept: "verify.fault.kept",
  order: "verify.fault.order",
  end: "verify.fault.end",
  record: "verify.fault.record",
  malformed: "verify.fault.malformed",
  uncovered: "verify.fault.uncovered",
};

/** What a person keeps: the key and the newest checkpoint that was seen. */
interface Keeping {
  readonly key: string;
  readonly note: string;
}

const keepingKey = (parent: string) => `zona.audit.seen.${parent}`;

function kept(parent: string): Keeping | null {
  try {
    const found: unknown = JSON.parse(read(keepingKey(parent)) ?? "null");
    if (typeof found !== "object" || found === null) return null;
    const { key, note } = found as Partial<Keeping>;
    return typeof key === "string" && typeof note === "string" ? { key, note } : null;
  } catch {
    return null;
  }
}

interface Outcome {
  readonly faults: readonly Fault[];
  readonly size: bigint;
  readonly removed: bigint;
  readonly checkpoints: number;
  readonly consistent: boolean | null;
  readonly firstTime: boolean;
  readonly keeping: Keeping | null;
}

export function Verification(props: { parent: string }): JSX.Element {
  const action = useAction();
  const [keeping, setKeeping] = useState<Keeping | null>(() => kept(props.parent));
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [progress, setProgress] = useState(0n);
  const [fileFault, setFileFault] = useState(false);
  const stop = useRef<AbortController | null>(null);
  const run = () =>
    void action.run(async () => {
      stop.current = new AbortController();
      setOutcome(null);
      setProgress(0n);
      const found = await verify(props.parent, keeping, setProgress, stop.current.signal);
      setOutcome(found);
      if (found.faults.length === 0 && found.consistent !== false && found.keeping !== null) {
        write(keepingKey(props.parent), JSON.stringify(found.keeping));
        setKeeping(found.keeping);
      }
    });
  const good = outcome !== null && outcome.faults.length === 0 && outcome.consistent !== false;
  return (
    <section class="card verification" aria-label={t("verify.title")}>
      <h2>{t("verify.title")}</h2>
      <p>{t("verify.text")}</p>
      <div class="form-actions">
        <Button kind="primary" busy={action.busy} onClick={run}>
          {t("verify.run")}
        </Button>
        {action.busy && (
          <Button kind="quiet" onClick={() => stop.current?.abort()}>
            {t("action.cancel")}
          </Button>
        )}
        {keeping !== null && (
          <Button kind="quiet" onClick={() => save(`checkpoint-${lastPart(props.parent)}.json`, [JSON.stringify(keeping, null, 2)], "application/json")}>
            {t("verify.keep")}
          </Button>
        )}
        <Field label={t("verify.load")} error={fileFault ? t("verify.load.bad") : undefined}>
          {({ id, describedBy, invalid }) => (
            <input
              id={id}
              type="file"
              accept="application/json"
              aria-describedby={describedBy}
              aria-invalid={invalid}
              onChange={(event) => {
                void event.currentTarget.files?.[0]?.text().then((text) => {
                  try {
                    const found = JSON.parse(text) as Partial<Keeping>;
                    if (typeof found.key !== "string" || typeof found.note !== "string") throw new Error("no checkpoint");
                    readCheckpoint(found.note);
                    setKeeping({ key: found.key, note: found.note });
                    setFileFault(false);
                  } catch {
                    setFileFault(true);
                  }
                });
              }}
            />
          )}
        </Field>
      </div>
      {keeping !== null && <p class="hint">{t("verify.kept", { size: number(readCheckpoint(keeping.note).size) })}</p>}
      {action.busy && (
        <p role="status" class="progress">
          {plural("verify.progress", Number(progress))}
        </p>
      )}
      {action.failure !== null && <Problem failure={action.failure} />}
      {outcome !== null && (
        <div role="status" class={`verdict ${good ? "good" : "bad"}`}>
          <Badge kind={good ? "good" : "bad"}>{t(good ? "verify.good" : "verify.bad")}</Badge>
          <p>{t("verify.summary", { size: number(outcome.size), checkpoints: number(outcome.checkpoints) })}</p>
          {outcome.removed > 0n && <p>{t("verify.removed", { count: number(outcome.removed) })}</p>}
          {outcome.consistent === true && <p>{t("verify.consistent")}</p>}
          {outcome.consistent === false && <p>{t("verify.inconsistent")}</p>}
          {good && outcome.firstTime && <p class="note">{t("verify.first-time")}</p>}
          {outcome.faults.length > 0 && (
            <ul>
              {outcome.faults.map((fault, index) => (
                <li key={index}>
                  {t(FAULTS[fault.kind])} <Value>{`#${fault.at}`}</Value>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </section>
  );
}

// Pictures of the progress; each record would be too many.
const PROGRESS_STEP = 256n;

async function verify(parent: string, keeping: Keeping | null, progress: (size: bigint) => void, signal: AbortSignal): Promise<Outcome> {
  const before = keeping === null ? null : readCheckpoint(keeping.note);
  const early: Fault[] = [];
  let trusted = keeping?.key ?? "";
  let verifier: LogVerifier | null = null;
  for await (const { part } of audit.exportAuditRecords({ parent }, { signal })) {
    if (part.case === "header") {
      // A key that is kept is believed; one that the server shows, the first time only.
      trusted = keeping?.key ?? part.value.publicKeys.find((key) => key.startsWith(`${part.value.origin}+`)) ?? "";
      const key = await readVerifier(trusted);
      verifier = new LogVerifier(key, before);
      if (keeping !== null && !(await isSigned(keeping.note, key))) early.push({ kind: "signature", at: before?.size ?? 0n });
      continue;
    }
    if (verifier === null) throw new Error("the export has no header");
    if (part.case === "record") await verifier.record(part.value);
    else if (part.case === "removed") await verifier.removedHashes(part.value);
    else if (part.case === "checkpoint") await verifier.checkpoint(part.value);
    else if (part.case === "end") await verifier.end(part.value);
    if (verifier.tree.size % PROGRESS_STEP === 0n) progress(verifier.tree.size);
  }
  if (signal.aborted) throw signal.reason;
  // An export that breaks off without saying where it ends proves nothing.
  if (verifier === null || !verifier.ended) throw new Error("the export has no end");
  return {
    faults: [...early, ...verifier.faults],
    size: verifier.tree.size,
    removed: verifier.removed,
    checkpoints: verifier.checkpoints,
    consistent: before === null || verifier.newest === null ? null : await consistent(parent, before, verifier.newest, signal),
    firstTime: keeping === null,
    keeping: verifier.newest === null ? null : { key: trusted, note: verifier.newest },
  };
}

// The server's own proof that the log only grew, beside the roots that were computed from the records.
async function consistent(parent: string, before: { size: bigint; root: Uint8Array }, newest: string, signal: AbortSignal): Promise<boolean> {
  const now = readCheckpoint(newest);
  if (before.size === now.size) return equal(before.root, now.root);
  if (before.size > now.size) return false;
  const proof = await audit.getConsistencyProof({ parent, olderSize: before.size, newerSize: now.size }, { signal });
  return isConsistent(before.size, now.size, before.root, now.root, proof.hashes);
}

/** Whether one record is in the log that the newest checkpoint vouches for, and says what is shown of it. */
export function useInclusion(parent: string, record: AuditRecord): Loaded<{ good: boolean; size: bigint; leaf: Uint8Array }> {
  return useCall(`${parent} ${record.sequence}`, async (signal) => {
    const [proof, shown] = await Promise.all([
      audit.getInclusionProof({ parent, sequence: record.sequence }, { signal }),
      audit.getCheckpoint({ parent }, { signal }),
    ]);
    const checkpoint = readCheckpoint(proof.checkpoint);
    const key = await readVerifier(kept(parent)?.key ?? shown.publicKey);
    const leaf = await leafHash(proof.record);
    const root = await rootFromInclusion(leaf, record.sequence, checkpoint.size, proof.hashes);
    const good = root !== null && equal(root, checkpoint.root) && (await isSigned(proof.checkpoint, key)) && says(proof.record, record);
    return { good, size: checkpoint.size, leaf };
  });
}
