// Where code is written and run: the editor with what the server finds, saving, the form, the run beside it.

import { Code, ConnectError } from "@connectrpc/connect";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { utilities, executions } from "../api";
import { checker, type Checker } from "../editor/check";
import { createEditor, type Editor } from "../editor/editor";
import { RuleDialog } from "../editor/rule-dialog";
import { isAnswer, toFailure, type Failure } from "../failure";
import { RunForm, type RunInput } from "../form/run-form";
import { Severity, type Finding, type Import } from "../gen/zona/utility/v1/finding_pb";
import type { Parameter } from "../gen/zona/utility/v1/parameter_pb";
import type { Utility } from "../gen/zona/utility/v1/utility_pb";
import { RequestIds } from "../request-id";
import { here, navigate, useGuard, usePlace, withQuery } from "../router";
import { RunView } from "../run/run-view";
import { lastPart, useParent } from "../session";
import { t } from "../text";
import { useAction } from "../ui/call";
import { announce, Badge, Button, TextField, Value } from "../ui/parts";
import { Problem } from "../ui/states";
import { Conflict } from "./conflict";
import { Imports } from "./imports";

const EXAMPLE = `def main(text: str = "world"):
    print(f"Hello, {text}!")
    return {"length": len(text)}
`;

interface Checked {
  readonly findings: readonly Finding[];
  readonly imports: readonly Import[];
  readonly parameters: readonly Parameter[];
  readonly accepted: boolean;
}

export function Workbench(props: { utility: Utility | null; version: number; onSaved: (saved: Utility) => void }): JSX.Element {
  const parent = useParent();
  const place = usePlace();
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | null>(null);
  const [base, showBase] = useState(props.utility);
  const [code, showCode] = useState(props.utility?.code ?? EXAMPLE);
  // What stands here now, also for what began before the last keystroke.
  const now = useRef({ base, code });
  const setBase = (next: Utility) => {
    now.current.base = next;
    showBase(next);
  };
  const setCode = (next: string) => {
    now.current.code = next;
    showCode(next);
  };
  const [id, setId] = useState("");
  const [description, setDescription] = useState("");
  const [message, setMessage] = useState("");
  const [checked, setChecked] = useState<Checked | null>(null);
  const [checkFailure, setCheckFailure] = useState<Failure | null>(null);
  const [rule, setRule] = useState<string | null>(null);
  const [theirs, setTheirs] = useState<Utility | null>(null);
  const run = place.search.get("run") ?? "";
  const execution = run === "" ? null : `${parent}/executions/${run}`;
  const saving = useAction();
  const starting = useAction();
  const runForm = useRef<() => void>(() => undefined);
  const dirty = base === null ? code !== EXAMPLE || id !== "" : code !== base.code;
  useGuard(dirty, t("editor.unsaved"));

  const [saves] = useState(() => new RequestIds());
  const storeNow = async (): Promise<Utility | null> => {
    const { base, code } = now.current;
    if (base !== null && code === base.code) return base;
    try {
      const made = { parent, utilityId: id.trim(), utility: { code, description }, message };
      const saved =
        base === null
          ? await utilities.createUtility({ ...made, requestId: saves.of(made) })
          : await utilities.updateUtility({
              utility: { name: base.name, code, etag: base.etag },
              updateMask: { paths: ["code"] },
              message,
              requestId: saves.of(base.name, base.etag, code, message),
            });
      saves.settle();
      setBase(saved);
      setMessage("");
      announce("editor.saved");
      return saved;
    } catch (thrown) {
      if (isAnswer(toFailure(thrown))) saves.settle();
      if (base === null || ConnectError.from(thrown).code !== Code.Aborted) throw thrown;
      setTheirs(await utilities.getUtility({ name: base.name }));
      return null;
    }
  };
  // One behind the other: two that save at once would each change what the other one has read.
  const storing = useRef<Promise<unknown>>(Promise.resolve());
  const store = (): Promise<Utility | null> => {
    const stored = storing.current.then(storeNow);
    storing.current = stored.catch(() => null);
    return stored;
  };
  // Whoever has gone on writing stays where that stands.
  const settled = (saved: Utility) => {
    if (props.utility !== null || now.current.code === saved.code) props.onSaved(saved);
  };
  const save = () =>
    void saving.run(async () => {
      const before = now.current.base;
      const saved = await store();
      if (saved !== null && saved !== before) settled(saved);
    });
  const start = (input: RunInput) =>
    void starting.run(async (requestId) => {
      const before = now.current.base;
      const saved = await store();
      if (saved === null) return;
      editor.current?.blame(0);
      const started = await executions.startExecution({ name: saved.name, ...input, requestId: requestId(saved.name, saved.etag, input) });
      // In the address, so that the run of a utility that was new a moment ago is shown on its page, too.
      const at = here();
      const own = `/utilities/${encodeURIComponent(lastPart(saved.name))}`;
      if (at.path === own || at.path === "/utilities/new") navigate(withQuery(at, { run: lastPart(started.name) }), { replace: true, keep: true });
      if (saved !== before) settled(saved);
    });
  const actions = useRef({ save, run: () => runForm.current() });
  actions.current = { save, run: () => runForm.current() };

  const check = useRef<Checker | null>(null);
  const kind = props.utility?.kind;
  const runtime = props.utility?.runtime ?? "";
  useEffect(() => {
    if (host.current === null) return;
    const made = createEditor(host.current, {
      code,
      label: t("editor.label"),
      readOnly: false,
      onChange: setCode,
      onSave: () => actions.current.save(),
      onRun: () => actions.current.run(),
    });
    editor.current = made;
    const line = Number(place.search.get("line") ?? "0");
    if (line > 0) {
      made.blame(line);
      made.goTo(line, 1);
    }
    check.current = checker({
      ask: (text, signal) => utilities.validateCode({ parent, code: new TextEncoder().encode(text), kind, runtime }, { signal }),
      show: (answer) => {
        setChecked(answer);
        setCheckFailure(null);
        made.mark(
          answer.findings.map((finding) => ({ ...finding, error: finding.severity === Severity.ERROR })),
          setRule,
        );
      },
      fail: (thrown) => setCheckFailure(toFailure(thrown)),
    });
    return () => {
      check.current?.stop();
      made.destroy();
    };
  }, []);
  useEffect(() => check.current?.changed(code), [code]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
      if (event.key.toLowerCase() === "s") actions.current.save();
      else if (event.key === "Enter") actions.current.run();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);

  const overridden = base?.parametersOverridden === true;
  const parameters = overridden ? (base?.parameters ?? []) : (checked?.parameters ?? base?.parameters ?? []);
  return (
    <div class="workbench">
      <section class="edit" aria-label={t("editor.label")}>
        {base === null && (
          <div class="row-form">
            <TextField label={t("editor.id")} value={id} onInput={setId} hint={t("editor.id.hint")} name="utility-id" required />
            <TextField label={t("editor.description")} value={description} onInput={setDescription} />
          </div>
        )}
        <div class="editor" ref={host} />
        <div class="editor-bar">
          <Standing checked={checked} failure={checkFailure} />
          <TextField label={t("editor.message")} value={message} onInput={setMessage} name="message" />
          <Button kind="primary" onClick={save} busy={saving.busy} disabled={!dirty} shortcut="Control+S">
            {t("editor.save")}
          </Button>
          {dirty && base !== null && <Badge kind="warn">{t("editor.changed")}</Badge>}
        </div>
        {saving.failure !== null && <Problem failure={saving.failure} />}
        <Findings findings={checked?.findings ?? []} onRule={setRule} onPlace={(line, column) => editor.current?.goTo(line, column)} />
        <Imports imports={checked?.imports ?? []} runtime={base?.runtime ?? ""} />
      </section>
      <section class="try" aria-label={t("workbench.try")}>
        <h2>{t("workbench.try")}</h2>
        <RunForm
          key={`${base?.name ?? "new"} ${parameters.map((parameter) => `${parameter.name}:${parameter.valueType}`).join(",")}`}
          name={base?.name ?? `${parent}/utilities/${id}`}
          parameters={parameters}
          given={place.search.get("params")}
          submit={dirty ? t("workbench.save-and-run") : t("workbench.run")}
          busy={starting.busy}
          disabled={base === null && id.trim() === ""}
          onRun={start}
          onReady={(run) => void (runForm.current = run)}
        />
        {starting.failure !== null && <Problem failure={starting.failure} />}
        {execution !== null && (
          <RunView
            key={execution}
            name={execution}
            limits={base?.limits}
            onEnd={(ended) => editor.current?.blame(ended.failure?.line ?? 0)}
            onLine={(line) => editor.current?.goTo(line, 1)}
          />
        )}
      </section>
      {rule !== null && <RuleDialog rule={rule} onClose={() => setRule(null)} />}
      {theirs !== null && base !== null && (
        <Conflict
          base={base}
          theirs={theirs}
          mine={code}
          onClose={() => setTheirs(null)}
          onTake={(text) => {
            setBase(theirs);
            setTheirs(null);
            editor.current?.replace(text);
            saving.clear();
          }}
        />
      )}
    </div>
  );
}

function Standing(props: { checked: Checked | null; failure: Failure | null }): JSX.Element {
  const { checked } = props;
  if (props.failure !== null) return <Badge kind="warn">{t("editor.not-checked")}</Badge>;
  if (checked === null) return <Badge kind="calm">{t("editor.checking")}</Badge>;
  const errors = checked.findings.filter((finding) => finding.severity === Severity.ERROR).length;
  return (
    <span role="status" class="standing">
      {errors > 0 ? <Badge kind="bad">{t("editor.refused")}</Badge> : <Badge kind="good">{t("editor.accepted")}</Badge>}
    </span>
  );
}

function Findings(props: { findings: readonly Finding[]; onRule: (rule: string) => void; onPlace: (line: number, column: number) => void }): JSX.Element | null {
  if (props.findings.length === 0) return null;
  return (
    <ul class="findings" aria-label={t("editor.findings")}>
      {props.findings.map((finding, index) => (
        <li key={index} class={finding.severity === Severity.ERROR ? "error" : "warning"}>
          <Badge kind={finding.severity === Severity.ERROR ? "bad" : "warn"}>{t(finding.severity === Severity.ERROR ? "finding.error" : "finding.warning")}</Badge>
          <button type="button" class="link" onClick={() => props.onPlace(finding.line, finding.column)}>
            {t("finding.place", { line: finding.line, column: finding.column })}
          </button>
          <button type="button" class="link" onClick={() => props.onRule(finding.rule)}>
            <Value code>{finding.rule}</Value>
          </button>
          <Value>{finding.message}</Value>
          {finding.suggestion !== "" && (
            <div class="hint">
              <Value>{finding.suggestion}</Value>
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}
