// The utilities of the tenant: filters that stand in the address, search while typing, several at once.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { utilities } from "../api";
import { isAnswer, toFailure, type Failure } from "../failure";
import { UtilityKind, UtilityState, type Utility } from "../gen/zona/utility/v1/utility_pb";
import { UtilityOrder } from "../gen/zona/utility/v1/utility_service_pb";
import { RequestIds } from "../request-id";
import { Link } from "../router";
import { lastPart, signedOut, useParent } from "../session";
import { plural, t } from "../text";
import { useAction, useCall } from "../ui/call";
import { Pages, useFilters, usePageInAddress } from "../ui/list";
import { Badge, Button, Choice, PageHead, TextField, Value, When } from "../ui/parts";
import { Empty, Problem } from "../ui/states";

const PAGE_SIZE = 50;
const SEARCH_PAUSE = 150;

const KINDS: Record<string, UtilityKind> = { transformer: UtilityKind.TRANSFORMER, script: UtilityKind.SCRIPT };
const ORDERS: Record<string, UtilityOrder> = {
  name: UtilityOrder.NAME,
  created: UtilityOrder.CREATE_TIME_DESC,
  updated: UtilityOrder.UPDATE_TIME_DESC,
};

export function Utilities(): JSX.Element {
  const parent = useParent();
  const { of: query, set, key } = useFilters();
  const turn = usePageInAddress();
  const [search, setSearch] = useState(query("search"));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    if (search === query("search")) return;
    const timer = setTimeout(() => set({ search }), SEARCH_PAUSE);
    return () => clearTimeout(timer);
  }, [search]);
  const loaded = useCall(`${parent}?${key}`, (signal) =>
    utilities.listUtilities(
      {
        parent,
        pageSize: PAGE_SIZE,
        pageToken: turn.token,
        order: ORDERS[query("order")] ?? UtilityOrder.NAME,
        filter: {
          namePrefix: query("search"),
          kind: KINDS[query("kind")] ?? UtilityKind.UNSPECIFIED,
          tag: query("tag"),
          owner: query("owner"),
          showDeleted: query("deleted") === "yes",
          vulnerable: query("vulnerable") === "yes",
        },
      },
      { signal },
    ),
  );
  return (
    <>
      <PageHead title={t("nav.utilities")}>
        <Link to="/utilities/new" class="button primary">
          {t("utilities.new")}
        </Link>
      </PageHead>
      <search class="filters">
        <TextField label={t("utilities.search")} type="search" value={search} onInput={setSearch} />
        <Choice
          label={t("utilities.kind")}
          value={query("kind")}
          options={[
            { value: "", text: t("filter.any") },
            { value: "transformer", text: t("utility.kind.transformer") },
            { value: "script", text: t("utility.kind.script") },
          ]}
          onChange={(kind) => set({ kind })}
        />
        <TextField label={t("utilities.tag")} value={query("tag")} onInput={(tag) => set({ tag })} />
        <Choice
          label={t("utilities.order")}
          value={query("order") === "" ? "name" : query("order")}
          options={[
            { value: "name", text: t("utilities.order.name") },
            { value: "updated", text: t("utilities.order.updated") },
            { value: "created", text: t("utilities.order.created") },
          ]}
          onChange={(order) => set({ order: order === "name" ? "" : order })}
        />
        <label class="check">
          <input type="checkbox" checked={query("deleted") === "yes"} onChange={(event) => set({ deleted: event.currentTarget.checked ? "yes" : "" })} />
          {t("utilities.deleted")}
        </label>
        <label class="check">
          <input type="checkbox" checked={query("vulnerable") === "yes"} onChange={(event) => set({ vulnerable: event.currentTarget.checked ? "yes" : "" })} />
          {t("utilities.vulnerable")}
        </label>
      </search>
      <Bulk chosen={chosen} found={loaded.value?.utilities ?? []} onDone={(failed) => (setChosen(new Set(failed)), loaded.reload())} />
      <Pages
        of={loaded}
        turn={turn}
        items={(page) => page.utilities}
        empty={<Nothing filtered={key !== ""} />}
        label={t("nav.utilities")}
        keyOf={(utility) => utility.name}
        choosing={{ chosen, onChoose: setChosen, label: (utility) => t("utilities.choose", { name: lastPart(utility.name) }) }}
        columns={[
          { head: t("utilities.name"), cell: (utility) => <Named utility={utility} /> },
          { head: t("utilities.kind"), cell: ({ kind }) => t(kind === UtilityKind.TRANSFORMER ? "utility.kind.transformer" : "utility.kind.script") },
          { head: t("utilities.version"), number: true, cell: (utility) => <Value>{utility.latestVersion}</Value> },
          { head: t("utilities.owner"), cell: ({ owner }) => <Value title={owner}>{lastPart(owner)}</Value> },
          { head: t("utilities.updated"), cell: (utility) => <When at={utility.updateTime} /> },
        ]}
      />
    </>
  );
}

function Nothing(props: { filtered: boolean }): JSX.Element {
  return (
    <Empty title={t(props.filtered ? "utilities.nothing" : "utilities.empty")}>
      <Link to={props.filtered ? "/utilities" : "/utilities/new"} class={props.filtered ? "button" : "button primary"}>
        {t(props.filtered ? "filter.clear" : "utilities.new")}
      </Link>
    </Empty>
  );
}

function Named(props: { utility: Utility }): JSX.Element {
  const { utility } = props;
  return (
    <>
      <Link to={`/utilities/${encodeURIComponent(lastPart(utility.name))}`}>
        <Value>{utility.displayName === "" ? lastPart(utility.name) : utility.displayName}</Value>
      </Link>
      {utility.displayName !== "" && (
        <>
          {" "}
          <Value code>{lastPart(utility.name)}</Value>
        </>
      )}
      {utility.state === UtilityState.DELETED && <Badge kind="warn">{t("utility.deleted")}</Badge>}
      {(utility.vulnerableImports?.imports.length ?? 0) > 0 && <Badge kind="bad">{t("utility.vulnerable")}</Badge>}
      {utility.description !== "" && (
        <div class="hint">
          <Value>{utility.description}</Value>
        </div>
      )}
      {utility.tags.map((tag) => (
        <Link key={tag} to={`/utilities?tag=${encodeURIComponent(tag)}`} class="tag">
          <Value>{tag}</Value>
        </Link>
      ))}
    </>
  );
}

/** Deletes or brings back what is chosen, one after the other; what fails is named, and the rest goes on. */
function Bulk(props: { chosen: ReadonlySet<string>; found: readonly Utility[]; onDone: (failed: readonly string[]) => void }): JSX.Element | null {
  const action = useAction();
  const [failed, setFailed] = useState<readonly [string, Failure][]>([]);
  const [ids] = useState(() => new RequestIds());
  const chosen = props.found.filter((utility) => props.chosen.has(utility.name));
  const failures = failed.map(([name, failure]) => (
    <div key={name}>
      <Value code>{lastPart(name)}</Value>
      <Problem failure={failure} />
    </div>
  ));
  if (chosen.length === 0) return failed.length === 0 ? null : <>{failures}</>;
  const each = (then: (utility: Utility, requestId: string) => Promise<unknown>) =>
    void action.run(async () => {
      const wrong: [string, Failure][] = [];
      setFailed(wrong);
      for (const utility of chosen) {
        try {
          await then(utility, ids.of(utility.name, utility.etag, utility.state));
        } catch (thrown) {
          const failure = toFailure(thrown);
          if (failure.kind === "signed-out") signedOut();
          wrong.push([utility.name, failure]);
        }
      }
      if (wrong.every(([, failure]) => isAnswer(failure))) ids.settle();
      setFailed([...wrong]);
      props.onDone(wrong.map(([name]) => name));
    });
  const active = chosen.filter((utility) => utility.state === UtilityState.ACTIVE);
  return (
    <div class="bulk" role="region" aria-label={t("bulk.label")}>
      <span role="status">{plural("bulk.chosen", chosen.length)}</span>
      {active.length === chosen.length ? (
        <Button
          kind="danger"
          busy={action.busy}
          onClick={() => {
            if (confirm(plural("bulk.delete.ask", chosen.length))) {
              each((utility, requestId) => utilities.deleteUtility({ name: utility.name, etag: utility.etag, requestId }));
            }
          }}
        >
          {t("bulk.delete")}
        </Button>
      ) : active.length === 0 ? (
        <Button busy={action.busy} onClick={() => each((utility, requestId) => utilities.undeleteUtility({ name: utility.name, etag: utility.etag, requestId }))}>
          {t("bulk.undelete")}
        </Button>
      ) : null}
      {failures}
    </div>
  );
}
