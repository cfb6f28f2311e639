// Service accounts and their API keys: a key's secret is shown once, when it is made.

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { identity } from "../api";
import type { ApiKey, ServiceAccount } from "../gen/zona/identity/v1/principal_pb";
import { lastPart, useParent, type RoleName } from "../session";
import { t } from "../text";
import { useAction, useCall } from "../ui/call";
import { Badge, Button, Choice, CopyButton, Dialog, TextField, Time, Value } from "../ui/parts";
import { Empty, Problem, Show } from "../ui/states";
import { nameOf, PAGE_SIZE, roleOptions, ROLES, StateBadge } from "./roles";

export function Accounts(): JSX.Element {
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
