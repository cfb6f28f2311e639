// Finds pages and utilities by a few letters, from everywhere.

import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";

import { utilities } from "./api";
import { navigate } from "./router";
import { administers, lastPart, useCaller, useParent } from "./session";
import { t } from "./text";
import { Dialog } from "./ui/parts";

interface Target {
  readonly to: string;
  readonly text: string;
  readonly raw: boolean;
}

const MOST_SHOWN = 12;
// Letters follow each other faster than that; the list is asked for once they stop.
const PAUSE = 120;

export function Palette(props: { onClose: () => void }): JSX.Element {
  const caller = useCaller();
  const parent = useParent();
  const list = useId();
  const [text, setText] = useState("");
  const [names, setNames] = useState<string[]>([]);
  const [at, setAt] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      utilities
        .listUtilities({ parent, pageSize: MOST_SHOWN, filter: { namePrefix: text.trim() } }, { signal: stop.signal })
        .then((answer) => setNames(answer.utilities.map((utility) => lastPart(utility.name))))
        // Pages can be found without the server.
        .catch(() => setNames([]));
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, parent]);
  const pages: Target[] = [
    { to: "/utilities", text: t("nav.utilities"), raw: false },
    { to: "/utilities/new", text: t("utilities.new"), raw: false },
    { to: "/executions", text: t("nav.executions"), raw: false },
    { to: "/access", text: t("nav.access"), raw: false },
    ...(administers(caller)
      ? [
          { to: "/audit", text: t("nav.audit"), raw: false },
          { to: "/services", text: t("nav.services"), raw: false },
          { to: "/settings", text: t("nav.tenant"), raw: false },
        ]
      : []),
  ];
  const wanted = text.trim().toLowerCase();
  const found: Target[] = [
    ...names.map((name) => ({ to: `/utilities/${encodeURIComponent(name)}`, text: name, raw: true })),
    ...pages.filter((page) => wanted === "" || page.text.toLowerCase().includes(wanted)),
  ].slice(0, MOST_SHOWN);
  const chosen = Math.min(at, Math.max(found.length - 1, 0));
  const go = (target: Target | undefined) => {
    if (target === undefined) return;
    props.onClose();
    navigate(target.to);
  };
  return (
    <Dialog title={t("palette.title")} onClose={props.onClose}>
      <input
        type="search"
        class="palette-input"
        // The role that the types of Preact demand a `list` for, which this pattern has not.
        {...({ role: "combobox" } as object)}
        aria-label={t("palette.label")}
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={found.length > 0 ? `${list}-${chosen}` : undefined}
        value={text}
        autofocus
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") setAt(Math.min(chosen + 1, found.length - 1));
          else if (event.key === "ArrowUp") setAt(Math.max(chosen - 1, 0));
          else if (event.key === "Enter") go(found[chosen]);
          else return;
          event.preventDefault();
        }}
      />
      <ul id={list} role="listbox" class="palette-list" aria-label={t("palette.title")}>
        {found.map((target, index) => (
          <li
            key={target.to}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === chosen}
            data-value={target.raw ? "" : undefined}
            onClick={() => go(target)}
          >
            {target.text}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p>{t("palette.nothing")}</p>}
    </Dialog>
  );
}
