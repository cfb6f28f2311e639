// The form of a utility's parameters, with the same as JSON beside it, and what becomes of it: a run, or a command to copy.

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";

import { secrets } from "../api";
import { ValueType, type Parameter } from "../gen/zona/utility/v1/parameter_pb";
import { lastPart, useParent } from "../session";
import { read, write } from "../settings";
import { t, type TextId } from "../text";
import { Button, Choice, CopyButton, Dialog, Field as Labelled, Tabs, Value } from "../ui/parts";
import { command, type CopyKind } from "./copy";
import { begin, fromJson, toJson, toRemember, withoutSecrets, type Entries, type Field, type FieldType, type Problem } from "./schema";

const TYPES: Record<ValueType, FieldType> = {
  [ValueType.UNSPECIFIED]: "any",
  [ValueType.ANY]: "any",
  [ValueType.STRING]: "string",
  [ValueType.INTEGER]: "integer",
  [ValueType.NUMBER]: "number",
  [ValueType.BOOLEAN]: "boolean",
  [ValueType.ARRAY]: "array",
  [ValueType.OBJECT]: "object",
};

const PROBLEMS: Record<Problem, TextId> = {
  missing: "form.problem.missing",
  "not-json": "form.problem.not-json",
  "wrong-type": "form.problem.wrong-type",
  "not-allowed": "form.problem.not-allowed",
  unknown: "form.problem.unknown",
};

export function toFields(parameters: readonly Parameter[]): Field[] {
  return parameters.map((parameter) => ({
    name: parameter.name,
    type: TYPES[parameter.valueType] ?? "any",
    required: parameter.required,
    defaultJson: parameter.defaultJson ?? null,
    choices: parameter.enumJson,
    secret: parameter.secret,
    description: parameter.description,
  }));
}

export interface RunInput {
  readonly paramsJson: string;
  readonly secretParameters: Record<string, string>;
}

const rememberedKey = (name: string) => `zona.inputs.${name}`;

function remembered(name: string): Entries {
  try {
    const kept: unknown = JSON.parse(read(rememberedKey(name)) ?? "{}");
    return typeof kept === "object" && kept !== null ? (kept as Entries) : {};
  } catch {
    return {};
  }
}

export function RunForm(props: {
  name: string;
  parameters: readonly Parameter[];
  /** Parameters of an earlier run, to begin with. */
  given: string | null;
  submit: string;
  busy: boolean;
  disabled: boolean;
  onRun: (input: RunInput) => void;
  /** Hands out how to run by key, with whatever stands in the form then. */
  onReady: (run: () => void) => void;
}): JSX.Element {
  const fields = useMemo(() => toFields(props.parameters), [props.parameters]);
  const [entries, setEntries] = useState<Entries>(() => (props.given === null ? null : fromJson(fields, props.given)) ?? begin(fields, remembered(props.name)));
  const [bound, setBound] = useState<Record<string, string>>({});
  const [tab, setTab] = useState("form");
  const [json, setJson] = useState<string | null>(null);
  const [tried, setTried] = useState(false);
  const [copying, setCopying] = useState(false);
  const names = new Set(Object.keys(bound));
  const built = toJson(fields, entries, names);
  const text = json ?? built.json;
  const broken = json !== null && fromJson(fields, json) === null;
  const run = () => {
    setTried(true);
    if (props.disabled || props.busy || broken || Object.keys(built.problems).length > 0) return;
    write(rememberedKey(props.name), JSON.stringify(toRemember(fields, entries)));
    props.onRun({ paramsJson: built.json, secretParameters: bound });
  };
  // At once, so that a key that follows the last letter runs with that letter.
  useLayoutEffect(() => props.onReady(run));
  const set = (name: string, entry: string | undefined) => {
    const next = { ...entries };
    if (entry === undefined) delete next[name];
    else next[name] = entry;
    setEntries(next);
    setJson(null);
  };
  return (
    <form
      class="run-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <Tabs
        label={t("form.label")}
        current={tab}
        onChange={setTab}
        tabs={[
          { id: "form", text: t("form.fields") },
          { id: "json", text: t("form.json") },
        ]}
      >
        {tab === "form" ? (
          fields.length === 0 ? (
            <p>{t("form.no-parameters")}</p>
          ) : (
            fields
              .filter((field) => !field.name.startsWith("**"))
              .map((field) => (
                <ParameterField
                  key={field.name}
                  field={field}
                  entry={entries[field.name]}
                  problem={tried || entries[field.name] !== undefined ? built.problems[field.name] : undefined}
                  bound={bound[field.name]}
                  onEntry={(entry) => set(field.name, entry)}
                  onBind={(secret) => {
                    const next = { ...bound };
                    if (secret === "") delete next[field.name];
                    else next[field.name] = secret;
                    setBound(next);
                  }}
                />
              ))
          )
        ) : (
          <Labelled label={t("form.json")} error={broken ? t("form.problem.no-object") : undefined} hint={t("form.json.hint")}>
            {({ id, describedBy, invalid }) => (
              <textarea
                id={id}
                class="code"
                rows={10}
                spellcheck={false}
                aria-describedby={describedBy}
                aria-invalid={invalid}
                value={text}
                onInput={(event) => {
                  const next = event.currentTarget.value;
                  setJson(next);
                  const read = fromJson(fields, next);
                  if (read !== null) setEntries(read);
                }}
              />
            )}
          </Labelled>
        )}
      </Tabs>
      {tried && Object.keys(built.problems).length > 0 && (
        <p class="field-error" role="alert">
          {t("form.problems", { names: Object.keys(built.problems).join(", ") })}
        </p>
      )}
      <div class="form-actions">
        <Button kind="primary" type="submit" busy={props.busy} disabled={props.disabled} shortcut="Control+Enter">
          {props.submit}
        </Button>
        <Button kind="quiet" onClick={() => setCopying(true)}>
          {t("form.copy-as")}
        </Button>
      </div>
      {copying && (
        <CopyDialog name={props.name} json={withoutSecrets(fields, built.json, "…")} secrets={fields.filter((field) => field.secret).map((field) => field.name)} onClose={() => setCopying(false)} />
      )}
    </form>
  );
}

function ParameterField(props: {
  field: Field;
  entry: string | undefined;
  problem: Problem | undefined;
  bound: string | undefined;
  onEntry: (entry: string | undefined) => void;
  onBind: (secret: string) => void;
}): JSX.Element {
  const { field, entry } = props;
  const hint = (
    <>
      {field.description !== "" && <Value>{field.description} </Value>}
      {t(`form.type.${field.type}`)}
      {field.required ? ` ${t("form.required")}` : ""}
      {field.defaultJson !== null && (
        <>
          {" "}
          {t("form.default")} <Value code>{field.defaultJson}</Value>
        </>
      )}
    </>
  );
  const control = (
    <Labelled label={field.name} raw hint={hint} error={props.problem === undefined ? undefined : t(PROBLEMS[props.problem])}>
      {({ id, describedBy, invalid }) => {
        const common = { id, name: `param-${field.name}`, "aria-describedby": describedBy, "aria-invalid": invalid };
        const choices = field.choices.length > 0 ? field.choices : field.type === "boolean" ? ["true", "false"] : [];
        if (choices.length > 0) {
          return (
            <select {...common} value={entry ?? ""} onChange={(event) => props.onEntry(event.currentTarget.value === "" ? undefined : event.currentTarget.value)}>
              <option value="">{t("form.not-given")}</option>
              {choices.map((choice) => (
                <option key={choice} value={choice} data-value selected={choice === entry}>
                  {choice}
                </option>
              ))}
            </select>
          );
        }
        if (field.secret) {
          return (
            <input
              {...common}
              type="password"
              autocomplete="off"
              value={entry ?? ""}
              disabled={props.bound !== undefined}
              onInput={(event) => props.onEntry(event.currentTarget.value === "" ? undefined : event.currentTarget.value)}
            />
          );
        }
        return field.type === "integer" || field.type === "number" ? (
          <input
            {...common}
            type="text"
            inputMode="decimal"
            value={entry ?? ""}
            onInput={(event) => props.onEntry(event.currentTarget.value === "" ? undefined : event.currentTarget.value)}
          />
        ) : (
          <textarea
            {...common}
            class={field.type === "string" ? "" : "code"}
            rows={field.type === "string" ? 1 : 2}
            spellcheck={false}
            value={entry ?? ""}
            onInput={(event) => props.onEntry(event.currentTarget.value === "" && !(field.required && field.type === "string") ? undefined : event.currentTarget.value)}
          />
        );
      }}
    </Labelled>
  );
  return (
    <div class="parameter">
      {control}
      {field.secret && <SecretChoice field={field} bound={props.bound ?? ""} onBind={props.onBind} />}
    </div>
  );
}

/** Binds a named secret to a parameter. Who may not list secrets names it. */
function SecretChoice(props: { field: Field; bound: string; onBind: (secret: string) => void }): JSX.Element {
  const parent = useParent();
  const [names, setNames] = useState<string[] | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    secrets.listSecrets({ parent, pageSize: 1000 }, { signal: stop.signal }).then(
      (answer) => setNames(answer.secrets.map((secret) => secret.name)),
      () => setNames(null),
    );
    return () => stop.abort();
  }, [parent]);
  if (names === null) {
    return (
      <Labelled label={t("form.secret.named", { name: props.field.name })} hint={t("form.secret.hint")}>
        {({ id, describedBy }) => (
          <input
            id={id}
            type="text"
            aria-describedby={describedBy}
            value={lastPart(props.bound)}
            onInput={(event) => props.onBind(event.currentTarget.value.trim() === "" ? "" : `${parent}/secrets/${event.currentTarget.value.trim()}`)}
          />
        )}
      </Labelled>
    );
  }
  return (
    <Choice
      label={t("form.secret.named", { name: props.field.name })}
      value={props.bound}
      options={[{ value: "", text: t("form.secret.none") }, ...names.map((name) => ({ value: name, text: lastPart(name), raw: true }))]}
      onChange={props.onBind}
    />
  );
}

const KINDS: readonly CopyKind[] = ["curl", "grpcurl", "zona", "go", "python"];

function CopyDialog(props: { name: string; json: string; secrets: readonly string[]; onClose: () => void }): JSX.Element {
  const [kind, setKind] = useState<CopyKind>("curl");
  const text = command(kind, { origin: location.origin, name: props.name, paramsJson: props.json, secrets: props.secrets });
  return (
    <Dialog title={t("form.copy-as")} onClose={props.onClose} wide>
      <Tabs
        label={t("form.copy-as")}
        current={kind}
        onChange={(id) => setKind(id as CopyKind)}
        tabs={KINDS.map((id) => ({ id, text: id }))}
      >
        <pre data-value tabIndex={0}>
          {text}
        </pre>
        {props.secrets.length > 0 && <p>{t("form.copy.secrets")}</p>}
        <CopyButton text={text} />
      </Tabs>
    </Dialog>
  );
}
