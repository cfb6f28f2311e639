// Named secrets of a tenant: which there are, what they are for and which utilities may have them. A value is written and never shown.

import { Code, ConnectError } from "@connectrpc/connect";
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";

import { secrets } from "../api";
import type { Secret } from "../gen/zona/secret/v1/secret_pb";
import { lastPart, useParent } from "../session";
import { t } from "../text";
import { useAction, useCall } from "../ui/call";
import { Pages, usePageInAddress } from "../ui/list";
import { Button, Dialog, TextField, Value, When } from "../ui/parts";
import { Problem } from "../ui/states";
import { names } from "./properties-form";
import { PAGE_SIZE } from "./roles";

export function Secrets(): JSX.Element {
  const parent = useParent();
  const turn = usePageInAddress();
  const loaded = useCall(`${parent} ${turn.token}`, (signal) => secrets.listSecrets({ parent, pageSize: PAGE_SIZE, pageToken: turn.token }, { signal }));
  const [open, setOpen] = useState<Secret | "new" | null>(null);
  return (
    <>
      <div class="form-actions">
        <Button kind="primary" onClick={() => setOpen("new")}>
          {t("secrets.new")}
        </Button>
      </div>
      <Pages
        of={loaded}
        turn={turn}
        items={(page) => page.secrets}
        empty={t("secrets.empty")}
        label={t("tenant.secrets")}
        keyOf={(secret) => secret.name}
        columns={[
          { head: t("access.name"), cell: (secret) => <Value code>{lastPart(secret.name)}</Value> },
          { head: t("editor.description"), cell: (secret) => <Value>{secret.description}</Value> },
          { head: t("secrets.utilities"), cell: (secret) => <Value>{secret.utilities.map(lastPart).join(", ")}</Value> },
          { head: t("versions.number"), number: true, cell: (secret) => <Value>{secret.version}</Value> },
          { head: t("secrets.set"), cell: (secret) => <When at={secret.setTime} /> },
          { head: t("access.key.used"), cell: (secret) => <When at={secret.lastUseTime} /> },
          {
            head: t("versions.actions"),
            cell: (secret) => (
              <Button kind="quiet" onClick={() => setOpen(secret)} label={t("access.edit.label", { name: lastPart(secret.name) })}>
                {t("access.edit")}
              </Button>
            ),
          },
        ]}
      />
      {open !== null && <Edit secret={open === "new" ? null : open} onClose={() => setOpen(null)} onDone={loaded.reload} />}
    </>
  );
}

function Edit(props: { secret: Secret | null; onClose: () => void; onDone: () => void }): JSX.Element {
  const { secret } = props;
  const parent = useParent();
  const [name, setName] = useState("");
  const [description, setDescription] = useState(secret?.description ?? "");
  const [released, setReleased] = useState((secret?.utilities ?? []).map((utility) => shortened(utility, parent)).join(", "));
  const [value, setValue] = useState("");
  const [taken, setTaken] = useState<string | null>(null);
  // Once a name was found free, one that is there may be ours: from an attempt that nobody has answered.
  const free = useRef<string | null>(null);
  const action = useAction();
  const done = () => {
    props.onClose();
    props.onDone();
  };
  const save = () =>
    void action.run(async (id) => {
      const utilities = names(released).map((utility) => (utility.includes("/") ? utility : `${parent}/utilities/${utility}`));
      // A value that is not given stays as it is.
      const paths = ["description", "utilities", ...(value === "" ? [] : ["value"])];
      const full = secret?.name ?? `${parent}/secrets/${name.trim()}`;
      // The server would change the one that is there.
      if (secret === null && free.current !== full) {
        if (await exists(full)) {
          setTaken(name);
          return;
        }
        free.current = full;
      }
      await secrets.setSecret({
        name: full,
        secret: { description, utilities, etag: secret?.etag ?? "" },
        value,
        updateMask: { paths },
        requestId: id(secret?.etag, name, description, released, value),
      });
      done();
    });
  return (
    <Dialog title={secret === null ? t("secrets.new") : lastPart(secret.name)} raw={secret !== null} onClose={props.onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        {action.failure !== null && <Problem failure={action.failure} />}
        {secret === null && <TextField label={t("access.name")} value={name} onInput={setName} error={taken === name ? t("secrets.taken") : undefined} required />}
        <TextField label={t("editor.description")} value={description} onInput={setDescription} />
        <TextField label={t("secrets.utilities")} value={released} onInput={setReleased} hint={t("properties.tags.hint")} />
        <TextField
          label={t("secrets.value")}
          type="password"
          value={value}
          onInput={setValue}
          hint={secret === null ? undefined : t("secrets.value.hint")}
          required={secret === null}
          autocomplete="new-password"
        />
        <div class="form-actions">
          <Button kind="primary" type="submit" busy={action.busy}>
            {t("editor.save")}
          </Button>
          {secret !== null && (
            <Button
              kind="danger"
              busy={action.busy}
              onClick={() => {
                if (!confirm(t("secrets.delete.ask", { name: lastPart(secret.name) }))) return;
                void action.run(async (id) => {
                  await secrets.deleteSecret({ name: secret.name, etag: secret.etag, requestId: id("delete", secret.etag) });
                  done();
                });
              }}
            >
              {t("access.delete")}
            </Button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

async function exists(name: string): Promise<boolean> {
  try {
    await secrets.getSecret({ name });
    return true;
  } catch (thrown) {
    if (ConnectError.from(thrown).code === Code.NotFound) return false;
    throw thrown;
  }
}

// Utilities of the tenant are named by their last part; those of others stay whole.
function shortened(utility: string, parent: string): string {
  return utility.startsWith(`${parent}/utilities/`) ? lastPart(utility) : utility;
}
