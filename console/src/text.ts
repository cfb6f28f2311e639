// The message catalogue: every text that people read, by its id, in the language that they have chosen. Reasons and rules have texts of
// their own, by the name that the server gives them.

import { useEffect, useState } from "preact/hooks";

import { en } from "./text/en";

export type TextId = keyof typeof en;

/** One language, whole: each language has every id of the English one, which the compiler holds. */
export interface Catalogue {
  readonly texts: Readonly<Record<TextId, string>>;
  /** Reasons of errors, by name: what it means, and what to do. */
  readonly reasons: Readonly<Record<string, string>>;
  /** Reasons of field violations. */
  readonly violations: Readonly<Record<string, string>>;
  /** Reasons of executions. */
  readonly executionReasons: Readonly<Record<string, string>>;
  /** Titles of the rules of code validation. */
  readonly rules: Readonly<Record<string, string>>;
}

export type Locale = "en" | "de" | "pseudo";

export const LOCALES: readonly Locale[] = ["en", "de"];

const loaders: Record<Locale, () => Promise<Catalogue>> = {
  en: async () => (await import("./text/english")).english,
  de: async () => (await import("./text/german")).german,
  // Every text within brackets: what has none was written past the catalogue. A test walks through all pages with it.
  pseudo: async () => pseudo((await import("./text/english")).english),
};

let active: Catalogue = { texts: en, reasons: {}, violations: {}, executionReasons: {}, rules: {} };
let chosen: Locale = "en";
const listeners = new Set<() => void>();

export function locale(): Locale {
  return chosen;
}

export async function choose(next: Locale): Promise<void> {
  active = await loaders[next]();
  chosen = next;
  document.documentElement.lang = next === "de" ? "de" : "en";
  for (const listener of [...listeners]) listener();
}

/** The language that fits best to what the browser prefers. */
export function preferred(languages: readonly string[]): Locale {
  for (const language of languages) {
    const primary = language.toLowerCase().split("-")[0];
    const known = LOCALES.find((one) => one === primary);
    if (known !== undefined) return known;
  }
  return "en";
}

/** Draws the component anew when the language changes. */
export function useLocale(): Locale {
  const [current, setCurrent] = useState(chosen);
  useEffect(() => {
    const update = () => setCurrent(chosen);
    listeners.add(update);
    return () => void listeners.delete(update);
  }, []);
  return current;
}

/** The text of an id, with `{name}` replaced. */
export function t(id: TextId, values: Readonly<Record<string, string | number>> = {}): string {
  return fill(active.texts[id], values);
}

/** The text for a number: ids end in `.one` and `.other`. */
export function plural(id: PluralId, count: number, values: Readonly<Record<string, string | number>> = {}): string {
  const one = new Intl.PluralRules(language()).select(count) === "one";
  return t(`${id}.${one ? "one" : "other"}` as TextId, { count: number(count), ...values });
}

type PluralId = TextId extends infer Id ? (Id extends `${infer Stem}.other` ? Stem : never) : never;

/** What a reason of an error means; empty where the catalogue does not know it, as of a newer server. */
export const reasonText = (reason: string): string => said(active.reasons, reason) ?? "";
export const violationText = (reason: string): string => said(active.violations, reason) ?? said(active.rules, reason) ?? "";
export const executionReasonText = (reason: string): string => said(active.executionReasons, reason) ?? "";
export const ruleTitle = (rule: string): string => said(active.rules, rule) ?? "";

// Names come from servers and from addresses: what every object has is no text.
function said(texts: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(texts, name) ? texts[name] : undefined;
}

function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** The language that the server is asked for. */
export function language(): string {
  return chosen === "de" ? "de" : "en";
}

export function number(value: number | bigint): string {
  return new Intl.NumberFormat(language()).format(value);
}

export function time(value: Date): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "medium" }).format(value);
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

export function ago(value: Date, now: Date): string {
  const seconds = Math.round((value.getTime() - now.getTime()) / 1000);
  const step = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? (["second", 1] as const);
  return new Intl.RelativeTimeFormat(language(), { numeric: "auto" }).format(Math.trunc(seconds / step[1]), step[0]);
}

const UNITS = ["B", "KiB", "MiB", "GiB"] as const;

export function bytes(value: number | bigint): string {
  let size = Number(value);
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${new Intl.NumberFormat(language(), { maximumFractionDigits: 1 }).format(size)} ${UNITS[unit]}`;
}

export function seconds(milliseconds: number): string {
  const format = (value: number, digits: number) => new Intl.NumberFormat(language(), { maximumFractionDigits: digits }).format(value);
  return milliseconds < 1000 ? `${format(milliseconds, 1)} ms` : `${format(milliseconds / 1000, 2)} s`;
}

/** The catalogue with every text in brackets and longer, as texts of other languages are. */
export function pseudo(from: Catalogue): Catalogue {
  const wrap = <Texts extends Readonly<Record<string, string>>>(texts: Texts): Texts =>
    Object.fromEntries(Object.entries(texts).map(([id, text]) => [id, `\u27e6${text} ~~\u27e7`])) as unknown as Texts;
  return {
    texts: wrap(from.texts),
    reasons: wrap(from.reasons),
    violations: wrap(from.violations),
    executionReasons: wrap(from.executionReasons),
    rules: wrap(from.rules),
  };
}
