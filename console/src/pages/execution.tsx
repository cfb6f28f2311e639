// One execution by its address: what became of it, run again with the same input, compared with another one.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { executions } from "../api";
import type { Execution } from "../gen/zona/execution/v1/execution_pb";
import { Link, navigate, usePlace, withQuery } from "../router";
import { isOver, STATE_TEXTS } from "../run/execution-state";
import { milliseconds, RunView } from "../run/run-view";
import { lastPart, useParent } from "../session";
import { bytes, seconds, t } from "../text";
import { useAction, useCall } from "../ui/call";
import { List } from "../ui/list";
import { Button, PageHead, TextField, Value } from "../ui/parts";
import { Problem, Show } from "../ui/states";
import { OutputCompare } from "./output-compare";

export function ExecutionPage(props: { parts: string[] }): JSX.Element {
  const parent = useParent();
  const place = usePlace();
  const name = `${parent}/executions/${props.parts[0] ?? ""}`;
  const loaded = useCall(name, (signal) => executions.getExecution({ name }, { signal }));
  const again = useAction();
  const rerun = (execution: Execution) =>
    void again.run(async (id) => {
      const bindings = Object.fromEntries(execution.secrets.map((binding) => [binding.parameter, binding.secret]));
      const started = await executions.startExecution({
        name: execution.utility,
        version: execution.version,
        paramsJson: execution.paramsJson,
        secretParameters: bindings,
        requestId: id(execution.name),
      });
      navigate(`/executions/${lastPart(started.name)}`);
    });
  const other = place.search.get("with") ?? "";
  return (
    <>
      <PageHead title={t("execution.title", { id: (props.parts[0] ?? "").slice(-12) })}>
        {loaded.value !== null && (
          <>
            <Link to={utilityAddress(loaded.value)} class="button">
              <Value>{lastPart(loaded.value.utility)}</Value>
            </Link>
            {loaded.value.valueCount === 0 && (
              <>
                <Button onClick={() => loaded.value !== null && rerun(loaded.value)} busy={again.busy}>
                  {t("execution.rerun")}
                </Button>
                <span class="hint">{t("execution.rerun.hint")}</span>
              </>
            )}
          </>
        )}
      </PageHead>
      {again.failure !== null && <Problem failure={again.failure} />}
      <Show of={loaded}>
        {(execution) => (
          <>
            <RunView name={name} limits={execution.limits} onEnd={loaded.reload} onLine={(line) => navigate(`/utilities/${encodeURIComponent(lastPart(execution.utility))}?line=${line}`)} />
            <Comparison one={execution} other={other} onChoose={(id) => navigate(withQuery(place, { with: id }), { replace: true })} />
          </>
        )}
      </Show>
    </>
  );
}

function utilityAddress(execution: Execution): string {
  const search = new URLSearchParams();
  if (execution.paramsJson !== "" && execution.paramsJson !== "{}") search.set("params", execution.paramsJson);
  const text = search.toString();
  return `/utilities/${encodeURIComponent(lastPart(execution.utility))}${text === "" ? "" : `?${text}`}`;
}

function Comparison(props: { one: Execution; other: string; onChoose: (id: string) => void }): JSX.Element {
  const parent = useParent();
  const [id, setId] = useState(props.other);
  return (
    <details class="comparison" open={props.other !== ""}>
      <summary>{t("execution.compare")}</summary>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          props.onChoose(id.trim());
        }}
      >
        <TextField label={t("execution.other")} value={id} onInput={setId} hint={t("execution.other.hint")} />
        <Button type="submit">{t("execution.compare")}</Button>
      </form>
      {props.other !== "" && <Compared one={props.one} name={`${parent}/executions/${props.other}`} />}
    </details>
  );
}

function Compared(props: { one: Execution; name: string }): JSX.Element {
  const loaded = useCall(props.name, (signal) => executions.getExecution({ name: props.name }, { signal }));
  const rows = (other: Execution): [string, string, string][] => {
    const row = (label: string, of: (execution: Execution) => string): [string, string, string] => [label, of(props.one), of(other)];
    return [
      row(t("executions.state"), (execution) => t(STATE_TEXTS[execution.state])),
      row(t("details.utility"), (execution) => `${lastPart(execution.utility)} v${execution.version}`),
      row(t("details.params"), (execution) => execution.paramsJson),
      row(t("run.result"), (execution) => execution.resultJson),
      row(t("state.reason"), (execution) => execution.failure?.reason ?? ""),
      row(t("details.time"), (execution) => seconds(milliseconds(execution.usage?.wallTime))),
      row(t("details.memory"), (execution) => bytes(execution.usage?.peakMemoryBytes ?? 0n)),
      row(t("details.output"), (execution) => bytes((execution.usage?.stdoutBytes ?? 0n) + (execution.usage?.stderrBytes ?? 0n))),
    ];
  };
  return (
    <Show of={loaded}>
      {(other) => (
        <>
          <List
            label={t("execution.compare")}
            items={rows(other)}
            keyOf={([label]) => label}
            mark={([, one, two]) => (one === two ? "" : "differs")}
            columns={[
              { head: "", names: true, cell: ([label]) => label },
              { head: lastPart(props.one.name).slice(-12), raw: true, cell: ([, one]) => <Value>{one}</Value> },
              { head: lastPart(other.name).slice(-12), raw: true, cell: ([, , two]) => <Value>{two}</Value> },
            ]}
          />
          {isOver(props.one.state) && isOver(other.state) && <OutputCompare one={props.one.name} other={props.name} />}
        </>
      )}
    </Show>
  );
}
