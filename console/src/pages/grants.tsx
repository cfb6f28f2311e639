// Who may use a utility beside its owner, and giving and taking that.

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { access } from "../api";
import { Access, type Grant } from "../gen/zona/access/v1/grant_pb";
import { useParent } from "../session";
import { t, type TextId } from "../text";
import { useAction, useCall } from "../ui/call";
import { Button, Choice, TextField, Time, Value } from "../ui/parts";
import { Empty, Problem, Show } from "../ui/states";

const ACCESS_TEXTS: Record<Access, TextId> = {
  [Access.UNSPECIFIED]: "grant.access.unknown",
  [Access.READ]: "grant.access.read",
  [Access.EXECUTE]: "grant.access.execute",
  [Access.MANAGE]: "grant.access.manage",
};

export function Grants(props: { utility: string }): JSX.Element {
  const loaded = useCall(props.utility, (signal) => access.listGrants({ parent: props.utility, pageSize: 1000 }, { signal }));
  const action = useAction();
  const revoke = (grant: Grant) =>
    void action.run(async (id) => {
      await access.revokeAccess({ name: props.utility, grantee: grant.grantee, requestId: id(grant.grantee) });
      loaded.reload();
    });
  return (
    <>
      <Give utility={props.utility} onDone={loaded.reload} />
      {action.failure !== null && <Problem failure={action.failure} />}
      <Show of={loaded}>
        {(page) =>
          page.grants.length === 0 ? (
            <Empty title={t("grant.empty")} />
          ) : (
            <div class="table-scroll" tabIndex={0} role="region" aria-label={t("utility.sharing")}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{t("grant.grantee")}</th>
                    <th scope="col">{t("grant.access")}</th>
                    <th scope="col">{t("grant.expires")}</th>
                    <th scope="col">{t("grant.reason")}</th>
                    <th scope="col">{t("versions.actions")}</th>
                  </tr>
                </thead>
                <tbody>
                  {page.grants.map((grant) => (
                    <tr key={grant.grantee}>
                      <td>
                        <Value code>{grant.grantee}</Value>
                      </td>
                      <td>{t(ACCESS_TEXTS[grant.access] ?? "grant.access.unknown")}</td>
                      <td>
                        <Time at={grant.expireTime === undefined ? null : timestampDate(grant.expireTime)} />
                      </td>
                      <td>
                        <Value>{grant.reason}</Value>
                      </td>
                      <td>
                        <Button kind="danger" busy={action.busy} onClick={() => revoke(grant)} label={t("grant.revoke.label", { name: grant.grantee })}>
                          {t("grant.revoke")}
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
    </>
  );
}

function Give(props: { utility: string; onDone: () => void }): JSX.Element {
  const parent = useParent();
  const [user, setUser] = useState("");
  const [kind, setKind] = useState<"EXECUTE" | "READ" | "MANAGE">("EXECUTE");
  const [reason, setReason] = useState("");
  const action = useAction();
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        void action.run(async (id) => {
          const grantee = user.includes("/") ? user.trim() : `${parent}/users/${user.trim()}`;
          await access.grantAccess({ name: props.utility, grantee, access: Access[kind], reason, requestId: id(grantee, kind, reason) });
          setUser("");
          setReason("");
          props.onDone();
        });
      }}
    >
      <TextField label={t("grant.grantee")} value={user} onInput={setUser} hint={t("grant.grantee.hint")} required />
      <Choice
        label={t("grant.access")}
        value={kind}
        options={[
          { value: "READ", text: t("grant.access.read") },
          { value: "EXECUTE", text: t("grant.access.execute") },
          { value: "MANAGE", text: t("grant.access.manage") },
        ]}
        onChange={setKind}
      />
      <TextField label={t("grant.reason")} value={reason} onInput={setReason} />
      <Button type="submit" kind="primary" busy={action.busy}>
        {t("grant.give")}
      </Button>
      {action.failure !== null && <Problem failure={action.failure} />}
    </form>
  );
}
