// What the platform shall be: its newest revision, and a manifest that is planned before it is applied.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { Plan, Platform } from "../gen/zona/process/v1/platform_pb";
import { processes } from "../process/client";
import { platformLook } from "../process/states";
import { useGuard } from "../router";
import { number, t } from "../text";
import { useAction, useCall } from "../ui/call";
import { List } from "../ui/list";
import { announce, Badge, Button, Field, TextField, Value, When } from "../ui/parts";
import { Empty, Problem, Show } from "../ui/states";
import { PlanView } from "./plan-view";

export function Manifest(): JSX.Element {
  const loaded = useCall("platform", (signal) => processes.getPlatform({}, { signal }));
  return (
    <Show of={loaded}>
      {(platform) => (
        <>
          {platform.revision === 0n ? <Empty title={t("platform.none")} /> : <Newest platform={platform} onReload={loaded.reload} />}
          <Draft platform={platform} onApplied={loaded.reload} />
        </>
      )}
    </Show>
  );
}

function Newest(props: { platform: Platform; onReload: () => void }): JSX.Element {
  const { platform } = props;
  const { failure } = platform;
  const [text, kind] = platformLook(platform.state);
  return (
    <section class="card" aria-label={t("platform.newest")}>
      <h2>{t("services.revision", { revision: String(platform.revision) })}</h2>
      <p>
        <Badge kind={kind}>{t(text)}</Badge> <Value code>{platform.change}</Value> <Value>{platform.author}</Value> <When at={platform.createTime} />{" "}
        <Button kind="quiet" onClick={props.onReload}>
          {t("platform.reload")}
        </Button>
      </p>
      {failure !== undefined && (
        <>
          <p class="note bad">
            <Value>{`${failure.serviceName}: ${failure.step}: ${failure.message}`}</Value>
          </p>
          {failure.log.length > 0 && (
            <pre data-value tabIndex={0}>
              {failure.log.join("\n")}
            </pre>
          )}
          {failure.left.length > 0 && (
            <p>
              {t("platform.left")} <Value>{failure.left.join(", ")}</Value>
            </p>
          )}
        </>
      )}
      {platform.overrides.length > 0 && (
        <List
          label={t("platform.asked")}
          caption={t("platform.asked")}
          items={platform.overrides}
          keyOf={(asked) => asked.serviceName}
          columns={[
            { head: t("services.service"), names: true, cell: (asked) => <Value>{asked.serviceName}</Value> },
            { head: t("platform.runs"), cell: ({ enabled }) => (enabled === undefined ? t("platform.as-manifest") : t(enabled ? "answer.yes" : "answer.no")) },
            {
              head: t("services.replicas"),
              cell: ({ replicas }) => (replicas === undefined ? t("platform.as-manifest") : <Value>{number(replicas)}</Value>),
            },
            { head: t("services.restarts"), number: true, cell: ({ restarts }) => <Value>{number(restarts)}</Value> },
          ]}
        />
      )}
    </section>
  );
}

interface Planned {
  readonly manifest: string;
  readonly environment: string;
  readonly plan: Plan;
}

function Draft(props: { platform: Platform; onApplied: () => void }): JSX.Element {
  const { platform } = props;
  const [manifest, setManifest] = useState(platform.manifest);
  const [environment, setEnvironment] = useState(platform.environment);
  // Of which revision the draft is a change: what somebody else applies meanwhile is not overwritten.
  const [base, setBase] = useState(platform.etag);
  const [planned, setPlanned] = useState<Planned | null>(null);
  const planning = useAction();
  const applying = useAction();
  const changed = manifest !== platform.manifest || environment !== platform.environment;
  useGuard(changed, t("editor.unsaved"));
  const current = planned !== null && planned.manifest === manifest && planned.environment === environment ? planned : null;
  const edit = (set: (text: string) => void) => (text: string) => {
    set(text);
    applying.clear();
  };
  return (
    <form
      class="form-wide"
      onSubmit={(event) => {
        event.preventDefault();
        void planning.run(async () => {
          setPlanned(null);
          setPlanned({ manifest, environment, plan: await processes.planManifest({ manifest, environment }) });
        });
      }}
    >
      <h2>{t("platform.draft")}</h2>
      <p>{t("platform.draft.text")}</p>
      <Field label={t("services.manifest")} hint={t("platform.manifest.hint")}>
        {({ id, describedBy }) => (
          <textarea
            id={id}
            class="code"
            rows={18}
            spellcheck={false}
            aria-describedby={describedBy}
            value={manifest}
            onInput={(event) => edit(setManifest)(event.currentTarget.value)}
          />
        )}
      </Field>
      <div class="filters">
        <Field label={t("platform.load")}>
          {({ id }) => (
            <input
              id={id}
              type="file"
              accept=".yaml,.yml,.json"
              onChange={(event) => void event.currentTarget.files?.[0]?.text().then(edit(setManifest))}
            />
          )}
        </Field>
        <TextField label={t("platform.environment")} value={environment} onInput={edit(setEnvironment)} hint={t("platform.environment.hint")} />
      </div>
      <div class="form-actions">
        <Button type="submit" kind={current === null ? "primary" : undefined} busy={planning.busy}>
          {t("plan.show")}
        </Button>
        {platform.etag !== base && (
          <>
            <Button
              onClick={() => {
                setManifest(platform.manifest);
                setEnvironment(platform.environment);
                setBase(platform.etag);
                setPlanned(null);
              }}
            >
              {t("platform.take-newest")}
            </Button>
            <Button
              onClick={() => {
                setBase(platform.etag);
                // It was planned against what somebody else has applied over since.
                setPlanned(null);
              }}
            >
              {t("platform.keep-mine")}
            </Button>
          </>
        )}
      </div>
      {planning.failure !== null && <Problem failure={planning.failure} />}
      {current !== null && (
        <section aria-label={t("plan.title")}>
          <h2>{t("plan.title")}</h2>
          <PlanView waves={current.plan.waves.map((wave) => wave.actions)} />
          {platform.overrides.length > 0 && <p class="note warn">{t("platform.overrides-end")}</p>}
          {applying.failure !== null && <Problem failure={applying.failure} />}
          <Button
            kind="primary"
            busy={applying.busy}
            onClick={() =>
              void applying.run(async (id) => {
                const applied = await processes.applyManifest({ manifest, environment, etag: base, requestId: id(manifest, environment, base) });
                setBase(applied.etag);
                setPlanned(null);
                announce("platform.applied", { revision: String(applied.revision) });
                props.onApplied();
              })
            }
          >
            {t("platform.apply")}
          </Button>
        </section>
      )}
    </form>
  );
}
