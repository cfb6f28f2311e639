// The tenant: its settings and bounds, its secrets and webhooks, its code policy, the runtimes it may use, and the installation's keys for who administers that.

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { policies, runtimes, server } from "../api";
import { Isolation } from "../gen/zona/utility/v1/utility_pb";
import { PolicyPreset, type CodePolicy } from "../gen/zona/utility/v1/code_policy_pb";
import { navigate, usePlace, withQuery } from "../router";
import { isSuper, lastPart, useCaller, useParent } from "../session";
import { number, t, time, type TextId } from "../text";
import { useAction, useCall } from "../ui/call";
import { Badge, Button, Choice, PageHead, Tabs, TextField, Value, When } from "../ui/parts";
import { Empty, Problem, Show } from "../ui/states";
import { Exceptions } from "./exceptions";
import { names } from "./properties-form";
import { Secrets } from "./secrets";
import { Settings } from "./tenant-settings";
import { Webhooks } from "./webhooks";

export function Tenant(): JSX.Element {
  const caller = useCaller();
  const place = usePlace();
  const tab = place.search.get("tab") ?? "settings";
  return (
    <>
      <PageHead title={t("nav.tenant")}>
        <Value code>{caller.shown}</Value>
      </PageHead>
      <Tabs
        label={t("nav.tenant")}
        current={tab}
        onChange={(next) => navigate(withQuery(place, { tab: next, page: "" }), { replace: true })}
        tabs={[
          { id: "settings", text: t("tenant.settings") },
          { id: "secrets", text: t("tenant.secrets") },
          { id: "webhooks", text: t("tenant.webhooks") },
          { id: "policy", text: t("tenant.policy") },
          { id: "runtimes", text: t("tenant.runtimes") },
          ...(isSuper(caller) ? [{ id: "server", text: t("tenant.server") }] : []),
        ]}
      >
        {tab === "settings" && <Settings />}
        {tab === "secrets" && <Secrets />}
        {tab === "webhooks" && <Webhooks />}
        {tab === "policy" && <Policy />}
        {tab === "runtimes" && <Runtimes />}
        {tab === "server" && <Server />}
      </Tabs>
    </>
  );
}

const ISOLATIONS: readonly { value: string; isolation: Isolation; text: TextId }[] = [
  { value: "0", isolation: Isolation.UNSPECIFIED, text: "policy.isolation.any" },
  { value: "1", isolation: Isolation.TENANT_WARM, text: "policy.isolation.warm" },
  { value: "2", isolation: Isolation.SINGLE_USE, text: "policy.isolation.single" },
  { value: "3", isolation: Isolation.ONE_SHOT, text: "policy.isolation.one-shot" },
];

function Policy(): JSX.Element {
  const parent = useParent();
  const loaded = useCall(parent, (signal) => policies.getCodePolicy({ name: `${parent}/codePolicy` }, { signal }));
  return (
    <Show of={loaded}>
      {(policy) => (
        <>
          <PolicyForm key={fields(policy)} policy={policy} onSaved={loaded.reload} />
          <Exceptions policy={policy} onSaved={loaded.reload} />
        </>
      )}
    </Show>
  );
}

// What the form is about: an exception that is saved beside it takes nothing away that was typed.
function fields({ preset, minimumIsolation, onlyModules, extraModules, deniedRules, freshProcesses }: CodePolicy): string {
  return JSON.stringify([preset, minimumIsolation, onlyModules, extraModules, deniedRules, freshProcesses]);
}

function PolicyForm(props: { policy: CodePolicy; onSaved: () => void }): JSX.Element {
  const { policy } = props;
  const [preset, setPreset] = useState(String(policy.preset === PolicyPreset.UNSPECIFIED ? PolicyPreset.STRICT : policy.preset));
  const [isolation, setIsolation] = useState(String(policy.minimumIsolation));
  const [only, setOnly] = useState(policy.onlyModules.join(", "));
  const [extra, setExtra] = useState(policy.extraModules.join(", "));
  const [denied, setDenied] = useState(policy.deniedRules.join(", "));
  const [fresh, setFresh] = useState(policy.freshProcesses);
  const action = useAction();
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void action.run(async () => {
          await policies.updateCodePolicy({
            policy: {
              name: policy.name,
              etag: policy.etag,
              preset: Number(preset) as PolicyPreset,
              minimumIsolation: Number(isolation) as Isolation,
              onlyModules: names(only),
              extraModules: names(extra),
              deniedRules: names(denied),
              freshProcesses: fresh,
            },
            updateMask: { paths: ["preset", "minimum_isolation", "only_modules", "extra_modules", "denied_rules", "fresh_processes"] },
          });
          props.onSaved();
        });
      }}
    >
      {action.failure !== null && <Problem failure={action.failure} />}
      <Choice
        label={t("policy.preset")}
        value={preset}
        options={[
          { value: String(PolicyPreset.STRICT), text: t("policy.preset.strict") },
          { value: String(PolicyPreset.COMPATIBLE), text: t("policy.preset.compatible") },
        ]}
        onChange={setPreset}
      />
      <Choice label={t("policy.isolation")} value={isolation} options={ISOLATIONS.map(({ value, text }) => ({ value, text: t(text) }))} onChange={setIsolation} />
      <TextField label={t("policy.only")} value={only} onInput={setOnly} hint={t("policy.only.hint")} />
      <TextField label={t("policy.extra")} value={extra} onInput={setExtra} />
      <TextField label={t("policy.denied")} value={denied} onInput={setDenied} hint={t("policy.denied.hint")} />
      <label class="check">
        <input type="checkbox" checked={fresh} onChange={(event) => setFresh(event.currentTarget.checked)} />
        {t("policy.fresh")}
      </label>
      <Button kind="primary" type="submit" busy={action.busy}>
        {t("editor.save")}
      </Button>
    </form>
  );
}

function Runtimes(): JSX.Element {
  const parent = useParent();
  const loaded = useCall(parent, (signal) => runtimes.listRuntimes({ parent, pageSize: 100 }, { signal }));
  return (
    <Show of={loaded}>
      {(page) =>
        page.runtimes.length === 0 ? (
          <Empty title={t("runtimes.empty")} />
        ) : (
          <>
            {page.runtimes.map((runtime) => (
              <section key={runtime.name} class="card">
                <h2 data-value>{lastPart(runtime.name)}</h2>
                <p>
                  <Value code>{`Python ${runtime.pythonVersion}`}</Value> {runtime.problem !== "" && <Badge kind="bad">{t("runtimes.problem")}</Badge>}{" "}
                  <Value>{runtime.problem}</Value>
                </p>
                <ul class="packages">
                  {runtime.packages.map((one) => (
                    <li key={one.name}>
                      <Value code>{`${one.name} ${one.version}`}</Value>
                      {one.advisories.map((advisory) => (
                        <Badge key={advisory.id} kind="bad">
                          <Value title={advisory.summary}>{advisory.id}</Value>
                        </Badge>
                      ))}
                    </li>
                  ))}
                </ul>
              </section>
            ))}
          </>
        )
      }
    </Show>
  );
}

function Server(): JSX.Element {
  const info = useCall("server", (signal) => server.getServerInfo({}, { signal }));
  const keys = useCall("keys", (signal) => server.getKeyStatus({}, { signal }));
  return (
    <>
      <Show of={info}>
        {(found) => (
          <>
            <dl class="facts">
              <dt>{t("server.version")}</dt>
              <dd>
                <Value code>{found.version}</Value>
              </dd>
              <dt>{t("server.backend")}</dt>
              <dd>
                <Value code>{found.backend}</Value>
              </dd>
              <dt>{t("server.running")}</dt>
              <dd>
                <Value>{number(found.runningExecutions)}</Value>
              </dd>
              <dt>{t("server.queued")}</dt>
              <dd>
                <Value>{number(found.queuedExecutions)}</Value>
              </dd>
            </dl>
            <h2>{t("server.batteries")}</h2>
            <ul>
              {found.tiers.map((tier) => (
                <li key={tier.tier}>
                  <Value code>{tier.tier}</Value> <Badge kind={tier.accepted ? "good" : "bad"}>{t(tier.accepted ? "server.tier.accepted" : "server.tier.refused")}</Badge>{" "}
                  {t("server.probes", { count: number(tier.probes), stopped: number(tier.probes - tier.failures.length) })}{" "}
                  {tier.batteryTime !== undefined && <Value>{time(timestampDate(tier.batteryTime))}</Value>}
                  <ul>
                    {tier.failures.map((failure) => (
                      <li key={failure.probe}>
                        <Value>{`${failure.probe}: ${failure.detail} ${failure.hint}`}</Value>
                      </li>
                    ))}
                  </ul>
                </li>
              ))}
            </ul>
          </>
        )}
      </Show>
      <h2>{t("server.keys")}</h2>
      <Show of={keys}>
        {(status) => (
          <ul>
            {status.keys.map((key) => (
              <li key={key.id}>
                <Value code>{key.id}</Value> {t("server.wraps", { count: number(key.wraps) })}{" "}
                <When at={key.createTime} />
              </li>
            ))}
          </ul>
        )}
      </Show>
    </>
  );
}
