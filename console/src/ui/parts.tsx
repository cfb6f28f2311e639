// The small parts that pages are made of. Native elements wherever there is one: they bring keyboard and screen readers along.

import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";

import { ago, t, time, type TextId } from "../text";

export function Button(props: {
  children: ComponentChildren;
  onClick?: () => void;
  kind?: "primary" | "danger" | "quiet";
  type?: "button" | "submit";
  disabled?: boolean;
  busy?: boolean;
  label?: string;
  pressed?: boolean;
  shortcut?: string;
}): JSX.Element {
  return (
    <button
      type={props.type ?? "button"}
      class={`button ${props.kind ?? ""}`}
      aria-disabled={props.disabled === true || props.busy === true ? "true" : undefined}
      aria-busy={props.busy === true ? "true" : undefined}
      aria-label={props.label}
      aria-pressed={props.pressed}
      aria-keyshortcuts={props.shortcut}
      onClick={(event) => {
        // A button that is disabled keeps its focus, so that nobody who works by keyboard is thrown back to the top.
        if (props.disabled === true || props.busy === true) event.preventDefault();
        else props.onClick?.();
      }}
    >
      {props.children}
    </button>
  );
}

export function Field(props: {
  label: string;
  /** Whether the label is a name that somebody has written. */
  raw?: boolean;
  hint?: ComponentChildren;
  error?: string;
  children: (ids: { id: string; describedBy: string | undefined; invalid: boolean }) => JSX.Element;
}): JSX.Element {
  const id = useId();
  const hint = props.hint === undefined ? undefined : `${id}-hint`;
  const error = props.error === undefined || props.error === "" ? undefined : `${id}-error`;
  const describedBy = [hint, error].filter((one) => one !== undefined).join(" ");
  return (
    <div class="field">
      <label for={id} data-value={props.raw === true ? "" : undefined}>
        {props.label}
      </label>
      {props.children({ id, describedBy: describedBy === "" ? undefined : describedBy, invalid: error !== undefined })}
      {hint !== undefined && (
        <div class="hint" id={hint}>
          {props.hint}
        </div>
      )}
      {error !== undefined && (
        <div class="field-error" id={error} role="alert">
          {props.error}
        </div>
      )}
    </div>
  );
}

export function TextField(props: {
  label: string;
  /** Whether the label is a name that somebody has written. */
  raw?: boolean;
  value: string;
  onInput: (value: string) => void;
  hint?: ComponentChildren;
  error?: string;
  type?: "text" | "password" | "search" | "number" | "date";
  autocomplete?: string;
  required?: boolean;
  placeholder?: string;
  name?: string;
}): JSX.Element {
  return (
    <Field label={props.label} raw={props.raw} hint={props.hint} error={props.error}>
      {({ id, describedBy, invalid }) => (
        <input
          id={id}
          name={props.name}
          type={(props.type ?? "text") as "text"}
          value={props.value}
          required={props.required}
          placeholder={props.placeholder}
          autocomplete={(props.autocomplete ?? "off") as "off"}
          spellcheck={false}
          autocapitalize="off"
          aria-describedby={describedBy}
          aria-invalid={invalid}
          onInput={(event) => props.onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function Choice<Value extends string>(props: {
  label: string;
  value: Value;
  options: readonly { value: Value; text: string; raw?: boolean }[];
  onChange: (value: Value) => void;
  hint?: ComponentChildren;
  error?: string;
}): JSX.Element {
  return (
    <Field label={props.label} hint={props.hint} error={props.error}>
      {({ id, describedBy, invalid }) => (
        <select
          id={id}
          value={props.value}
          aria-describedby={describedBy}
          aria-invalid={invalid}
          onChange={(event) => props.onChange(event.currentTarget.value as Value)}
        >
          {props.options.map((option) => (
            <option key={option.value} value={option.value} selected={option.value === props.value} data-value={option.raw === true ? "" : undefined}>
              {option.text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Something that the server or a person has written, and no catalogue translates. */
export function Value(props: { children: ComponentChildren; code?: boolean; title?: string }): JSX.Element {
  return props.code === true ? (
    <code data-value title={props.title}>
      {props.children}
    </code>
  ) : (
    <span data-value title={props.title}>
      {props.children}
    </span>
  );
}

export function Badge(props: { kind: "good" | "bad" | "warn" | "calm"; children: ComponentChildren }): JSX.Element {
  return <span class={`badge ${props.kind}`}>{props.children}</span>;
}

export function Time(props: { at: Date | null }): JSX.Element {
  if (props.at === null) return <span aria-hidden="true">–</span>;
  return (
    <time dateTime={props.at.toISOString()} title={time(props.at)} data-value>
      {ago(props.at, new Date())}
    </time>
  );
}

/** A time of the server's. */
export function When(props: { at: Timestamp | undefined }): JSX.Element {
  return <Time at={props.at === undefined ? null : timestampDate(props.at)} />;
}

/** A dialog of the browser: it holds the focus, closes with Escape, and gives the focus back. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean; raw?: boolean; stays?: boolean }): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const title = useId();
  // A text that is selected from within to the outside ends there, and closes nothing.
  const outside = useRef(false);
  // Before anything else happens, so that what is typed next is typed into the dialog.
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      class={props.wide === true ? "wide" : ""}
      aria-labelledby={title}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onClose={() => {
        // A second Escape closes without asking, at least in Chromium.
        if (element.current?.isConnected === true && !element.current.open) {
          if (props.stays === true) element.current.showModal();
          else props.onClose();
        }
      }}
      onPointerDown={(event) => void (outside.current = event.target === element.current)}
      onClick={(event) => {
        if (outside.current && event.target === element.current) props.onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={title} data-value={props.raw === true ? "" : undefined}>
            {props.title}
          </h2>
          {props.stays !== true && (
            <Button kind="quiet" onClick={props.onClose} label={t("action.close")}>
              ✕
            </Button>
          )}
        </header>
        {props.children}
      </div>
    </dialog>
  );
}

export interface Tab {
  readonly id: string;
  readonly text: string;
  readonly mark?: string;
}

/** Tabs by the pattern of the ARIA practices: one stop, arrows between them. */
export function Tabs(props: { label: string; tabs: readonly Tab[]; current: string; onChange: (id: string) => void; children: ComponentChildren }): JSX.Element {
  const base = useId();
  const list = useRef<HTMLDivElement>(null);
  const move = (by: number) => {
    const at = props.tabs.findIndex((tab) => tab.id === props.current);
    const next = props.tabs[(at + by + props.tabs.length) % props.tabs.length];
    if (next === undefined) return;
    props.onChange(next.id);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <div class="tabs">
      <div role="tablist" aria-label={props.label} ref={list}>
        {props.tabs.map((tab) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            id={`${base}-${tab.id}`}
            data-tab={tab.id}
            aria-selected={tab.id === props.current}
            aria-controls={`${base}-panel`}
            tabIndex={tab.id === props.current ? 0 : -1}
            onClick={() => props.onChange(tab.id)}
            onKeyDown={(event) => {
              if (event.key === "ArrowRight") move(1);
              else if (event.key === "ArrowLeft") move(-1);
              else return;
              event.preventDefault();
            }}
          >
            {tab.text}
            {tab.mark !== undefined && <span class="mark">{tab.mark}</span>}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${base}-panel`} aria-labelledby={`${base}-${props.current}`} tabIndex={0}>
        {props.children}
      </div>
    </div>
  );
}

/** Copies a text, and says so. */
export function CopyButton(props: { text: string; children?: ComponentChildren; label?: string }): JSX.Element {
  const [done, setDone] = useState(false);
  return (
    <Button
      kind="quiet"
      label={props.label}
      onClick={() => {
        void navigator.clipboard.writeText(props.text).then(() => {
          setDone(true);
          announce("action.copied");
        });
      }}
    >
      {done ? t("action.copied") : (props.children ?? t("action.copy"))}
    </Button>
  );
}

/** Says something to people who do not see the page. */
export function announce(id: TextId, values: Record<string, string | number> = {}): void {
  const region = document.getElementById("announcer");
  if (region !== null) region.textContent = t(id, values);
}

/** The heading of a page: takes the focus when the page opens, so that reading begins there. */
export function PageHead(props: { title: string; raw?: boolean; children?: ComponentChildren }): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${props.title} - Zona`;
  }, [props.title]);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <div class="page-head">
      <h1 ref={heading} tabIndex={-1} data-value={props.raw === true ? "" : undefined}>
        {props.title}
      </h1>
      <div class="page-actions">{props.children}</div>
    </div>
  );
}

/** Saves a text or bytes as a file of the person's. */
export function save(name: string, content: BlobPart[], type: string): void {
  const address = URL.createObjectURL(new Blob(content, { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
