// Executions: which ended how, and how long they took, as a picture and as a list.

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { JSX } from "preact";

import { executions } from "../api";
import { ExecutionState, type Execution } from "../gen/zona/execution/v1/execution_pb";
import { Link, navigate, usePlace, withQuery } from "../router";
import { isOver, STATE_TEXTS, stateKind } from "../run/execution-state";
import { milliseconds } from "../run/run-view";
import { lastPart, useParent } from "../session";
import { executionReasonText, seconds, t } from "../text";
import { useCall } from "../ui/call";
import { Badge, Choice, PageHead, TextField, Time, Value } from "../ui/parts";
import { Empty, Show } from "../ui/states";
import { Chart } from "./chart";

const PAGE_SIZE = 50;

const STATES: Record<string, ExecutionState> = {
  pending: ExecutionState.PENDING,
  running: ExecutionState.RUNNING,
  succeeded: ExecutionState.SUCCEEDED,
  failed: ExecutionState.FAILED,
  "timed-out": ExecutionState.TIMED_OUT,
  cancelled: ExecutionState.CANCELLED,
  denied: ExecutionState.DENIED,
  lost: ExecutionState.LOST,
};

export function Executions(): JSX.Element {
  return (
    <>
      <PageHead title={t("nav.executions")} />
      <ExecutionList utility={null} chart={false} />
    </>
  );
}

/** The beginning of a day that is written as `2026-11-30`, in the time of the browser; null where it is none. */
export function dayStart(text: string): Date | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
  const day = new Date(`${text}T00:00:00`);
  return Number.isNaN(day.getTime()) ? null : day;
}

export function toTimestamp(day: Date | null): { seconds: bigint; nanos: number } | undefined {
  return day === null ? undefined : { seconds: BigInt(Math.floor(day.getTime() / 1000)), nanos: 0 };
}

export function ExecutionList(props: { utility: string | null; chart: boolean }): JSX.Element {
  const parent = useParent();
  const place = usePlace();
  const query = (name: string) => place.search.get(name) ?? "";
  const set = (changes: Record<string, string>) => navigate(withQuery(place, { page: "", ...changes }), { replace: true, keep: true });
  const wanted = query("utility").trim();
  const utility = props.utility ?? (wanted === "" ? "" : `${parent}/utilities/${wanted}`);
  const state = STATES[query("state")];
  const loaded = useCall(`${parent} ${utility}?${place.search.toString()}`, (signal) =>
    executions.listExecutions(
      {
        parent,
        pageSize: PAGE_SIZE,
        pageToken: query("page"),
        filter: {
          utility,
          states: state === undefined ? [] : [state],
          createdFrom: toTimestamp(dayStart(query("from"))),
          createdBefore: toTimestamp(dayStart(query("before"))),
        },
      },
      { signal },
    ),
  );
  return (
    <>
      <search class="filters">
        {props.utility === null && <TextField label={t("executions.utility")} value={query("utility")} onInput={(next) => set({ utility: next })} type="search" />}
        <Choice
          label={t("executions.state")}
          value={query("state")}
          options={[{ value: "", text: t("filter.any") }, ...Object.entries(STATES).map(([value, state]) => ({ value, text: t(STATE_TEXTS[state]) }))]}
          onChange={(next) => set({ state: next })}
        />
        <TextField label={t("executions.from")} type="date" value={query("from")} onInput={(from) => set({ from })} />
        <TextField label={t("executions.before")} type="date" value={query("before")} onInput={(before) => set({ before })} />
      </search>
      <Show of={loaded}>
        {(page) =>
          page.executions.length === 0 ? (
            <Empty title={t("executions.empty")} />
          ) : (
            <>
              {props.chart && <Chart executions={page.executions} />}
              <List found={page.executions} withUtility={props.utility === null} />
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
    </>
  );
}

function List(props: { found: readonly Execution[]; withUtility: boolean }): JSX.Element {
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={t("nav.executions")}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("executions.id")}</th>
            {props.withUtility && <th scope="col">{t("executions.utility")}</th>}
            <th scope="col">{t("executions.state")}</th>
            <th scope="col">{t("executions.duration")}</th>
            <th scope="col">{t("executions.created")}</th>
            <th scope="col">{t("executions.caller")}</th>
          </tr>
        </thead>
        <tbody>
          {props.found.map((execution) => (
            <tr key={execution.name}>
              <td>
                <Link to={`/executions/${lastPart(execution.name)}`}>
                  <Value code>{lastPart(execution.name).slice(-12)}</Value>
                </Link>
              </td>
              {props.withUtility && (
                <td>
                  <Link to={`/utilities/${encodeURIComponent(lastPart(execution.utility))}`}>
                    <Value>{lastPart(execution.utility)}</Value>
                  </Link>{" "}
                  <Value code>{`v${execution.version}`}</Value>
                </td>
              )}
              <td>
                <Badge kind={stateKind(execution.state)}>{t(STATE_TEXTS[execution.state] ?? "execution.state.unknown")}</Badge>{" "}
                {execution.failure !== undefined && (
                  <Value code title={executionReasonText(execution.failure.reason)}>
                    {execution.failure.reason}
                  </Value>
                )}
              </td>
              <td class="number" data-value>
                {isOver(execution.state) ? seconds(milliseconds(execution.usage?.wallTime)) : ""}
              </td>
              <td>
                <Time at={execution.createTime === undefined ? null : timestampDate(execution.createTime)} />
              </td>
              <td>
                <Value title={execution.caller}>{lastPart(execution.caller)}</Value>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
