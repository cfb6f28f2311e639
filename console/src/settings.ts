// What a person has chosen for this browser: theme and language. Nothing that grants anything is kept in web storage.

import { LOCALES, choose, preferred, type Locale } from "./text";

export type Theme = "system" | "light" | "dark";
const THEMES: readonly Theme[] = ["system", "light", "dark"];
const THEME = "zona.theme";
const LOCALE = "zona.locale";

/** Reads a choice; a browser that keeps nothing has none. */
export function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function write(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // A browser that keeps nothing shows the default the next time.
  }
}

export function theme(): Theme {
  return THEMES.find((one) => one === read(THEME)) ?? "system";
}

export function setTheme(next: Theme): void {
  write(THEME, next === "system" ? null : next);
  applyTheme();
}

export function applyTheme(): void {
  const chosen = theme();
  if (chosen === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = chosen;
}

export async function applyLocale(): Promise<void> {
  const kept = read(LOCALE);
  const known = kept === "pseudo" ? "pseudo" : LOCALES.find((one) => one === kept);
  await choose(known ?? preferred(navigator.languages));
}

export async function setLocale(next: Locale): Promise<void> {
  write(LOCALE, next);
  await choose(next);
}
