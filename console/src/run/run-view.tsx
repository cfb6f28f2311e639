// One execution, live or ended: where it is, what it prints, what it returned or why not, and what kept it apart.

import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { executions } from "../api";
import { toFailure, type Failure } from "../failure";
import type { Attestation } from "../gen/zona/execution/v1/attestation_pb";
import { OutputStream, type ExecutionEvent } from "../gen/zona/execution/v1/event_pb";
import { ExecutionState, type Execution } from "../gen/zona/execution/v1/execution_pb";
import type { Failure as RunFailure } from "../gen/zona/execution/v1/failure_pb";
import type { Limits } from "../gen/zona/utility/v1/limits_pb";
import { signedOut } from "../session";
import { bytes, executionReasonText, number, plural, seconds, t, time } from "../text";
import { useAction } from "../ui/call";
import { Badge, Button, Dialog, Tabs, Value } from "../ui/parts";
import { Loading, Problem } from "../ui/states";
import { sentences, isStrong, tierText } from "./attestation";
import { isOver, STATE_TEXTS, stateKind } from "./execution-state";
import { follow, untilBetter, type Link } from "./follow";
import { Log } from "./log";
import { OutputView } from "./output-view";
import { ResultView } from "./result-view";

interface Live {
  execution: Execution | null;
  position: number | null;
  attestation: Attestation | null;
  startTime: Timestamp | null;
  storeFailing: boolean;
  running: boolean;
}

const NOTHING: Live = { execution: null, position: null, attestation: null, startTime: null, storeFailing: false, running: false };

export function RunView(props: { name: string; limits: Limits | undefined; onEnd?: (execution: Execution) => void; onLine?: (line: number) => void }): JSX.Element {
  const log = useRef(new Log());
  const [revision, setRevision] = useState(0);
  const [live, setLive] = useState<Live>(NOTHING);
  const [link, setLink] = useState<Link>("connecting");
  const [failure, setFailure] = useState<Failure | null>(null);
  const [tab, setTab] = useState("output");
  const [turn, setTurn] = useState(0);
  const ended = useRef(props.onEnd);
  ended.current = props.onEnd;

  useEffect(() => {
    const stop = new AbortController();
    log.current = new Log();
    setLive(NOTHING);
    setFailure(null);
    setRevision(0);
    let frame = 0;
    let now = NOTHING;
    // What comes between two pictures is drawn once.
    const draw = () => {
      if (frame !== 0) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        setLive(now);
        setRevision(log.current.revision);
      });
    };
    const take = (event: ExecutionEvent) => {
      now = after(now, event, log.current);
      draw();
      if (event.event.case === "finished") {
        const { execution } = event.event.value;
        if (execution === undefined) return;
        if (log.current.rows.length === 0 && execution.state === ExecutionState.SUCCEEDED) setTab("result");
        ended.current?.(execution);
      }
    };
    const run = async () => {
      try {
        await follow<ExecutionEvent>({
          open: (sequence, signal) => executions.watchExecution({ name: props.name, afterSequence: sequence }, { signal }),
          number: (event) => ({ sequence: event.sequence, last: event.event.case === "finished" }),
          take,
          link: setLink,
          pause: untilBetter,
          signal: stop.signal,
        });
      } catch (thrown) {
        const read = toFailure(thrown);
        if (read.kind === "signed-out") signedOut();
        // Output goes before the execution does: without it, the execution is shown as it ended.
        if (read.reason === "EVENTS_PRUNED") {
          const execution = await executions.getExecution({ name: props.name }, { signal: stop.signal });
          now = { ...now, execution };
          draw();
        }
        setFailure(read);
      }
    };
    void run().catch((thrown: unknown) => setFailure(toFailure(thrown)));
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
    };
  }, [props.name, turn]);

  const { execution } = live;
  const over = execution !== null && isOver(execution.state);
  return (
    <section class="run" aria-label={t("run.label")}>
      <StatusBar name={props.name} limits={props.limits} live={live} link={link} over={over} log={log.current} revision={revision} />
      {failure !== null && <Problem failure={failure} onRetry={() => setTurn(turn + 1)} />}
      {live.storeFailing && <p class="note warn">{t("run.store-failing")}</p>}
      {execution?.failure !== undefined && <RunFailureView failure={execution.failure} onLine={props.onLine} />}
      <Tabs
        label={t("run.label")}
        current={tab}
        onChange={setTab}
        tabs={[
          { id: "output", text: t("run.output") },
          { id: "result", text: t("run.result") },
          { id: "details", text: t("run.details") },
        ]}
      >
        {tab === "output" && (
          <OutputView log={log.current} revision={revision} fileName={props.name.slice(props.name.lastIndexOf("/") + 1)} live={!over} />
        )}
        {tab === "result" && <Outcome execution={execution} />}
        {tab === "details" && (execution === null ? <Loading /> : <Details execution={execution} />)}
      </Tabs>
    </section>
  );
}

function after(before: Live, event: ExecutionEvent, log: Log): Live {
  switch (event.event.case) {
    case "queued":
      return { ...before, position: event.event.value.position, storeFailing: false };
    case "started":
      return { ...before, running: true, attestation: event.event.value.attestation ?? null, startTime: event.time ?? null, storeFailing: false };
    case "output": {
      const { stream, offset, data } = event.event.value;
      log.append(stream === OutputStream.STDERR ? "stderr" : "stdout", Number(offset), data);
      return { ...before, storeFailing: false };
    }
    case "heartbeat":
      return { ...before, storeFailing: event.event.value.storeFailing };
    case "finished": {
      log.finish();
      const execution = event.event.value.execution ?? null;
      return { ...before, execution, running: false, attestation: execution?.attestation ?? before.attestation, storeFailing: false };
    }
    default:
      return before;
  }
}

function StatusBar(props: { name: string; limits: Limits | undefined; live: Live; link: Link; over: boolean; log: Log; revision: number }): JSX.Element {
  const { live, over } = props;
  const cancel = useAction();
  const state = live.execution?.state ?? (live.running ? ExecutionState.RUNNING : ExecutionState.PENDING);
  return (
    <div class="run-status">
      <span role="status">
        <Badge kind={stateKind(state)}>{t(STATE_TEXTS[state] ?? "execution.state.unknown")}</Badge>
      </span>
      {!over && live.position !== null && live.position > 0 && !live.running && <span>{plural("run.queue", live.position)}</span>}
      {!over && <Elapsed since={live.startTime} limit={milliseconds(props.limits?.timeout)} />}
      <span>
        {t("run.printed", { stdout: bytes(props.log.bytes("stdout")), stderr: bytes(props.log.bytes("stderr")) })}
      </span>
      {!over && props.link === "waiting" && (
        <span class="badge warn" role="status">
          {t("run.reconnecting")}
        </span>
      )}
      {live.attestation !== null && <IsolationBadge attestation={live.attestation} />}
      {!over && (
        <Button
          kind="danger"
          busy={cancel.busy}
          onClick={() =>
            void cancel.run(async () => {
              await executions.cancelExecution({ name: props.name });
            })
          }
        >
          {t("run.cancel")}
        </Button>
      )}
      {cancel.failure !== null && <Problem failure={cancel.failure} />}
    </div>
  );
}

function Elapsed(props: { since: Timestamp | null; limit: number }): JSX.Element | null {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 200);
    return () => clearInterval(timer);
  }, []);
  if (props.since === null) return null;
  const passed = Math.max(0, Math.floor((now - timestampDate(props.since).getTime()) / 100) * 100);
  return props.limit > 0 ? <Meter label={t("details.time")} used={passed} limit={props.limit} show={seconds} /> : <span data-value>{seconds(passed)}</span>;
}

/** Says in one word how a run was kept apart; opens what was observed in sentences. */
export function IsolationBadge(props: { attestation: Attestation }): JSX.Element {
  const [open, setOpen] = useState(false);
  const { attestation } = props;
  return (
    <>
      <button type="button" class={`badge ${isStrong(attestation) ? "good" : "warn"} isolation`} onClick={() => setOpen(true)}>
        {t("attestation.badge")}
      </button>
      {open && (
        <Dialog title={t("attestation.title")} onClose={() => setOpen(false)}>
          <p>{t(tierText(attestation.tier))}</p>
          <ul class="sentences">
            {sentences(attestation)
              .slice(1)
              .map((sentence) => (
                <li key={sentence.id} class={sentence.weak ? "weak" : ""}>
                  {t(sentence.id, sentence.values)}
                </li>
              ))}
          </ul>
          {attestation.batteryTime !== undefined && <p>{t("attestation.battery.time", { time: time(timestampDate(attestation.batteryTime)) })}</p>}
          <dl class="facts">
            <dt>{t("attestation.sandbox")}</dt>
            <dd>
              <Value code>{attestation.sandbox}</Value>
            </dd>
            <dt>{t("attestation.runtime")}</dt>
            <dd>
              <Value code>{`${attestation.runtime} (Python ${attestation.pythonVersion})`}</Value>
            </dd>
            <dt>{t("attestation.digest")}</dt>
            <dd>
              <Value code>{attestation.runtimeDigest}</Value>
            </dd>
          </dl>
        </Dialog>
      )}
    </>
  );
}

function RunFailureView(props: { failure: RunFailure; onLine: ((line: number) => void) | undefined }): JSX.Element {
  const { failure } = props;
  return (
    <div class="state problem run-failure" role="alert">
      <p class="state-title">
        <Value code>{failure.reason}</Value> {executionReasonText(failure.reason)}
      </p>
      {failure.message !== "" && (
        <p>
          <Value>{failure.exception === "" || failure.message.startsWith(failure.exception) ? failure.message : `${failure.exception}: ${failure.message}`}</Value>
        </p>
      )}
      {failure.exitCode !== undefined && <p>{t("run.exit-code", { code: failure.exitCode })}</p>}
      {failure.signal !== "" && <p>{t("run.signal", { signal: failure.signal })}</p>}
      {failure.line > 0 &&
        (props.onLine === undefined ? (
          <p>{t("run.line", { line: failure.line })}</p>
        ) : (
          <Button kind="quiet" onClick={() => props.onLine?.(failure.line)}>
            {t("run.line", { line: failure.line })}
          </Button>
        ))}
      {failure.traceback !== "" && (
        <pre class="traceback" data-value tabIndex={0}>
          {failure.traceback}
        </pre>
      )}
    </div>
  );
}

function Outcome(props: { execution: Execution | null }): JSX.Element {
  const { execution } = props;
  if (execution === null || !isOver(execution.state)) return <p>{t("run.no-result-yet")}</p>;
  if (execution.valueCount > 0) return <Values execution={execution} />;
  return execution.resultJson === "" ? <p>{t("run.no-result")}</p> : <ResultView json={execution.resultJson} />;
}

function Values(props: { execution: Execution }): JSX.Element {
  const { execution } = props;
  return (
    <>
      <p>{t("run.values", { count: number(execution.valueCount), failed: number(execution.failedValueCount) })}</p>
      {execution.results.length === 0 && <p>{t("run.values.not-kept")}</p>}
      {execution.results.length > 0 && (
        <ResultView
          json={`[${execution.results
            .map((result, index) => {
              const value = execution.valuesJson[index] ?? "null";
              const outcome = result.outcome.case === "resultJson" ? `"result": ${result.outcome.value}` : `"failure": ${JSON.stringify(result.outcome.value?.reason ?? "")}`;
              return `{"value": ${value}, ${outcome}}`;
            })
            .join(", ")}]`}
        />
      )}
    </>
  );
}

function Details(props: { execution: Execution }): JSX.Element {
  const { execution } = props;
  const { usage, limits } = execution;
  const wall = milliseconds(usage?.wallTime);
  const timeout = milliseconds(limits?.timeout);
  const printed = Number((usage?.stdoutBytes ?? 0n) + (usage?.stderrBytes ?? 0n));
  return (
    <div class="details">
      <Meter label={t("details.time")} used={wall} limit={timeout} show={seconds} />
      <Meter
        label={t("details.cpu")}
        used={milliseconds(usage?.cpuUserTime) + milliseconds(usage?.cpuSystemTime)}
        limit={milliseconds(limits?.cpuTime)}
        show={seconds}
      />
      <Meter label={t("details.memory")} used={Number(usage?.peakMemoryBytes ?? 0n)} limit={Number(limits?.memoryBytes ?? 0n)} show={bytes} />
      <Meter label={t("details.output")} used={printed} limit={Number(limits?.outputBytes ?? 0n)} show={bytes} />
      {execution.outputTruncated && <p class="note warn">{t("details.truncated", { bytes: bytes(usage?.droppedOutputBytes ?? 0n) })}</p>}
      <dl class="facts">
        <dt>{t("details.utility")}</dt>
        <dd>
          <Value code>{`${execution.utility} v${execution.version}`}</Value>
        </dd>
        <dt>{t("details.caller")}</dt>
        <dd>
          <Value code>{execution.caller}</Value>
        </dd>
        {(["createTime", "startTime", "endTime"] as const).map((name) => {
          const at = execution[name];
          return at === undefined ? null : (
            <>
              <dt>{t(`details.${name}`)}</dt>
              <dd>
                <Value>{time(timestampDate(at))}</Value>
              </dd>
            </>
          );
        })}
        {execution.paramsJson !== "" && (
          <>
            <dt>{t("details.params")}</dt>
            <dd>
              <pre data-value tabIndex={0}>
                {execution.paramsJson}
              </pre>
            </dd>
          </>
        )}
        {execution.secrets.length > 0 && (
          <>
            <dt>{t("details.secrets")}</dt>
            <dd>
              <Value code>{execution.secrets.map((binding) => `${binding.parameter} = ${binding.secret} v${binding.version}`).join(", ")}</Value>
            </dd>
          </>
        )}
      </dl>
    </div>
  );
}

function Meter(props: { label: string; used: number; limit: number; show: (value: number) => string }): JSX.Element | null {
  if (props.limit <= 0) return null;
  const text = t("details.of", { used: props.show(props.used), limit: props.show(props.limit) });
  return (
    <label class="meter">
      <span>{props.label}</span>
      <meter min={0} max={props.limit} high={props.limit * 0.8} value={Math.min(props.used, props.limit)}>
        {text}
      </meter>
      <span data-value>{text}</span>
    </label>
  );
}

export function milliseconds(duration: { seconds: bigint; nanos: number } | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
