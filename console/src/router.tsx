// Addresses: history without a library. What a page shows stands in its address, so that it can be sent to somebody.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

export interface Place {
  readonly path: string;
  readonly search: URLSearchParams;
}

type Guard = () => boolean;

const listeners = new Set<() => void>();
const guards = new Set<Guard>();
let index = Number((history.state as { index?: number } | null)?.index ?? 0);
let returning = false;

/** Where the browser is now. */
export function here(): Place {
  return { path: location.pathname, search: new URLSearchParams(location.search) };
}

function tell() {
  for (const listener of [...listeners]) listener();
}

function leave(): boolean {
  return [...guards].every((guard) => guard());
}

/** Goes to an address of the console. */
export function navigate(to: string, how: { replace?: boolean; keep?: boolean } = {}): void {
  // A filter that changes leaves no page, so nobody is asked.
  if (how.keep !== true && !leave()) return;
  if (how.replace === true) history.replaceState({ index }, "", to);
  else history.pushState({ index: ++index }, "", to);
  tell();
}

addEventListener("popstate", () => {
  const target = Number((history.state as { index?: number } | null)?.index ?? 0);
  if (returning) {
    returning = false;
    return;
  }
  if (!leave()) {
    // The address has changed already; it is put back, which is told to nobody.
    returning = true;
    history.go(index - target);
    return;
  }
  index = target;
  tell();
});

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const update = () => setPlace(here());
    listeners.add(update);
    update();
    return () => void listeners.delete(update);
  }, []);
  return place;
}

/** Asks before a page is left whose changes are not saved. */
export function useGuard(active: boolean, question: string): void {
  useEffect(() => {
    if (!active) return;
    const guard = () => confirm(question);
    const unload = (event: BeforeUnloadEvent) => event.preventDefault();
    guards.add(guard);
    addEventListener("beforeunload", unload);
    return () => {
      guards.delete(guard);
      removeEventListener("beforeunload", unload);
    };
  }, [active, question]);
}

/** A link within the console; opens elsewhere as any link does. */
export function Link(props: { to: string; class?: string; current?: boolean; children: ComponentChildren; label?: string }): JSX.Element {
  return (
    <a
      href={props.to}
      class={props.class}
      aria-current={props.current === true ? "page" : undefined}
      aria-label={props.label}
      onClick={(event: MouseEvent) => {
        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        navigate(props.to);
      }}
    >
      {props.children}
    </a>
  );
}

/** The address with some of its query changed; empty values are left out. */
export function withQuery(place: Place, changes: Record<string, string>): string {
  const search = new URLSearchParams(place.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") search.delete(name);
    else search.set(name, value);
  }
  const text = search.toString();
  return text === "" ? place.path : `${place.path}?${text}`;
}
