// Whether a record that is shown says what its signed bytes say: the list is answered from beside them.

import { AuditOutcome, type AuditRecord } from "../gen/zona/audit/v1/audit_record_pb";

/** The canonical form of a record, as far as it is compared (docs/audit.md). What says nothing is not in it. */
interface Signed {
  readonly action?: string;
  readonly actor?: { readonly principal?: string; readonly sealed?: string };
  readonly call?: string;
  readonly changes?: readonly { readonly field: string; readonly before?: string; readonly after?: string }[];
  readonly count?: number;
  readonly instance?: string;
  readonly method?: string;
  readonly outcome?: string;
  readonly purpose?: string;
  readonly reason?: string;
  readonly request_id?: string;
  readonly resource?: string;
  readonly sequence?: number;
  readonly time?: number;
  readonly trace_id?: string;
  readonly until?: number;
  readonly version?: number;
}

/** Compares everything but people: their names, addresses and purposes are sealed in the bytes, or stand under an id. */
export function says(bytes: Uint8Array, shown: AuditRecord): boolean {
  const signed = JSON.parse(new TextDecoder().decode(bytes)) as Signed;
  const pairs: [unknown, unknown][] = [
    [signed.sequence, Number(shown.sequence)],
    [signed.time ?? 0, milliseconds(shown.time)],
    [signed.until ?? 0, milliseconds(shown.endTime)],
    [signed.count, Number(shown.count)],
    [signed.instance ?? "", shown.instance],
    [signed.call ?? "", shown.call],
    [signed.method ?? "", shown.method],
    [signed.action ?? "", shown.action],
    [signed.version ?? 0, shown.version],
    [signed.outcome ?? "", AuditOutcome[shown.outcome]],
    [signed.reason ?? "", shown.reason],
    [signed.request_id ?? "", shown.requestId],
    [signed.trace_id ?? "", shown.traceId],
    [signed.changes?.length ?? 0, shown.changes.length],
  ];
  if (!isOfPerson(signed.resource ?? "")) pairs.push([signed.resource ?? "", shown.resource]);
  if (signed.actor?.sealed === undefined) pairs.push([signed.purpose ?? "", shown.purpose]);
  if (signed.actor?.principal !== undefined) pairs.push([signed.actor.principal, shown.actor?.principal]);
  for (const [index, change] of (signed.changes ?? []).entries()) {
    const other = shown.changes[index];
    // `field=user`: who it is stands under an id.
    const [what = "", who = ""] = change.field.split("=");
    pairs.push(isOfPerson(who) ? [what, other?.field.split("=")[0]] : [change.field, other?.field]);
    pairs.push([change.before ?? "", other?.beforeSha256], [change.after ?? "", other?.afterSha256]);
  }
  return pairs.every(([one, other]) => one === other);
}

function isOfPerson(resource: string): boolean {
  return /^tenants\/[^/]+\/subjects\//.test(resource);
}

function milliseconds(at: { seconds: bigint; nanos: number } | undefined): number {
  return at === undefined ? 0 : Number(at.seconds) * 1000 + Math.floor(at.nanos / 1e6);
}
