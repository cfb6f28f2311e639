// The settings of a tenant: what its administrators settle, and the bounds that super administrators set.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { tenants } from "../api";
import type { Tenant } from "../gen/zona/tenant/v1/tenant_pb";
import { isSuper, useCaller, useParent } from "../session";
import { t, type TextId } from "../text";
import { useAction, useCall } from "../ui/call";
import { announce, Button, TextField, Value } from "../ui/parts";
import { Problem, Show } from "../ui/states";
import { changesOf, GUARDED, toEntries, type Entries } from "./tenant-form";

const FIELDS: readonly { key: Exclude<keyof Entries, "legalHold">; label: TextId; hint?: TextId }[] = [
  { key: "displayName", label: "access.display-name" },
  { key: "timeZone", label: "tenant.time-zone", hint: "tenant.time-zone.hint" },
  { key: "locale", label: "tenant.locale", hint: "tenant.locale.hint" },
  { key: "executionDays", label: "tenant.execution-days", hint: "tenant.zero" },
  { key: "outputDays", label: "tenant.output-days", hint: "tenant.zero" },
  { key: "deletedUtilityDays", label: "tenant.deleted-days", hint: "tenant.zero" },
  { key: "auditDays", label: "tenant.audit-days", hint: "tenant.zero" },
  { key: "maxUtilities", label: "tenant.max-utilities", hint: "tenant.zero" },
  { key: "maxRunning", label: "tenant.max-running", hint: "tenant.zero" },
  { key: "maxOutputBytes", label: "tenant.max-output", hint: "tenant.zero" },
  { key: "runtimes", label: "tenant.allowed-runtimes", hint: "tenant.runtimes.hint" },
];

export function Settings(): JSX.Element {
  const parent = useParent();
  const loaded = useCall(parent, (signal) => tenants.getTenant({ name: parent }, { signal }));
  return <Show of={loaded}>{(tenant) => <SettingsForm key={tenant.etag} tenant={tenant} onSaved={loaded.reload} />}</Show>;
}

function SettingsForm(props: { tenant: Tenant; onSaved: () => void }): JSX.Element {
  const { tenant } = props;
  const all = isSuper(useCaller());
  const [before] = useState(() => toEntries(tenant.displayName, tenant.settings));
  const [entries, setEntries] = useState(before);
  const action = useAction();
  const { paths, settings, wrong } = changesOf(before, entries);
  const mayChange = (key: keyof Entries) => all || !GUARDED.includes(key);
  const save = () =>
    void action.run(async (id) => {
      await tenants.updateTenant({
        name: tenant.resourceName,
        tenant: { displayName: entries.displayName, etag: tenant.etag, settings: { ...settings, runtimes: [...(settings.runtimes ?? [])] } },
        updateMask: { paths: [...paths] },
        requestId: id(tenant.etag, entries),
      });
      announce("editor.saved");
      props.onSaved();
    });
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      {action.failure !== null && <Problem failure={action.failure} />}
      {FIELDS.filter(({ key }) => mayChange(key)).map(({ key, label, hint }) => (
        <TextField
          key={key}
          label={t(label)}
          value={entries[key]}
          onInput={(text) => setEntries({ ...entries, [key]: text })}
          hint={hint === undefined ? undefined : t(hint)}
          error={wrong.includes(key) ? t("form.problem.wrong-type") : undefined}
        />
      ))}
      {mayChange("legalHold") && (
        <label class="check">
          <input type="checkbox" checked={entries.legalHold} onChange={(event) => setEntries({ ...entries, legalHold: event.currentTarget.checked })} />
          {t("tenant.legal-hold")}
        </label>
      )}
      <Button type="submit" kind="primary" busy={action.busy} disabled={paths.length === 0 || wrong.length > 0}>
        {t("editor.save")}
      </Button>
      <dl class="facts">
        <dt>{t("access.state")}</dt>
        <dd>
          <Value code>{tenant.status}</Value>
        </dd>
        {!all && (
          <>
            {FIELDS.filter(({ key }) => !mayChange(key) && entries[key] !== "").map(({ key, label }) => (
              <>
                <dt>{t(label)}</dt>
                <dd>{entries[key] === "0" ? t("tenant.as-server") : <Value>{entries[key]}</Value>}</dd>
              </>
            ))}
            <dt>{t("tenant.legal-hold")}</dt>
            <dd>{t(entries.legalHold ? "answer.yes" : "answer.no")}</dd>
          </>
        )}
      </dl>
    </form>
  );
}
