// The audit log: what happened, by whom; and whether it is what was signed for, found out here and not asked of the server.

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { audit } from "../api";
import { hex } from "../audit/note";
import { ActorRole, AuditOutcome, type AuditRecord } from "../gen/zona/audit/v1/audit_record_pb";
import { lastPart, useParent } from "../session";
import { reasonText, t, time, type TextId } from "../text";
import { useAction, useCall } from "../ui/call";
import { List, Pages, useFilters, usePageInAddress, type Column } from "../ui/list";
import { Badge, Button, Choice, Dialog, PageHead, save, TextField, Value, When } from "../ui/parts";
import { Problem, Show } from "../ui/states";
import { Verification, useInclusion } from "./audit-verify";
import { dayStart, toTimestamp } from "./executions";

const PAGE_SIZE = 50;

const OUTCOMES: Record<string, AuditOutcome> = {
  intent: AuditOutcome.INTENT,
  allowed: AuditOutcome.ALLOWED,
  denied: AuditOutcome.DENIED,
  failed: AuditOutcome.FAILED,
  cancelled: AuditOutcome.CANCELLED,
  unknown: AuditOutcome.UNKNOWN,
};

const OUTCOME_TEXTS: Record<AuditOutcome, TextId> = {
  [AuditOutcome.UNSPECIFIED]: "audit.outcome.unknown",
  [AuditOutcome.INTENT]: "audit.outcome.intent",
  [AuditOutcome.ALLOWED]: "audit.outcome.allowed",
  [AuditOutcome.DENIED]: "audit.outcome.denied",
  [AuditOutcome.FAILED]: "audit.outcome.failed",
  [AuditOutcome.CANCELLED]: "audit.outcome.cancelled",
  [AuditOutcome.UNKNOWN]: "audit.outcome.unknown",
};

export function Audit(): JSX.Element {
  const parent = useParent();
  const { of: query, set, key } = useFilters();
  const turn = usePageInAddress();
  const [detail, setDetail] = useState<AuditRecord | null>(null);
  const filter = {
    actor: query("actor") === "" || query("actor").includes("/") ? query("actor") : `${parent}/users/${query("actor")}`,
    action: query("action"),
    resource: query("resource"),
    outcome: OUTCOMES[query("outcome")] ?? AuditOutcome.UNSPECIFIED,
    from: toTimestamp(dayStart(query("from"))),
    before: toTimestamp(dayStart(query("before"))),
  };
  const loaded = useCall(`${parent}?${key}`, (signal) =>
    audit.listAuditRecords({ parent, pageSize: PAGE_SIZE, pageToken: turn.token, filter }, { signal }),
  );
  return (
    <>
      <PageHead title={t("nav.audit")}>
        <ExportButton parent={parent} />
      </PageHead>
      <Verification parent={parent} />
      <search class="filters">
        <TextField label={t("audit.actor")} value={query("actor")} onInput={(actor) => set({ actor })} hint={t("audit.actor.hint")} />
        <TextField label={t("audit.action")} value={query("action")} onInput={(action) => set({ action })} />
        <TextField label={t("audit.resource")} value={query("resource")} onInput={(resource) => set({ resource })} />
        <Choice
          label={t("audit.outcome")}
          value={query("outcome")}
          options={[{ value: "", text: t("filter.any") }, ...Object.entries(OUTCOMES).map(([value, outcome]) => ({ value, text: t(OUTCOME_TEXTS[outcome]) }))]}
          onChange={(outcome) => set({ outcome })}
        />
        <TextField label={t("executions.from")} type="date" value={query("from")} onInput={(from) => set({ from })} />
        <TextField label={t("executions.before")} type="date" value={query("before")} onInput={(before) => set({ before })} />
      </search>
      <Pages
        of={loaded}
        turn={turn}
        items={(page) => page.records}
        empty={t("audit.empty")}
        label={t("nav.audit")}
        keyOf={(record) => String(record.sequence)}
        columns={columns(setDetail)}
      />
      {detail !== null && <Detail parent={parent} record={detail} onClose={() => setDetail(null)} />}
    </>
  );
}

function outcomeKind(outcome: AuditOutcome): "good" | "bad" | "warn" | "calm" {
  if (outcome === AuditOutcome.ALLOWED) return "good";
  if (outcome === AuditOutcome.INTENT) return "calm";
  return outcome === AuditOutcome.DENIED || outcome === AuditOutcome.FAILED ? "bad" : "warn";
}

function columns(onOpen: (record: AuditRecord) => void): Column<AuditRecord>[] {
  return [
    {
      head: t("audit.sequence"),
      cell: (record) => (
        <button type="button" class="link" onClick={() => onOpen(record)} aria-label={t("audit.open", { sequence: String(record.sequence) })}>
          <Value code>{String(record.sequence)}</Value>
        </button>
      ),
    },
    { head: t("audit.time"), cell: (record) => <When at={record.time} /> },
    { head: t("audit.actor"), cell: ({ actor }) => <Value title={actor?.principal}>{lastPart(actor?.principal ?? "")}</Value> },
    {
      head: t("audit.action"),
      cell: (record) => (
        <>
          <Value code>{record.action}</Value>
          {record.count > 1n && <Value>{` ×${record.count}`}</Value>}
        </>
      ),
    },
    { head: t("audit.resource"), cell: (record) => <Value>{record.resource}</Value> },
    {
      head: t("audit.outcome"),
      cell: (record) => (
        <>
          <Badge kind={outcomeKind(record.outcome)}>{t(OUTCOME_TEXTS[record.outcome] ?? "audit.outcome.unknown")}</Badge>{" "}
          {record.reason !== "" && <Value code>{record.reason}</Value>}
        </>
      ),
    },
  ];
}

const ROLE_NAMES: Record<ActorRole, string> = {
  [ActorRole.UNSPECIFIED]: "",
  [ActorRole.USER]: "USER",
  [ActorRole.CREATOR]: "CREATOR",
  [ActorRole.ADMIN]: "ADMIN",
  [ActorRole.SUPER_ADMIN]: "SUPER_ADMIN",
};

function Detail(props: { parent: string; record: AuditRecord; onClose: () => void }): JSX.Element {
  const { record } = props;
  const inclusion = useInclusion(props.parent, record);
  const facts: [TextId, string][] = [
    ["audit.time", record.time === undefined ? "" : time(timestampDate(record.time))],
    ["audit.actor", record.actor?.principal ?? ""],
    ["audit.role", ROLE_NAMES[record.actor?.role ?? ActorRole.UNSPECIFIED]],
    ["audit.session", record.actor?.session ?? ""],
    ["audit.key", record.actor?.apiKey ?? ""],
    ["audit.address", record.actor?.address ?? ""],
    ["audit.method", record.method],
    ["audit.action", record.action],
    ["audit.resource", record.resource],
    ["audit.version", record.version === 0 ? "" : String(record.version)],
    ["audit.call", record.call],
    ["audit.instance", record.instance],
    ["audit.purpose", record.purpose],
    ["state.request-id", record.requestId],
    ["audit.trace", record.traceId],
  ];
  return (
    <Dialog title={t("audit.detail", { sequence: String(record.sequence) })} onClose={props.onClose} wide>
      <p>
        <Badge kind={outcomeKind(record.outcome)}>{t(OUTCOME_TEXTS[record.outcome] ?? "audit.outcome.unknown")}</Badge>{" "}
        {record.reason !== "" && (
          <>
            <Value code>{record.reason}</Value> {reasonText(record.reason)}
          </>
        )}
      </p>
      <dl class="facts">
        {facts
          .filter(([, value]) => value !== "")
          .map(([label, value]) => (
            <>
              <dt>{t(label)}</dt>
              <dd>
                <Value code>{value}</Value>
              </dd>
            </>
          ))}
      </dl>
      {record.changes.length > 0 && (
        <List
          label={t("audit.changes")}
          caption={t("audit.changes")}
          items={record.changes}
          keyOf={(change) => change.field}
          columns={[
            { head: t("audit.field"), names: true, cell: (change) => <Value code>{change.field}</Value> },
            { head: t("audit.before"), cell: (change) => <Hash of={change.beforeSha256} /> },
            { head: t("audit.after"), cell: (change) => <Hash of={change.afterSha256} /> },
          ]}
        />
      )}
      <h3>{t("audit.proof")}</h3>
      <Show of={inclusion}>
        {(proof) => (
          <div role="status">
            <Badge kind={proof.good ? "good" : "bad"}>{t(proof.good ? "audit.proof.good" : "audit.proof.bad")}</Badge>
            <p>
              {t("audit.proof.text", { size: String(proof.size) })} <Value code>{hex(proof.leaf)}</Value>
            </p>
          </div>
        )}
      </Show>
    </Dialog>
  );
}

function Hash(props: { of: string }): JSX.Element {
  return (
    <Value code title={props.of}>
      {props.of.slice(0, 12)}
    </Value>
  );
}

/** Exports the log as it proves itself: the lines that `zona audit verify` reads. */
function ExportButton(props: { parent: string }): JSX.Element {
  const action = useAction();
  return (
    <>
      <Button
        busy={action.busy}
        onClick={() =>
          void action.run(async () => {
            const parts: BlobPart[] = [];
            for await (const { part } of audit.exportAuditRecords({ parent: props.parent })) {
              switch (part.case) {
                case "header":
                  parts.push(`${JSON.stringify({ export: "zona-audit/1", keys: part.value.publicKeys, origin: part.value.origin, tenant: part.value.tenant })}\n`);
                  break;
                case "record":
                  parts.push(Uint8Array.from(part.value), "\n");
                  break;
                case "removed":
                  parts.push(`${JSON.stringify({ removed: btoa(String.fromCharCode(...part.value)) })}\n`);
                  break;
                case "checkpoint":
                  parts.push(`${JSON.stringify({ checkpoint: part.value })}\n`);
                  break;
                case "end":
                  parts.push(`${JSON.stringify({ end: Number(part.value) })}\n`);
                  break;
                default:
              }
            }
            save(`audit-${lastPart(props.parent)}.jsonl`, parts, "application/x-ndjson");
          })
        }
      >
        {t("audit.export")}
      </Button>
      {action.failure !== null && <Problem failure={action.failure} />}
    </>
  );
}
