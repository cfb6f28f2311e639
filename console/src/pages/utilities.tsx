// The utilities of the tenant: filters that stand in the address, search while typing, several at once.

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { utilities } from "../api";
import { isAnswer, toFailure, type Failure } from "../failure";
import { UtilityKind, UtilityState, type Utility } from "../gen/zona/utility/v1/utility_pb";
import { UtilityOrder } from "../gen/zona/utility/v1/utility_service_pb";
import { RequestIds } from "../request-id";
import { Link, navigate, usePlace, withQuery } from "../router";
import { lastPart, signedOut, useParent } from "../session";
import { plural, t } from "../text";
import { useAction, useCall } from "../ui/call";
import { Badge, Button, Choice, PageHead, TextField, Time, Value } from "../ui/parts";
import { Empty, Problem, Show } from "../ui/states";

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
  const place = usePlace();
  const query = (name: string) => place.search.get(name) ?? "";
  const set = (changes: Record<string, string>) => navigate(withQuery(place, { page: "", ...changes }), { replace: true, keep: true });
  const [search, setSearch] = useState(query("search"));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    if (search === query("search")) return;
    const timer = setTimeout(() => set({ search }), SEARCH_PAUSE);
    return () => clearTimeout(timer);
  }, [search]);
  const loaded = useCall(`${parent}?${place.search.toString()}`, (signal) =>
    utilities.listUtilities(
      {
        parent,
        pageSize: PAGE_SIZE,
        pageToken: query("page"),
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
      <Show of={loaded}>
        {(page) =>
          page.utilities.length === 0 ? (
            <Empty title={t(place.search.size === 0 ? "utilities.empty" : "utilities.nothing")}>
              {place.search.size === 0 ? (
                <Link to="/utilities/new" class="button primary">
                  {t("utilities.new")}
                </Link>
              ) : (
                <Link to="/utilities" class="button">
                  {t("filter.clear")}
                </Link>
              )}
            </Empty>
          ) : (
            <>
              <List found={page.utilities} chosen={chosen} onChoose={setChosen} />
              <div class="pager">
                {query("page") !== "" && (
                  <Link to={withQuery(place, { page: "" })} class="button">
                    {t("pager.first")}
                  </Link>
                )}
                {page.nextPageToken !== "" && (
                  <Link to={withQuery(place, { page: page.nextPageToken })} class="button">
                    {t("pager.next")}
                  </Link>
                )}
              </div>
            </>
          )
        }
      </Show>
    </>
  );
}

function List(props: { found: readonly Utility[]; chosen: ReadonlySet<string>; onChoose: (chosen: ReadonlySet<string>) => void }): JSX.Element {
  const all = props.found.every((utility) => props.chosen.has(utility.name));
  const toggle = (names: readonly string[], on: boolean) => {
    const next = new Set(props.chosen);
    for (const name of names) {
      if (on) next.add(name);
      else next.delete(name);
    }
    props.onChoose(next);
  };
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={t("nav.utilities")}>
      <table>
        <thead>
          <tr>
            <th scope="col">
              <input
                type="checkbox"
                aria-label={t("utilities.choose-all")}
                checked={all}
                onChange={(event) => toggle(props.found.map((utility) => utility.name), event.currentTarget.checked)}
              />
            </th>
            <th scope="col">{t("utilities.name")}</th>
            <th scope="col">{t("utilities.kind")}</th>
            <th scope="col">{t("utilities.version")}</th>
            <th scope="col">{t("utilities.owner")}</th>
            <th scope="col">{t("utilities.updated")}</th>
          </tr>
        </thead>
        <tbody>
          {props.found.map((utility) => (
            <tr key={utility.name}>
              <td>
                <input
                  type="checkbox"
                  aria-label={t("utilities.choose", { name: lastPart(utility.name) })}
                  checked={props.chosen.has(utility.name)}
                  onChange={(event) => toggle([utility.name], event.currentTarget.checked)}
                />
              </td>
              <td>
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
              </td>
              <td>{t(utility.kind === UtilityKind.TRANSFORMER ? "utility.kind.transformer" : "utility.kind.script")}</td>
              <td class="number" data-value>
                {utility.latestVersion}
              </td>
              <td>
                <Value title={utility.owner}>{lastPart(utility.owner)}</Value>
              </td>
              <td>
                <Time at={utility.updateTime === undefined ? null : timestampDate(utility.updateTime)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
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
