// One utility: its code and runs, its versions, its executions, who else may use it.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { utilities } from "../api";
import type { Utility } from "../gen/zona/utility/v1/utility_pb";
import { UtilityKind, UtilityState } from "../gen/zona/utility/v1/utility_pb";
import { here, navigate, usePlace, withQuery } from "../router";
import { administers, lastPart, useCaller, useParent } from "../session";
import { t } from "../text";
import { useAction, useCall } from "../ui/call";
import { Badge, Button, PageHead, Tabs, Value } from "../ui/parts";
import { Problem, Show } from "../ui/states";
import { ExecutionList } from "./executions";
import { Grants } from "./grants";
import { Properties } from "./properties";
import { Versions } from "./versions";
import { Workbench } from "./workbench";

export function UtilityPage(props: { parts: string[] }): JSX.Element {
  const id = props.parts[0] ?? "";
  return id === "new" ? <NewUtility /> : <Known id={id} />;
}

function NewUtility(): JSX.Element {
  return (
    <>
      <PageHead title={t("utilities.new")} />
      <Workbench
        utility={null}
        version={0}
        onSaved={(saved) => {
          // Whoever has gone elsewhere meanwhile is not brought back.
          if (here().path !== "/utilities/new") return;
          navigate(`/utilities/${encodeURIComponent(lastPart(saved.name))}${location.search}`, { replace: true, keep: true });
        }}
      />
    </>
  );
}

function Known(props: { id: string }): JSX.Element {
  const parent = useParent();
  const place = usePlace();
  const name = `${parent}/utilities/${props.id}`;
  const loaded = useCall(name, (signal) => utilities.getUtility({ name }, { signal }));
  const tab = place.search.get("tab") ?? "code";
  return (
    <Show of={loaded}>
      {(utility) => (
        <>
          <PageHead title={utility.displayName === "" ? props.id : utility.displayName} raw>
            <Badge kind="calm">{t(utility.kind === UtilityKind.TRANSFORMER ? "utility.kind.transformer" : "utility.kind.script")}</Badge>
            <Value code>{`v${utility.latestVersion}`}</Value>
            {utility.state === UtilityState.DELETED ? <Badge kind="warn">{t("utility.deleted")}</Badge> : null}
            <Removal utility={utility} onDone={loaded.reload} />
          </PageHead>
          <About utility={utility} />
          <UtilityTabs utility={utility} tab={tab} onTab={(next) => navigate(withQuery(place, { tab: next === "code" ? "" : next, page: "" }))} reload={loaded.reload} />
        </>
      )}
    </Show>
  );
}

function UtilityTabs(props: { utility: Utility; tab: string; onTab: (tab: string) => void; reload: () => void }): JSX.Element {
  const { utility } = props;
  const caller = useCaller();
  return (
    <Tabs
      label={t("utility.parts")}
      current={props.tab}
      onChange={props.onTab}
      tabs={[
        { id: "code", text: t("utility.code") },
        { id: "versions", text: t("utility.versions") },
        { id: "executions", text: t("nav.executions") },
        { id: "properties", text: t("utility.properties") },
        ...(administers(caller) ? [{ id: "sharing", text: t("utility.sharing") }] : []),
      ]}
    >
      {props.tab === "code" && <Workbench key={utility.uid} utility={utility} version={utility.latestVersion} onSaved={props.reload} />}
      {props.tab === "versions" && <Versions utility={utility} onRestored={props.reload} />}
      {props.tab === "executions" && <ExecutionList utility={utility.name} chart />}
      {props.tab === "properties" && <Properties key={utility.etag} utility={utility} onSaved={props.reload} />}
      {props.tab === "sharing" && <Grants utility={utility.name} />}
    </Tabs>
  );
}

function About(props: { utility: Utility }): JSX.Element | null {
  const { utility } = props;
  const vulnerable = utility.vulnerableImports?.imports ?? [];
  if (utility.description === "" && vulnerable.length === 0 && utility.copiedFrom === undefined) return null;
  return (
    <div class="about">
      {utility.description !== "" && (
        <p>
          <Value>{utility.description}</Value>
        </p>
      )}
      {utility.copiedFrom !== undefined && (
        <p>
          {t("utility.copied-from")} <Value code>{`${utility.copiedFrom.source} v${utility.copiedFrom.version}`}</Value>
        </p>
      )}
      {vulnerable.length > 0 && (
        <p class="note bad">
          {t("utility.vulnerable.imports")}{" "}
          <Value>{vulnerable.map((one) => `${one.module} (${one.advisories.join(", ")})`).join("; ")}</Value>
        </p>
      )}
    </div>
  );
}

function Removal(props: { utility: Utility; onDone: () => void }): JSX.Element {
  const { utility } = props;
  const action = useAction();
  const [asked, setAsked] = useState(false);
  const request = (requestId: string) => ({ name: utility.name, etag: utility.etag, requestId });
  const run = (then: (requestId: string) => Promise<unknown>) =>
    void action.run(async (id) => {
      await then(id(utility.etag, utility.state));
      setAsked(false);
      props.onDone();
    });
  return (
    <>
      {utility.state === UtilityState.DELETED ? (
        <Button busy={action.busy} onClick={() => run((id) => utilities.undeleteUtility(request(id)))}>
          {t("bulk.undelete")}
        </Button>
      ) : asked ? (
        <>
          <Button kind="danger" busy={action.busy} onClick={() => run((id) => utilities.deleteUtility(request(id)))}>
            {t("utility.delete.sure")}
          </Button>
          <Button kind="quiet" onClick={() => setAsked(false)}>
            {t("action.cancel")}
          </Button>
        </>
      ) : (
        <Button kind="quiet" onClick={() => setAsked(true)}>
          {t("bulk.delete")}
        </Button>
      )}
      {action.failure !== null && <Problem failure={action.failure} />}
    </>
  );
}
