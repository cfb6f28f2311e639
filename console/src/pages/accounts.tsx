// Service accounts and their API keys: a key's secret is shown once, when it is made.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { identity } from "../api";
import type { ApiKey, ServiceAccount } from "../gen/zona/identity/v1/principal_pb";
import { lastPart, useParent, type RoleName } from "../session";
import { t } from "../text";
import { useAction, useCall } from "../ui/call";
import { Pages, usePage, usePageInAddress } from "../ui/list";
import { Badge, Button, Choice, CopyButton, Dialog, TextField, Value, When } from "../ui/parts";
import { Problem } from "../ui/states";
import { nameOf, PAGE_SIZE, roleOptions, ROLES, StateBadge } from "./roles";

export function Accounts(): JSX.Element {
  const parent = useParent();
  const turn = usePageInAddress();
  const loaded = useCall(`${parent} ${turn.token}`, (signal) =>
    identity.listServiceAccounts({ parent, pageSize: PAGE_SIZE, pageToken: turn.token }, { signal }),
  );
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
          void action.run(async (requestId) => {
            const asked = { parent, serviceAccountId: id.trim(), serviceAccount: { role: ROLES[role] } };
            await identity.createServiceAccount({ ...asked, requestId: requestId(asked) });
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
      <Pages
        of={loaded}
        turn={turn}
        items={(page) => page.serviceAccounts}
        empty={t("access.no-accounts")}
        label={t("access.accounts")}
        keyOf={(account) => account.name}
        columns={[
          { head: t("access.name"), cell: (account) => <Value code>{lastPart(account.name)}</Value> },
          { head: t("access.role"), cell: (account) => t(`role.${nameOf(account.role)}`) },
          { head: t("access.state"), cell: (account) => <StateBadge state={account.state} /> },
          {
            head: t("versions.actions"),
            cell: (account) => (
              <Button kind="quiet" onClick={() => setOpen(account)} label={t("access.keys.label", { name: lastPart(account.name) })}>
                {t("access.keys")}
              </Button>
            ),
          },
        ]}
      />
      {open !== null && <Keys account={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function Keys(props: { account: ServiceAccount; onClose: () => void }): JSX.Element {
  const parent = props.account.name;
  const turn = usePage();
  const loaded = useCall(`${parent} ${turn.token}`, (signal) => identity.listApiKeys({ parent, pageSize: PAGE_SIZE, pageToken: turn.token }, { signal }));
  const [description, setDescription] = useState("");
  const [secret, setSecret] = useState<string | null>(null);
  const action = useAction();
  const revoke = (key: ApiKey) =>
    void action.run(async (id) => {
      await identity.revokeApiKey({ name: key.name, requestId: id(key.name) });
      loaded.reload();
    });
  return (
    <Dialog title={t("access.keys.of", { name: lastPart(parent) })} onClose={props.onClose} wide>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          void action.run(async (id) => {
            const made = await identity.createApiKey({ parent, apiKey: { description }, requestId: id("key", description) });
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
      <Pages
        of={loaded}
        turn={turn}
        items={(page) => page.apiKeys}
        empty={t("access.no-keys")}
        label={t("access.keys")}
        keyOf={(key) => key.name}
        columns={[
          { head: t("access.key"), cell: (key) => <Value code>{lastPart(key.name)}</Value> },
          { head: t("editor.description"), cell: (key) => <Value>{key.description}</Value> },
          { head: t("access.key.expires"), cell: (key) => <When at={key.expireTime} /> },
          { head: t("access.key.used"), cell: (key) => <When at={key.lastUseTime} /> },
          {
            head: t("versions.actions"),
            cell: (key) =>
              key.revokeTime !== undefined ? (
                <Badge kind="calm">{t("access.key.revoked")}</Badge>
              ) : (
                <Button kind="danger" busy={action.busy} onClick={() => revoke(key)} label={t("access.key.revoke.label", { name: lastPart(key.name) })}>
                  {t("grant.revoke")}
                </Button>
              ),
          },
        ]}
      />
    </Dialog>
  );
}
