// How long the newest executions took and how they ended: one bar each, by the logarithm of the time, since runs differ by thousands.

import type { JSX } from "preact";

import type { Execution } from "../gen/zona/execution/v1/execution_pb";
import { navigate } from "../router";
import { isOver, STATE_TEXTS, stateKind } from "../run/execution-state";
import { milliseconds } from "../run/run-view";
import { lastPart } from "../session";
import { number, seconds, t } from "../text";
import { barHeight, quantiles } from "./chart-numbers";

const HEIGHT = 120;
const BAR = 12;
const GAP = 3;

export function Chart(props: { executions: readonly Execution[] }): JSX.Element {
  const ended = [...props.executions].reverse().filter((execution) => isOver(execution.state));
  const times = ended.map((execution) => milliseconds(execution.usage?.wallTime));
  const longest = Math.max(...times, 0.1);
  const { p50, p95 } = quantiles(times);
  const good = ended.filter((execution) => stateKind(execution.state) === "good").length;
  const width = Math.max(ended.length * (BAR + GAP), 1);
  const summary = t("chart.summary", { count: number(ended.length), good: number(good), p50: seconds(p50), p95: seconds(p95) });
  if (ended.length === 0) return <></>;
  return (
    <figure class="chart">
      <figcaption>{summary}</figcaption>
      <div class="chart-scroll" tabIndex={0} role="region" aria-label={t("chart.label")}>
        <svg width={width} height={HEIGHT} role="img" aria-label={summary}>
          {ended.map((execution, index) => {
            const height = barHeight(times[index] ?? 0, longest, HEIGHT);
            const id = lastPart(execution.name);
            return (
              <rect
                key={id}
                class={`bar ${stateKind(execution.state)}`}
                x={index * (BAR + GAP)}
                y={HEIGHT - height}
                width={BAR}
                height={height}
                rx={2}
                onClick={() => navigate(`/executions/${id}`)}
              >
                <title>{`${t(STATE_TEXTS[execution.state])}, ${seconds(times[index] ?? 0)}`}</title>
              </rect>
            );
          })}
        </svg>
      </div>
    </figure>
  );
}
