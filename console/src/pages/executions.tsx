// Executions: which ended how, and how long they took, as a picture and as a list.

import type { JSX } from "preact";

import { executions } from "../api";
import { ExecutionState, type Execution } from "../gen/zona/execution/v1/execution_pb";
import { Link } from "../router";
import { isOver, STATE_TEXTS, stateKind } from "../run/execution-state";
import { milliseconds } from "../run/run-view";
import { lastPart, useParent } from "../session";
import { executionReasonText, seconds, t } from "../text";
import { useCall } from "../ui/call";
import { Pages, useFilters, usePageInAddress, type Column } from "../ui/list";
import { Badge, Choice, PageHead, TextField, Value, When } from "../ui/parts";
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
  const { of: query, set, key } = useFilters();
  const turn = usePageInAddress();
  const wanted = query("utility").trim();
  const utility = props.utility ?? (wanted === "" ? "" : `${parent}/utilities/${wanted}`);
  const state = STATES[query("state")];
  const loaded = useCall(`${parent} ${utility}?${key}`, (signal) =>
    executions.listExecutions(
      {
        parent,
        pageSize: PAGE_SIZE,
        pageToken: turn.token,
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
      <Pages
        of={loaded}
        turn={turn}
        items={(page) => page.executions}
        empty={t("executions.empty")}
        above={props.chart ? (found) => <Chart executions={found} /> : undefined}
        label={t("nav.executions")}
        keyOf={(execution) => execution.name}
        columns={columns(props.utility === null)}
      />
    </>
  );
}

function columns(withUtility: boolean): (Column<Execution> | null)[] {
  return [
    {
      head: t("executions.id"),
      cell: (execution) => (
        <Link to={`/executions/${lastPart(execution.name)}`}>
          <Value code>{lastPart(execution.name).slice(-12)}</Value>
        </Link>
      ),
    },
    withUtility
      ? {
          head: t("executions.utility"),
          cell: (execution) => (
            <>
              <Link to={`/utilities/${encodeURIComponent(lastPart(execution.utility))}`}>
                <Value>{lastPart(execution.utility)}</Value>
              </Link>{" "}
              <Value code>{`v${execution.version}`}</Value>
            </>
          ),
        }
      : null,
    {
      head: t("executions.state"),
      cell: (execution) => (
        <>
          <Badge kind={stateKind(execution.state)}>{t(STATE_TEXTS[execution.state] ?? "execution.state.unknown")}</Badge>{" "}
          {execution.failure !== undefined && (
            <Value code title={executionReasonText(execution.failure.reason)}>
              {execution.failure.reason}
            </Value>
          )}
        </>
      ),
    },
    {
      head: t("executions.duration"),
      number: true,
      cell: (execution) => <Value>{isOver(execution.state) ? seconds(milliseconds(execution.usage?.wallTime)) : ""}</Value>,
    },
    { head: t("executions.created"), cell: (execution) => <When at={execution.createTime} /> },
    { head: t("executions.caller"), cell: (execution) => <Value title={execution.caller}>{lastPart(execution.caller)}</Value> },
  ];
}
