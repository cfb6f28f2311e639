// The users of a tenant: who there is, with which role; made, changed, disabled and deleted.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { identity } from "../api";
import { PrincipalState, type Role, type User } from "../gen/zona/identity/v1/principal_pb";
import { administers, isSuper, lastPart, useCaller, useParent, type RoleName } from "../session";
import { t } from "../text";
import { useAction, useCall } from "../ui/call";
import { Pages, usePageInAddress } from "../ui/list";
import { Button, Choice, Dialog, TextField, Value, When } from "../ui/parts";
import { Problem } from "../ui/states";
import { nameOf, PAGE_SIZE, roleOptions, ROLES, StateBadge } from "./roles";

export function Users(): JSX.Element {
  const caller = useCaller();
  const parent = useParent();
  const turn = usePageInAddress();
  const loaded = useCall(`${parent} ${turn.token}`, (signal) => identity.listUsers({ parent, pageSize: PAGE_SIZE, pageToken: turn.token }, { signal }));
  const [adding, setAdding] = useState(false);
  const [editing, setEditing] = useState<User | null>(null);
  return (
    <>
      {administers(caller) && (
        <Button kind="primary" onClick={() => setAdding(true)}>
          {t("access.add-user")}
        </Button>
      )}
      <Pages
        of={loaded}
        turn={turn}
        items={(page) => page.users}
        empty={t("access.no-users")}
        label={t("access.users")}
        keyOf={(user) => user.name}
        columns={[
          { head: t("access.name"), cell: (user) => <Value code>{lastPart(user.name)}</Value> },
          { head: t("access.display-name"), cell: (user) => <Value>{user.displayName}</Value> },
          { head: t("access.role"), cell: (user) => t(`role.${nameOf(user.role)}`) },
          { head: t("access.state"), cell: (user) => <StateBadge state={user.state} /> },
          { head: t("executions.created"), cell: (user) => <When at={user.createTime} /> },
          {
            head: t("versions.actions"),
            cell: (user) => (
              <Button kind="quiet" onClick={() => setEditing(user)} label={t("access.edit.label", { name: lastPart(user.name) })}>
                {t("access.edit")}
              </Button>
            ),
          },
        ]}
      />
      {adding && <AddUser parent={parent} onClose={() => setAdding(false)} onDone={loaded.reload} />}
      {editing !== null && <EditUser user={editing} onClose={() => setEditing(null)} onDone={loaded.reload} />}
    </>
  );
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
          void action.run(async (requestId) => {
            const asked = { parent: props.parent, userId: id.trim(), user: { displayName, role: ROLES[role], password } };
            await identity.createUser({ ...asked, requestId: requestId(asked) });
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
    void action.run(async (id) => {
      await identity.updateUser({
        user: { name: user.name, etag: user.etag, ...change },
        updateMask: { paths },
        currentPassword: current,
        requestId: id(user.etag, paths, change, current),
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
                  void action.run(async (id) => {
                    await identity.deleteUser({ name: user.name, etag: user.etag, requestId: id("delete", user.etag) });
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
