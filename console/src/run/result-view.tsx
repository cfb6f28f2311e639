// A result as a tree, as a table where it is a list of objects, and as it came. Numbers are shown as they were written.

import { LosslessNumber, parse } from "lossless-json";
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";

import { number, plural, t } from "../text";
import { List } from "../ui/list";
import { Button, CopyButton, Tabs, Value } from "../ui/parts";
import { asTable, cell, isObject, type TableOf } from "./result-table";

// Children and rows beyond these are shown when asked for.
const PAGE = 100;
const OPEN_DEPTH = 2;

type Kind = "tree" | "table" | "raw";

export function ResultView(props: { json: string }): JSX.Element {
  const value = useMemo(() => {
    try {
      return { parsed: parse(props.json) as unknown };
    } catch {
      return null;
    }
  }, [props.json]);
  const table = value === null ? null : asTable(value.parsed);
  const [kind, setKind] = useState<Kind>(table !== null ? "table" : "tree");
  const tabs = [
    { id: "tree", text: t("result.tree") },
    ...(table === null ? [] : [{ id: "table", text: t("result.table") }]),
    { id: "raw", text: t("result.raw") },
  ];
  const shown = value === null ? "raw" : kind === "table" && table === null ? "tree" : kind;
  return (
    <div class="result">
      <Tabs label={t("result.label")} tabs={value === null ? tabs.slice(-1) : tabs} current={shown} onChange={(id) => setKind(id as Kind)}>
        <CopyButton text={props.json} />
        {shown === "tree" && value !== null && (
          <div class="tree">
            <Node name={null} value={value.parsed} depth={0} />
          </div>
        )}
        {shown === "table" && table !== null && <Table table={table} />}
        {shown === "raw" && (
          <pre data-value tabIndex={0}>
            {props.json}
          </pre>
        )}
      </Tabs>
    </div>
  );
}

function Node(props: { name: string | null; value: unknown; depth: number }): JSX.Element {
  const { value } = props;
  const [limit, setLimit] = useState(PAGE);
  const name = props.name === null ? null : <span class="tree-name">{props.name}: </span>;
  const members: [string, unknown][] | null = Array.isArray(value)
    ? value.map((item, index) => [String(index), item])
    : isObject(value)
      ? Object.entries(value)
      : null;
  if (members === null) {
    return (
      <div class="tree-leaf" data-value>
        {name}
        <Scalar value={value} />
      </div>
    );
  }
  return (
    <details class="tree-node" open={props.depth < OPEN_DEPTH}>
      <summary>
        <span data-value>{name}</span>
        <span class="tree-size">{plural(Array.isArray(value) ? "result.items" : "result.members", members.length)}</span>
      </summary>
      {members.slice(0, limit).map(([key, member]) => (
        <Node key={key} name={key} value={member} depth={props.depth + 1} />
      ))}
      {members.length > limit && (
        <Button kind="quiet" onClick={() => setLimit(limit + PAGE * 10)}>
          {t("action.more", { count: number(members.length - limit) })}
        </Button>
      )}
    </details>
  );
}

function Scalar(props: { value: unknown }): JSX.Element {
  const { value } = props;
  if (typeof value === "string") return <span class="json-string">{JSON.stringify(value)}</span>;
  if (value instanceof LosslessNumber) return <span class="json-number">{value.toString()}</span>;
  return <span class="json-word">{String(value)}</span>;
}

interface Numbered {
  readonly row: TableOf["rows"][number];
  readonly index: number;
}

function Table(props: { table: TableOf }): JSX.Element {
  const [limit, setLimit] = useState(PAGE);
  const { columns, rows } = props.table;
  return (
    <>
      <List
        label={t("result.table")}
        items={rows.slice(0, limit).map((row, index): Numbered => ({ row, index }))}
        keyOf={({ index }) => String(index)}
        columns={columns.map((column) => ({ head: column, raw: true, cell: ({ row }: Numbered) => <Value>{cell(row[column])}</Value> }))}
      />
      {rows.length > limit && (
        <Button kind="quiet" onClick={() => setLimit(limit + PAGE * 10)}>
          {t("action.more", { count: number(rows.length - limit) })}
        </Button>
      )}
    </>
  );
}
