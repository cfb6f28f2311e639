// The output of a run: as many rows as fit on the screen, of however many there are. Text of user code becomes text nodes only.

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { number, plural, t } from "../text";
import { Button, Choice, save } from "../ui/parts";
import { css, pieces, plain, type Style } from "./ansi";
import type { Printed, Row, StreamName } from "./log";
import { scrollTo, windowOf } from "./window";

/** Height of a row in pixels, as the style sheet has it. */
const ROW_HEIGHT = 20;
// More than anybody steps through.
const MOST_HITS = 10_000;
const SEARCH_PAUSE = 150;
const PAUSED = -1;
// How close to the end counts as being there.
const END_SLACK = 2 * ROW_HEIGHT;

type Shown = StreamName | "both";

export function OutputView(props: { log: Printed; revision: number; fileName: string; live: boolean }): JSX.Element {
  const { log } = props;
  const [shown, setShown] = useState<Shown>("both");
  const [following, setFollowing] = useState(true);
  // The rows as they were then: of a log that drops its oldest ones, a number of rows would mean others later.
  const [paused, setPaused] = useState<readonly Row[] | null>(null);
  const [search, setSearch] = useState("");
  const [hit, setHit] = useState(0);
  const view = useRef<HTMLDivElement>(null);
  const [scroll, setScroll] = useState({ top: 0, height: 0 });

  // What is paused is the same whatever comes meanwhile.
  const revision = paused === null ? props.revision : PAUSED;
  const rows = useMemo(() => {
    const all = paused ?? log.rows;
    return shown === "both" ? all : all.filter((row) => row.stream === shown);
  }, [log, revision, shown, paused]);
  const hits = useHits(rows, search, revision);
  const current = hits.length === 0 ? -1 : (hits[Math.min(hit, hits.length - 1)] ?? -1);
  const range = windowOf(rows.length, ROW_HEIGHT, scroll.height, scroll.top);

  useEffect(() => {
    const element = view.current;
    if (element === null) return;
    const measure = () => setScroll({ top: element.scrollTop, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const element = view.current;
    if (element !== null && following && paused === null) element.scrollTop = element.scrollHeight;
  }, [rows.length, revision, following, paused]);
  useEffect(() => {
    const element = view.current;
    if (element === null || current < 0) return;
    setFollowing(false);
    element.scrollTop = scrollTo(current, rows.length, ROW_HEIGHT, element.clientHeight);
  }, [current]);

  const step = (by: number) => setHit(hits.length === 0 ? 0 : (hit + by + hits.length) % hits.length);
  return (
    <div class="output">
      <div class="output-bar">
        <Choice
          label={t("output.show")}
          value={shown}
          options={[
            { value: "both", text: t("output.both") },
            { value: "stdout", text: "stdout", raw: true },
            { value: "stderr", text: "stderr", raw: true },
          ]}
          onChange={setShown}
        />
        <div class="search">
          <input
            type="search"
            aria-label={t("output.search")}
            placeholder={t("output.search")}
            value={search}
            onInput={(event) => {
              setSearch(event.currentTarget.value);
              setHit(0);
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
            }}
          />
          {search !== "" && (
            <span role="status">
              {hits.length === 0 ? t("output.no-hits") : t("output.hits", { at: number(Math.min(hit, hits.length - 1) + 1), of: number(hits.length) })}
            </span>
          )}
          <Button kind="quiet" onClick={() => step(-1)} disabled={hits.length === 0} label={t("output.previous")}>
            ↑
          </Button>
          <Button kind="quiet" onClick={() => step(1)} disabled={hits.length === 0} label={t("output.next")}>
            ↓
          </Button>
        </div>
        <Button kind="quiet" pressed={following} onClick={() => setFollowing(!following)}>
          {t("output.follow")}
        </Button>
        {props.live && (
          <Button kind="quiet" pressed={paused !== null} onClick={() => setPaused(paused === null ? log.rows.slice() : null)}>
            {t("output.pause")}
          </Button>
        )}
        <Button kind="quiet" onClick={() => save(`${props.fileName}.txt`, [log.text(shown === "both" ? null : shown)], "text/plain;charset=utf-8")}>
          {t("output.download")}
        </Button>
        <span class="count" role="status">
          {plural("output.lines", rows.length)}
        </span>
      </div>
      <div
        class="output-view"
        ref={view}
        tabIndex={0}
        role="region"
        aria-label={t("output.label")}
        onScroll={(event) => {
          const element = event.currentTarget;
          setScroll({ top: element.scrollTop, height: element.clientHeight });
          const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= END_SLACK;
          if (!atEnd && following) setFollowing(false);
        }}
      >
        <div class="output-space" style={{ height: `${range.height}px` }}>
          <div class="output-rows" style={{ transform: `translateY(${range.top}px)` }}>
            {rows.slice(range.first, range.end).map((row, index) => (
              <OutputRow
                key={range.first + index}
                row={row}
                text={row.text}
                number={range.first + index + 1}
                search={search}
                current={range.first + index === current}
              />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

// `text` is given beside the row since the row grows in place.
function OutputRow(props: { row: Row; text: string; number: number; search: string; current: boolean }): JSX.Element {
  const { row } = props;
  if (row.gap) return <div class="row gap">{t("output.gap")}</div>;
  return (
    <div class={`row ${row.stream}${props.current ? " current" : ""}`}>
      <span class="row-number" aria-hidden="true">
        {props.number}
      </span>
      {row.source !== undefined && (
        <span class="row-source" data-value>
          {row.source}
        </span>
      )}
      <span class="row-text" data-value>
        {pieces(props.text, row.start).pieces.map((piece, index) => (
          <span key={index} class={classes(piece.style)} style={colors(piece.style)}>
            {marked(piece.text, props.search)}
          </span>
        ))}
      </span>
    </div>
  );
}

function classes(style: Style): string {
  const names: (keyof Style)[] = ["bold", "dim", "italic", "underline", "strike"];
  return names.filter((name) => style[name] === true).join(" ");
}

function colors(style: Style): Record<string, string> | undefined {
  const foreground = style.foreground === null ? null : css(style.foreground);
  const background = style.background === null ? null : css(style.background);
  if (foreground === null && background === null && !style.inverse) return undefined;
  return style.inverse
    ? { color: background ?? "var(--surface)", backgroundColor: foreground ?? "var(--text)" }
    : { ...(foreground === null ? {} : { color: foreground }), ...(background === null ? {} : { backgroundColor: background }) };
}

function marked(text: string, search: string): (string | JSX.Element)[] | string {
  if (search === "") return text;
  const parts: (string | JSX.Element)[] = [];
  const lower = text.toLowerCase();
  const wanted = search.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + wanted.length)}</mark>);
    from = at + wanted.length;
  }
  parts.push(text.slice(from));
  return parts;
}

function useHits(rows: readonly Row[], search: string, revision: number): number[] {
  const [hits, setHits] = useState<number[]>([]);
  const latest = useRef({ rows, search });
  latest.current = { rows, search };
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const stop = () => {
    clearTimeout(timer.current);
    timer.current = undefined;
  };
  useEffect(() => {
    if (search === "") {
      stop();
      setHits([]);
      return;
    }
    // One that is due stays: output that never rests would put it off for ever.
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      setHits(find(latest.current.rows, latest.current.search));
    }, SEARCH_PAUSE);
  }, [rows, search, revision]);
  useEffect(() => stop, []);
  return hits;
}

/** Numbers of the rows that hold the text, in either case. */
export function find(rows: readonly Row[], search: string): number[] {
  const wanted = search.toLowerCase();
  const found: number[] = [];
  for (let index = 0; index < rows.length && found.length < MOST_HITS; index += 1) {
    const text = rows[index]?.text ?? "";
    if ((text.includes("\x1b") ? plain(text) : text).toLowerCase().includes(wanted)) found.push(index);
  }
  return found;
}
