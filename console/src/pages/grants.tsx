// Who may use a utility beside its owner, and giving and taking that.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { access } from "../api";
import { Access, type Grant } from "../gen/zona/access/v1/grant_pb";
import { useParent } from "../session";
import { t, type TextId } from "../text";
import { useAction, useCall } from "../ui/call";
import { Pages, usePageInAddress } from "../ui/list";
import { Button, Choice, TextField, Value, When } from "../ui/parts";
import { Problem } from "../ui/states";
import { PAGE_SIZE } from "./roles";

const ACCESS_TEXTS: Record<Access, TextId> = {
  [Access.UNSPECIFIED]: "grant.access.unknown",
  [Access.READ]: "grant.access.read",
  [Access.EXECUTE]: "grant.access.execute",
  [Access.MANAGE]: "grant.access.manage",
};

export function Grants(props: { utility: string }): JSX.Element {
  const turn = usePageInAddress();
  const loaded = useCall(`${props.utility} ${turn.token}`, (signal) =>
    access.listGrants({ parent: props.utility, pageSize: PAGE_SIZE, pageToken: turn.token }, { signal }),
  );
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
      <Pages
        of={loaded}
        turn={turn}
        items={(page) => page.grants}
        empty={t("grant.empty")}
        label={t("utility.sharing")}
        keyOf={(grant) => grant.grantee}
        columns={[
          { head: t("grant.grantee"), cell: (grant) => <Value code>{grant.grantee}</Value> },
          { head: t("grant.access"), cell: (grant) => t(ACCESS_TEXTS[grant.access] ?? "grant.access.unknown") },
          { head: t("grant.expires"), cell: (grant) => <When at={grant.expireTime} /> },
          { head: t("grant.reason"), cell: (grant) => <Value>{grant.reason}</Value> },
          {
            head: t("versions.actions"),
            cell: (grant) => (
              <Button kind="danger" busy={action.busy} onClick={() => revoke(grant)} label={t("grant.revoke.label", { name: grant.grantee })}>
                {t("grant.revoke")}
              </Button>
            ),
          },
        ]}
      />
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
