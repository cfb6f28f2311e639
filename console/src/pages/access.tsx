// Who there is and what they may: users, service accounts with their keys, the matrix of roles, and why somebody may or may not.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { MatrixRow } from "../access/matrix";
import { access } from "../api";
import { navigate, usePlace, withQuery } from "../router";
import { administers, lastPart, useCaller, useParent } from "../session";
import { t } from "../text";
import { useCall } from "../ui/call";
import { List } from "../ui/list";
import { Badge, Button, Choice, PageHead, Tabs, TextField, Value } from "../ui/parts";
import { Loading, Problem, Show } from "../ui/states";
import { Accounts } from "./accounts";
import { Users } from "./users";

export function Access(): JSX.Element {
  const caller = useCaller();
  const place = usePlace();
  const tab = place.search.get("tab") ?? "users";
  return (
    <>
      <PageHead title={t("nav.access")} />
      <Tabs
        label={t("nav.access")}
        current={tab}
        onChange={(next) => navigate(withQuery(place, { tab: next, page: "" }), { replace: true })}
        tabs={[
          { id: "users", text: t("access.users") },
          ...(administers(caller) ? [{ id: "accounts", text: t("access.accounts") }] : []),
          { id: "matrix", text: t("access.matrix") },
          { id: "explain", text: t("access.explain") },
        ]}
      >
        {tab === "users" && <Users />}
        {tab === "accounts" && <Accounts />}
        {tab === "matrix" && <Matrix />}
        {tab === "explain" && <Explain />}
      </Tabs>
    </>
  );
}

function Matrix(): JSX.Element {
  const [search, setSearch] = useState("");
  const loaded = useCall("matrix", async () => (await import("../access/permissions")).matrix);
  const wanted = search.toLowerCase();
  return (
    <>
      <p>{t("matrix.text")}</p>
      <TextField label={t("utilities.search")} type="search" value={search} onInput={setSearch} />
      <Show of={loaded}>
        {(rows) => (
          <List
            label={t("access.matrix")}
            look="matrix"
            items={rows.filter((row) => row.action.toLowerCase().includes(wanted) || row.method.toLowerCase().includes(wanted))}
            keyOf={(row) => row.method}
            columns={[
              {
                head: t("audit.action"),
                names: true,
                cell: (row) => (
                  <Value code title={row.method}>
                    {row.action}
                  </Value>
                ),
              },
              ...(["USER", "CREATOR", "ADMIN", "SUPER_ADMIN"] as const).map((role, index) => ({
                head: t(`role.${role}`),
                mark: (row: MatrixRow) => (row.roles[index] === "-" ? "none" : "some"),
                cell: (row: MatrixRow) => reachText(row.roles[index] ?? "-"),
              })),
            ]}
          />
        )}
      </Show>
    </>
  );
}

function reachText(reach: string): string {
  switch (reach) {
    case "own":
      return t("reach.own");
    case "tenant":
      return t("reach.tenant");
    case "everywhere":
      return t("reach.everywhere");
    case "anyone":
      return t("reach.anyone");
    default:
      return t("reach.none");
  }
}

function Explain(): JSX.Element {
  const caller = useCaller();
  const parent = useParent();
  const [who, setWho] = useState(lastPart(caller.principal));
  const [action, setAction] = useState("utility.execute");
  const [resource, setResource] = useState("");
  const [asked, setAsked] = useState<{ name: string; action: string; resource: string } | null>(null);
  const names = useCall("matrix", async () => (await import("../access/permissions")).matrix.map((row) => row.action));
  return (
    <>
      <p>{t("explain.text")}</p>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          const name = who.includes("/") ? who.trim() : who === lastPart(caller.principal) ? caller.principal : `${parent}/users/${who.trim()}`;
          const what = resource.trim();
          const full = what === "" ? parent : what.includes("/") ? what : `${parent}/utilities/${what}`;
          setAsked({ name, action: action.trim(), resource: full });
        }}
      >
        <TextField label={t("explain.who")} value={who} onInput={setWho} hint={t("grant.grantee.hint")} required />
        <Choice
          label={t("audit.action")}
          value={action}
          options={[...new Set([action, ...(names.value ?? [])])].sort().map((name) => ({ value: name, text: name, raw: true }))}
          onChange={setAction}
        />
        <TextField label={t("explain.resource")} value={resource} onInput={setResource} hint={t("explain.resource.hint")} />
        <Button type="submit" kind="primary">
          {t("explain.ask")}
        </Button>
      </form>
      {asked !== null && <Explanation key={JSON.stringify(asked)} {...asked} />}
    </>
  );
}

function Explanation(props: { name: string; action: string; resource: string }): JSX.Element {
  const loaded = useCall(JSON.stringify(props), (signal) => access.explainAccess(props, { signal }));
  if (loaded.failure !== null) return <Problem failure={loaded.failure} />;
  if (loaded.value === null) return <Loading />;
  const answer = loaded.value;
  return (
    <div class="card" role="status">
      <Badge kind={answer.allowed ? "good" : "bad"}>{t(answer.allowed ? "explain.allowed" : "explain.denied")}</Badge>
      <p>
        <Value>{answer.explanation}</Value>
      </p>
      <dl class="facts">
        <dt>{t("explain.rule")}</dt>
        <dd>
          <Value code>{answer.rule}</Value>
        </dd>
        {answer.grant !== undefined && (
          <>
            <dt>{t("explain.grant")}</dt>
            <dd>
              <Value code>{`${answer.grant.grantee} (${answer.grant.grantedBy})`}</Value>
            </dd>
          </>
        )}
      </dl>
    </div>
  );
}
