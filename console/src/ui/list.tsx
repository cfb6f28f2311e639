// Every list of the console: columns, what stands in its place while it loads, is empty or failed, pages by token, several rows at once,
// and the arrow keys from row to row.

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";

import { Link, navigate, usePlace, withQuery } from "../router";
import { t } from "../text";
import type { Loaded } from "./call";
import { Button } from "./parts";
import { beside, toggled } from "./rows";
import { Empty, Show } from "./states";

export interface Column<Item> {
  readonly head: string;
  readonly cell: (item: Item) => ComponentChildren;
  /** Digits, which stand below each other. */
  readonly number?: boolean;
  /** Whether its cells name their rows. */
  readonly names?: boolean;
  /** Whether the head is a name that somebody has written. */
  readonly raw?: boolean;
  readonly mark?: (item: Item) => string;
}

/** Rows that are chosen, by their keys. */
export interface Choosing<Item> {
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
  readonly label: (item: Item) => string;
}

export interface ListOf<Item> {
  /** What it is a list of. */
  readonly label: string;
  readonly keyOf: (item: Item) => string;
  /** Those that are not there are left out. */
  readonly columns: readonly (Column<Item> | null)[];
  readonly choosing?: Choosing<Item>;
  readonly look?: string;
  readonly mark?: (item: Item) => string;
  readonly caption?: string;
}

/** Rows that are here. */
export function List<Item>(props: ListOf<Item> & { items: readonly Item[] }): JSX.Element {
  const { items, keyOf, choosing } = props;
  const columns = props.columns.filter((column) => column !== null);
  const keys = items.map(keyOf);
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={props.label} onKeyDown={step}>
      <table class={props.look}>
        {props.caption !== undefined && <caption>{props.caption}</caption>}
        <thead>
          <tr>
            {choosing !== undefined && (
              <th scope="col">
                <input
                  type="checkbox"
                  aria-label={t("utilities.choose-all")}
                  checked={keys.length > 0 && keys.every((key) => choosing.chosen.has(key))}
                  onChange={(event) => choosing.onChoose(toggled(choosing.chosen, keys, event.currentTarget.checked))}
                />
              </th>
            )}
            {columns.map((column) =>
              column.head === "" ? (
                <td key={column.head} />
              ) : (
                <th key={column.head} scope="col" class={column.number === true ? "number" : undefined} data-value={column.raw === true ? "" : undefined}>
                  {column.head}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={keyOf(item)} class={props.mark?.(item)}>
              {choosing !== undefined && (
                <td>
                  <input
                    type="checkbox"
                    aria-label={choosing.label(item)}
                    checked={choosing.chosen.has(keyOf(item))}
                    onChange={(event) => choosing.onChoose(toggled(choosing.chosen, [keyOf(item)], event.currentTarget.checked))}
                  />
                </td>
              )}
              {columns.map((column) =>
                column.names === true ? (
                  <th key={column.head} scope="row">
                    {column.cell(item)}
                  </th>
                ) : (
                  <td key={column.head} class={column.mark?.(item) ?? (column.number === true ? "number" : undefined)}>
                    {column.cell(item)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const CONTROLS = "a, button, input[type=checkbox]";

// Up and down lead to the same control of the row beside, where an arrow has no other meaning.
function step(event: KeyboardEvent): void {
  const at = event.target;
  // With another key they mean something to the browser.
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (!(at instanceof HTMLElement) || !at.matches(CONTROLS)) return;
  const row = at.closest("tr");
  const rows = [...(row?.parentElement?.children ?? [])];
  const next = row === null ? null : beside(rows.length, rows.indexOf(row), event.key);
  const cell = at.closest("td, th");
  if (row === null || next === null || cell === null) return;
  const place = [...row.children].indexOf(cell);
  const controls = rows[next]?.children[place]?.querySelectorAll<HTMLElement>(CONTROLS);
  if (controls === undefined || controls.length === 0) return;
  // A row with fewer of them has no other than its last.
  const control = controls[Math.min([...cell.querySelectorAll(CONTROLS)].indexOf(at), controls.length - 1)];
  if (control === undefined) return;
  event.preventDefault();
  control.focus();
}

/** Which page of a list is shown, by the token that the server gave for it. */
export interface Turn {
  readonly token: string;
  /** The way to another page. */
  readonly to: (token: string, text: string) => JSX.Element;
}

/** The page stands in the address, so that it can be sent to somebody. */
export function usePageInAddress(): Turn {
  const place = usePlace();
  return {
    token: place.search.get("page") ?? "",
    to: (page, text) => (
      <Link to={withQuery(place, { page })} class="button">
        {text}
      </Link>
    ),
  };
}

/** The page is kept here, where the address is about something else, as behind a dialog. */
export function usePage(): Turn {
  const [token, setToken] = useState("");
  return { token, to: (page, text) => <Button onClick={() => setToken(page)}>{text}</Button> };
}

/** A page of a list, or what stands in its place. */
export function Pages<Item, Page extends { readonly nextPageToken: string }>(
  props: ListOf<Item> & {
    of: Loaded<Page>;
    items: (page: Page) => readonly Item[];
    empty: JSX.Element | string;
    turn: Turn;
    /** What is drawn of the same rows above them. */
    above?: (items: readonly Item[]) => JSX.Element;
  },
): JSX.Element {
  const { of, turn } = props;
  return (
    <>
      <Show of={of}>
        {(page) => {
          const items = props.items(page);
          // A page may be empty with another one behind it, where a filter is applied to what was read.
          if (items.length === 0 && page.nextPageToken === "" && turn.token === "") {
            return typeof props.empty === "string" ? <Empty title={props.empty} /> : props.empty;
          }
          return (
            <>
              {props.above?.(items)}
              <List {...props} items={items} />
              <div class="pager">
                {turn.token !== "" && turn.to("", t("pager.first"))}
                {page.nextPageToken !== "" && turn.to(page.nextPageToken, t("pager.next"))}
              </div>
            </>
          );
        }}
      </Show>
      {/* A token of other filters, or of another server, is refused: the way back. */}
      {of.value === null && of.failure !== null && turn.token !== "" && <div class="pager">{turn.to("", t("pager.first"))}</div>}
    </>
  );
}

export interface Filters {
  /** What a filter is set to; empty where it is not. */
  of(name: string): string;
  /** Sets filters, and goes back to the first page. */
  set(changes: Record<string, string>): void;
  /** All of them, as one text that changes when one of them does. */
  readonly key: string;
}

/** Filters that stand in the address. */
export function useFilters(): Filters {
  const place = usePlace();
  return {
    of: (name) => place.search.get(name) ?? "",
    set: (changes) => navigate(withQuery(place, { page: "", ...changes }), { replace: true, keep: true }),
    key: place.search.toString(),
  };
}
