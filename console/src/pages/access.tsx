// Who there is and what they may: users, service accounts with their keys, the matrix of roles, and why somebody may or may not.

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { access, identity } from "../api";
import { PrincipalState, Role, type ApiKey, type ServiceAccount, type User } from "../gen/zona/identity/v1/principal_pb";
import { navigate, usePlace, withQuery } from "../router";
import { administers, isSuper, lastPart, useCaller, useParent, type RoleName } from "../session";
import { t } from "../text";
import { useAction, useCall } from "../ui/call";
import { Badge, Button, Choice, CopyButton, Dialog, PageHead, Tabs, TextField, Time, Value } from "../ui/parts";
import { Empty, Loading, Problem, Show } from "../ui/states";

const PAGE_SIZE = 1000;

const ROLES: Record<RoleName, Role> = { USER: Role.USER, CREATOR: Role.CREATOR, ADMIN: Role.ADMIN, SUPER_ADMIN: Role.SUPER_ADMIN };

function nameOf(role: Role): RoleName {
  const found = (Object.keys(ROLES) as RoleName[]).find((name) => ROLES[name] === role);
  return found ?? "USER";
}

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
        onChange={(next) => navigate(withQuery(place, { tab: next }), { replace: true })}
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

function roleOptions(withSuper: boolean): { value: RoleName; text: string }[] {
  const names: RoleName[] = withSuper ? ["USER", "CREATOR", "ADMIN", "SUPER_ADMIN"] : ["USER", "CREATOR", "ADMIN"];
  return names.map((value) => ({ value, text: t(`role.${value}`) }));
}

function Users(): JSX.Element {
  const caller = useCaller();
  const parent = useParent();
  const loaded = useCall(parent, (signal) => identity.listUsers({ parent, pageSize: PAGE_SIZE }, { signal }));
  const [adding, setAdding] = useState(false);
  const [editing, setEditing] = useState<User | null>(null);
  return (
    <>
      {administers(caller) && (
        <Button kind="primary" onClick={() => setAdding(true)}>
          {t("access.add-user")}
        </Button>
      )}
      <Show of={loaded}>
        {(page) =>
          page.users.length === 0 ? (
            <Empty title={t("access.no-users")} />
          ) : (
            <div class="table-scroll" tabIndex={0} role="region" aria-label={t("access.users")}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{t("access.name")}</th>
                    <th scope="col">{t("access.display-name")}</th>
                    <th scope="col">{t("access.role")}</th>
                    <th scope="col">{t("access.state")}</th>
                    <th scope="col">{t("executions.created")}</th>
                    <th scope="col">{t("versions.actions")}</th>
                  </tr>
                </thead>
                <tbody>
                  {page.users.map((user) => (
                    <tr key={user.name}>
                      <td>
                        <Value code>{lastPart(user.name)}</Value>
                      </td>
                      <td>
                        <Value>{user.displayName}</Value>
                      </td>
                      <td>{t(`role.${nameOf(user.role)}`)}</td>
                      <td>
                        <StateBadge state={user.state} />
                      </td>
                      <td>
                        <Time at={user.createTime === undefined ? null : timestampDate(user.createTime)} />
                      </td>
                      <td>
                        <Button kind="quiet" onClick={() => setEditing(user)} label={t("access.edit.label", { name: lastPart(user.name) })}>
                          {t("access.edit")}
                        </Button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Show>
      {adding && <AddUser parent={parent} onClose={() => setAdding(false)} onDone={loaded.reload} />}
      {editing !== null && <EditUser user={editing} onClose={() => setEditing(null)} onDone={loaded.reload} />}
    </>
  );
}

function StateBadge(props: { state: PrincipalState }): JSX.Element {
  return props.state === PrincipalState.DISABLED ? <Badge kind="warn">{t("access.disabled")}</Badge> : <Badge kind="good">{t("access.active")}</Badge>;
}

function AddUser(props: { parent: string; onClose: () => void; onDone: () => void }): JSX.Element {
  const [id, setId] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [role, setRole] = useState<RoleName>("USER");
  const [password, setPassword] = useState("");
  const action = useAction();
  return (
    <Dialog title={t("access.add-user")} onClose={props.onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void action.run(async () => {
            await identity.createUser({
              parent: props.parent,
              userId: id.trim(),
              user: { displayName, role: ROLES[role], password },
              requestId: crypto.randomUUID(),
            });
            props.onClose();
            props.onDone();
          });
        }}
      >
        {action.failure !== null && <Problem failure={action.failure} />}
        <TextField label={t("access.name")} value={id} onInput={setId} required />
        <TextField label={t("access.display-name")} value={displayName} onInput={setDisplayName} />
        <Choice label={t("access.role")} value={role} options={roleOptions(props.parent === "tenants/system")} onChange={setRole} />
        <TextField label={t("sign-in.password")} type="password" value={password} onInput={setPassword} hint={t("access.password.hint")} autocomplete="new-password" />
        <Button kind="primary" type="submit" busy={action.busy}>
          {t("access.add")}
        </Button>
      </form>
    </Dialog>
  );
}

function EditUser(props: { user: User; onClose: () => void; onDone: () => void }): JSX.Element {
  const caller = useCaller();
  const { user } = props;
  const own = user.name === caller.principal;
  const [displayName, setDisplayName] = useState(user.displayName);
  const [role, setRole] = useState<RoleName>(nameOf(user.role));
  const [password, setPassword] = useState("");
  const [current, setCurrent] = useState("");
  const action = useAction();
  const done = () => {
    props.onClose();
    props.onDone();
  };
  const update = (change: Partial<{ displayName: string; role: Role; state: PrincipalState; password: string }>, paths: string[]) =>
    void action.run(async () => {
      await identity.updateUser({
        user: { name: user.name, etag: user.etag, ...change },
        updateMask: { paths },
        currentPassword: current,
        requestId: crypto.randomUUID(),
      });
      done();
    });
  return (
    <Dialog title={lastPart(user.name)} raw onClose={props.onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          const paths: string[] = [];
          if (displayName !== user.displayName) paths.push("display_name");
          if (ROLES[role] !== user.role) paths.push("role");
          if (password !== "") paths.push("password");
          if (paths.length > 0) update({ displayName, role: ROLES[role], password }, paths);
          else props.onClose();
        }}
      >
        {action.failure !== null && <Problem failure={action.failure} />}
        <TextField label={t("access.display-name")} value={displayName} onInput={setDisplayName} />
        {administers(caller) && (
          <Choice label={t("access.role")} value={role} options={roleOptions(isSuper(caller) && user.name.startsWith("tenants/system/"))} onChange={setRole} />
        )}
        <TextField label={t("access.new-password")} type="password" value={password} onInput={setPassword} autocomplete="new-password" />
        {own && <TextField label={t("access.current-password")} type="password" value={current} onInput={setCurrent} autocomplete="current-password" />}
        <div class="form-actions">
          <Button kind="primary" type="submit" busy={action.busy}>
            {t("editor.save")}
          </Button>
          {administers(caller) && !own && (
            <>
              <Button
                busy={action.busy}
                onClick={() => update({ state: user.state === PrincipalState.DISABLED ? PrincipalState.ACTIVE : PrincipalState.DISABLED }, ["state"])}
              >
                {t(user.state === PrincipalState.DISABLED ? "access.enable" : "access.disable")}
              </Button>
              <Button
                kind="danger"
                busy={action.busy}
                onClick={() => {
                  if (!confirm(t("access.delete.ask", { name: lastPart(user.name) }))) return;
                  void action.run(async () => {
                    await identity.deleteUser({ name: user.name, etag: user.etag, requestId: crypto.randomUUID() });
                    done();
                  });
                }}
              >
                {t("access.delete")}
              </Button>
            </>
          )}
        </div>
      </form>
    </Dialog>
  );
}

function Accounts(): JSX.Element {
  const parent = useParent();
  const loaded = useCall(parent, (signal) => identity.listServiceAccounts({ parent, pageSize: PAGE_SIZE }, { signal }));
  const [id, setId] = useState("");
  const [role, setRole] = useState<RoleName>("USER");
  const [open, setOpen] = useState<ServiceAccount | null>(null);
  const action = useAction();
  return (
    <>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          void action.run(async () => {
            await identity.createServiceAccount({ parent, serviceAccountId: id.trim(), serviceAccount: { role: ROLES[role] }, requestId: crypto.randomUUID() });
            setId("");
            loaded.reload();
          });
        }}
      >
        <TextField label={t("access.account")} value={id} onInput={setId} required />
        <Choice label={t("access.role")} value={role} options={roleOptions(false)} onChange={setRole} />
        <Button type="submit" kind="primary" busy={action.busy}>
          {t("access.add")}
        </Button>
        {action.failure !== null && <Problem failure={action.failure} />}
      </form>
      <Show of={loaded}>
        {(page) =>
          page.serviceAccounts.length === 0 ? (
            <Empty title={t("access.no-accounts")} />
          ) : (
            <div class="table-scroll" tabIndex={0} role="region" aria-label={t("access.accounts")}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{t("access.name")}</th>
                    <th scope="col">{t("access.role")}</th>
                    <th scope="col">{t("access.state")}</th>
                    <th scope="col">{t("versions.actions")}</th>
                  </tr>
                </thead>
                <tbody>
                  {page.serviceAccounts.map((account) => (
                    <tr key={account.name}>
                      <td>
                        <Value code>{lastPart(account.name)}</Value>
                      </td>
                      <td>{t(`role.${nameOf(account.role)}`)}</td>
                      <td>
                        <StateBadge state={account.state} />
                      </td>
                      <td>
                        <Button kind="quiet" onClick={() => setOpen(account)} label={t("access.keys.label", { name: lastPart(account.name) })}>
                          {t("access.keys")}
                        </Button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Show>
      {open !== null && <Keys account={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function Keys(props: { account: ServiceAccount; onClose: () => void }): JSX.Element {
  const parent = props.account.name;
  const loaded = useCall(parent, (signal) => identity.listApiKeys({ parent, pageSize: PAGE_SIZE }, { signal }));
  const [description, setDescription] = useState("");
  const [secret, setSecret] = useState<string | null>(null);
  const action = useAction();
  const revoke = (key: ApiKey) =>
    void action.run(async () => {
      await identity.revokeApiKey({ name: key.name, requestId: crypto.randomUUID() });
      loaded.reload();
    });
  return (
    <Dialog title={t("access.keys.of", { name: lastPart(parent) })} onClose={props.onClose} wide>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          void action.run(async () => {
            const made = await identity.createApiKey({ parent, apiKey: { description }, requestId: crypto.randomUUID() });
            setSecret(made.secret);
            setDescription("");
            loaded.reload();
          });
        }}
      >
        <TextField label={t("editor.description")} value={description} onInput={setDescription} />
        <Button type="submit" kind="primary" busy={action.busy}>
          {t("access.key.make")}
        </Button>
      </form>
      {action.failure !== null && <Problem failure={action.failure} />}
      {secret !== null && (
        <div class="note warn" role="status">
          <p>{t("access.key.once")}</p>
          <Value code>{secret}</Value> <CopyButton text={secret} />
        </div>
      )}
      <Show of={loaded}>
        {(page) =>
          page.apiKeys.length === 0 ? (
            <Empty title={t("access.no-keys")} />
          ) : (
            <div class="table-scroll" tabIndex={0} role="region" aria-label={t("access.keys")}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{t("access.key")}</th>
                    <th scope="col">{t("editor.description")}</th>
                    <th scope="col">{t("access.key.expires")}</th>
                    <th scope="col">{t("access.key.used")}</th>
                    <th scope="col">{t("versions.actions")}</th>
                  </tr>
                </thead>
                <tbody>
                  {page.apiKeys.map((key) => (
                    <tr key={key.name}>
                      <td>
                        <Value code>{lastPart(key.name)}</Value>
                      </td>
                      <td>
                        <Value>{key.description}</Value>
                      </td>
                      <td>
                        <Time at={key.expireTime === undefined ? null : timestampDate(key.expireTime)} />
                      </td>
                      <td>
                        <Time at={key.lastUseTime === undefined ? null : timestampDate(key.lastUseTime)} />
                      </td>
                      <td>
                        {key.revokeTime !== undefined ? (
                          <Badge kind="calm">{t("access.key.revoked")}</Badge>
                        ) : (
                          <Button kind="danger" busy={action.busy} onClick={() => revoke(key)} label={t("access.key.revoke.label", { name: lastPart(key.name) })}>
                            {t("grant.revoke")}
                          </Button>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Show>
    </Dialog>
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
          <div class="table-scroll" tabIndex={0} role="region" aria-label={t("access.matrix")}>
            <table class="matrix">
              <thead>
                <tr>
                  <th scope="col">{t("audit.action")}</th>
                  {(["USER", "CREATOR", "ADMIN", "SUPER_ADMIN"] as const).map((role) => (
                    <th key={role} scope="col">
                      {t(`role.${role}`)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows
                  .filter((row) => row.action.toLowerCase().includes(wanted) || row.method.toLowerCase().includes(wanted))
                  .map((row) => (
                    <tr key={row.method}>
                      <th scope="row">
                        <Value code title={row.method}>
                          {row.action}
                        </Value>
                      </th>
                      {row.roles.map((reach, index) => (
                        <td key={index} class={reach === "-" ? "none" : "some"}>
                          {reachText(reach)}
                        </td>
                      ))}
                    </tr>
                  ))}
              </tbody>
            </table>
          </div>
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
