// The audit log: what happened, by whom; and whether it is what was signed for, found out here and not asked of the server.

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { audit } from "../api";
import { hex } from "../audit/note";
import { ActorRole, AuditOutcome, type AuditRecord } from "../gen/zona/audit/v1/audit_record_pb";
import { Link, navigate, usePlace, withQuery } from "../router";
import { lastPart, useParent } from "../session";
import { reasonText, t, time, type TextId } from "../text";
import { useAction, useCall } from "../ui/call";
import { Badge, Button, Choice, Dialog, PageHead, save, TextField, Time, Value } from "../ui/parts";
import { Empty, Problem, Show } from "../ui/states";
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
  const place = usePlace();
  const query = (name: string) => place.search.get(name) ?? "";
  const set = (changes: Record<string, string>) => navigate(withQuery(place, { page: "", ...changes }), { replace: true, keep: true });
  const [detail, setDetail] = useState<AuditRecord | null>(null);
  const filter = {
    actor: query("actor") === "" || query("actor").includes("/") ? query("actor") : `${parent}/users/${query("actor")}`,
    action: query("action"),
    resource: query("resource"),
    outcome: OUTCOMES[query("outcome")] ?? AuditOutcome.UNSPECIFIED,
    from: toTimestamp(dayStart(query("from"))),
    before: toTimestamp(dayStart(query("before"))),
  };
  const loaded = useCall(`${parent}?${place.search.toString()}`, (signal) =>
    audit.listAuditRecords({ parent, pageSize: PAGE_SIZE, pageToken: query("page"), filter }, { signal }),
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
      <Show of={loaded}>
        {(page) =>
          page.records.length === 0 && page.nextPageToken === "" ? (
            <Empty title={t("audit.empty")} />
          ) : (
            <>
              <List found={page.records} onOpen={setDetail} />
              <div class="pager">
                {query("page") !== "" && (
                  <Link to={withQuery(place, { page: "" })} class="button">
                    {t("pager.first")}
                  </Link>
                )}
                {page.nextPageToken !== "" && (
                  <Link to={withQuery(place, { page: page.nextPageToken })} class="button">
                    {t("pager.next")}
                  </Link>
                )}
              </div>
            </>
          )
        }
      </Show>
      {detail !== null && <Detail parent={parent} record={detail} onClose={() => setDetail(null)} />}
    </>
  );
}

function outcomeKind(outcome: AuditOutcome): "good" | "bad" | "warn" | "calm" {
  if (outcome === AuditOutcome.ALLOWED) return "good";
  if (outcome === AuditOutcome.INTENT) return "calm";
  return outcome === AuditOutcome.DENIED || outcome === AuditOutcome.FAILED ? "bad" : "warn";
}

function List(props: { found: readonly AuditRecord[]; onOpen: (record: AuditRecord) => void }): JSX.Element {
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={t("nav.audit")}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("audit.sequence")}</th>
            <th scope="col">{t("audit.time")}</th>
            <th scope="col">{t("audit.actor")}</th>
            <th scope="col">{t("audit.action")}</th>
            <th scope="col">{t("audit.resource")}</th>
            <th scope="col">{t("audit.outcome")}</th>
          </tr>
        </thead>
        <tbody>
          {props.found.map((record) => (
            <tr key={String(record.sequence)}>
              <td>
                <button type="button" class="link" onClick={() => props.onOpen(record)} aria-label={t("audit.open", { sequence: String(record.sequence) })}>
                  <Value code>{String(record.sequence)}</Value>
                </button>
              </td>
              <td>
                <Time at={record.time === undefined ? null : timestampDate(record.time)} />
              </td>
              <td>
                <Value title={record.actor?.principal}>{lastPart(record.actor?.principal ?? "")}</Value>
              </td>
              <td>
                <Value code>{record.action}</Value>
                {record.count > 1n && <Value>{` ×${record.count}`}</Value>}
              </td>
              <td>
                <Value>{record.resource}</Value>
              </td>
              <td>
                <Badge kind={outcomeKind(record.outcome)}>{t(OUTCOME_TEXTS[record.outcome] ?? "audit.outcome.unknown")}</Badge>{" "}
                {record.reason !== "" && <Value code>{record.reason}</Value>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
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
        <div class="table-scroll" tabIndex={0} role="region" aria-label={t("audit.changes")}>
          <table>
            <caption>{t("audit.changes")}</caption>
            <thead>
              <tr>
                <th scope="col">{t("audit.field")}</th>
                <th scope="col">{t("audit.before")}</th>
                <th scope="col">{t("audit.after")}</th>
              </tr>
            </thead>
            <tbody>
              {record.changes.map((change, index) => (
                <tr key={index}>
                  <th scope="row">
                    <Value code>{change.field}</Value>
                  </th>
                  <td>
                    <Value code title={change.beforeSha256}>
                      {change.beforeSha256.slice(0, 12)}
                    </Value>
                  </td>
                  <td>
                    <Value code title={change.afterSha256}>
                      {change.afterSha256.slice(0, 12)}
                    </Value>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
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
