// The integrations of a tenant: how they are, starting and stopping them, and where each of their parameters comes from.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { ExplainedParameter, Integration } from "../gen/zona/process/v1/integration_pb";
import { processes } from "../process/client";
import { integrationLook, originText } from "../process/states";
import { useParent } from "../session";
import { t } from "../text";
import { useAction, useCall } from "../ui/call";
import { List, Pages, usePageInAddress } from "../ui/list";
import { announce, Badge, Button, Dialog, TextField, Value } from "../ui/parts";
import { Empty, Problem, Show } from "../ui/states";

const PAGE_SIZE = 50;

interface Asked {
  readonly integration: Integration;
  readonly start: boolean;
}

export function Integrations(): JSX.Element {
  const parent = useParent();
  const turn = usePageInAddress();
  const loaded = useCall(`${parent} ${turn.token}`, (signal) => processes.listIntegrations({ parent, pageSize: PAGE_SIZE, pageToken: turn.token }, { signal }));
  const [explained, setExplained] = useState<Integration | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  return (
    <>
      <div class="form-actions">
        <Button onClick={loaded.reload} busy={loaded.loading}>
          {t("platform.reload")}
        </Button>
      </div>
      <Pages
        of={loaded}
        turn={turn}
        items={(page) => page.integrations}
        empty={t("integrations.empty")}
        label={t("services.integrations")}
        keyOf={(integration) => String(integration.integrationId)}
        columns={[
          { head: t("integrations.number"), number: true, cell: (integration) => <Value code>{integration.integrationId}</Value> },
          { head: t("integrations.title"), cell: (integration) => <Title integration={integration} /> },
          { head: t("services.state"), cell: (integration) => <Status integration={integration} /> },
          { head: t("services.service"), cell: (integration) => <Value>{integration.serviceName}</Value> },
          { head: t("integrations.program"), cell: (integration) => <Value code>{`${integration.executionDir} ${integration.executable}`.trim()}</Value> },
          { head: t("integrations.databases"), cell: (integration) => <Value>{integration.databases.join(", ")}</Value> },
          {
            head: t("versions.actions"),
            cell: (integration) => {
              const name = integration.title;
              const stopped = ["disabled", "stopped"].includes(integration.status);
              return (
                <div class="row-actions">
                  {stopped || integration.status === "failed" || integration.status === "unknown" ? (
                    <Button kind="quiet" onClick={() => setAsked({ integration, start: true })} label={t("services.start.label", { name })}>
                      {t("services.start")}
                    </Button>
                  ) : null}
                  {!stopped && (
                    <Button kind="quiet" onClick={() => setAsked({ integration, start: false })} label={t("services.stop.label", { name })}>
                      {t("services.stop")}
                    </Button>
                  )}
                  <Button kind="quiet" onClick={() => setExplained(integration)} label={t("integrations.explain.label", { name })}>
                    {t("integrations.explain")}
                  </Button>
                </div>
              );
            },
          },
        ]}
      />
      {explained !== null && <Explanation integration={explained} onClose={() => setExplained(null)} />}
      {asked !== null && <Ask {...asked} onClose={() => setAsked(null)} onDone={loaded.reload} />}
    </>
  );
}

function Title(props: { integration: Integration }): JSX.Element {
  return (
    <>
      <Value>{props.integration.title}</Value>
      {props.integration.action !== "" && (
        <div class="hint">
          <Value>{props.integration.action}</Value>
        </div>
      )}
    </>
  );
}

function Status(props: { integration: Integration }): JSX.Element {
  const { status, detail } = props.integration;
  const [text, kind] = integrationLook(status);
  return (
    <>
      <Badge kind={kind}>{t(text)}</Badge>
      {detail !== "" && (
        <div class="hint">
          <Value>{detail}</Value>
        </div>
      )}
    </>
  );
}

function Ask(props: Asked & { onClose: () => void; onDone: () => void }): JSX.Element {
  const { integration, start } = props;
  const parent = useParent();
  const action = useAction();
  const [given, setGiven] = useState<Readonly<Record<string, string>>>({});
  const { integrationId } = integration;
  // Only what the manifest sets somewhere may be set here.
  const known = useCall(`${parent} ${integrationId}`, (signal) => processes.explainIntegration({ parent, integrationId }, { signal }));
  const title = t(start ? "services.start.label" : "services.stop.label", { name: integration.title });
  return (
    <Dialog title={title} onClose={props.onClose}>
      <p>{t(start ? "integrations.start.text" : "integrations.stop.text")}</p>
      {action.failure !== null && <Problem failure={action.failure} />}
      {start && (
        <Show of={known}>
          {({ parameters }) => (
            <div class="form">
              {parameters.map(({ name, value, origin }) => (
                <TextField
                  key={name}
                  label={name}
                  raw
                  value={given[name] ?? ""}
                  onInput={(text) => setGiven({ ...given, [name]: text })}
                  hint={
                    origin === "override" ? (
                      t("integrations.given-before")
                    ) : (
                      <>
                        {t("integrations.empty-is")} <Value code>{value}</Value>
                      </>
                    )
                  }
                />
              ))}
            </div>
          )}
        </Show>
      )}
      <div class="form-actions">
        <Button
          kind={start ? "primary" : "danger"}
          busy={action.busy}
          disabled={start && known.value === null && known.failure === null}
          onClick={() =>
            void action.run(async (id) => {
              const parameters = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
              const request = { parent, integrationId, requestId: id(start, integrationId, parameters) };
              await (start ? processes.startIntegration({ ...request, parameters }) : processes.stopIntegration(request));
              announce("services.asked");
              props.onClose();
              props.onDone();
            })
          }
        >
          {title}
        </Button>
        <Button kind="quiet" onClick={props.onClose}>
          {t("action.cancel")}
        </Button>
      </div>
    </Dialog>
  );
}

function Explanation(props: { integration: Integration; onClose: () => void }): JSX.Element {
  const parent = useParent();
  const { integrationId, title } = props.integration;
  const loaded = useCall(`${parent} ${integrationId}`, (signal) => processes.explainIntegration({ parent, integrationId }, { signal }));
  return (
    <Dialog title={t("integrations.explain.label", { name: title })} onClose={props.onClose} wide>
      <Show of={loaded}>
        {(found) => (
          <>
            {found.parameters.length === 0 ? (
              <Empty title={t("integrations.no-parameters")} />
            ) : (
              <List
                label={t("integrations.parameters")}
                caption={t("integrations.parameters")}
                items={found.parameters}
                keyOf={(parameter) => parameter.name}
                columns={[
                  { head: t("services.name"), names: true, cell: (parameter) => <Value code>{parameter.name}</Value> },
                  { head: t("integrations.value"), cell: (parameter) => <Value code>{parameter.value}</Value> },
                  { head: t("integrations.origin"), cell: (parameter) => <Origin of={parameter.origin} /> },
                  { head: t("integrations.hidden"), cell: (parameter) => <Hidden parameter={parameter} /> },
                ]}
              />
            )}
            {found.ports.length > 0 && (
              <List
                label={t("services.ports")}
                caption={t("services.ports")}
                items={found.ports}
                keyOf={(port) => port.name}
                columns={[
                  { head: t("services.name"), names: true, cell: (port) => <Value code>{port.name}</Value> },
                  { head: t("integrations.range"), cell: (port) => <Value code>{port.range}</Value> },
                  { head: t("integrations.port"), number: true, cell: (port) => <Value>{port.port}</Value> },
                ]}
              />
            )}
          </>
        )}
      </Show>
    </Dialog>
  );
}

function Origin(props: { of: string }): JSX.Element {
  const text = originText(props.of);
  return text === null ? <Value>{props.of}</Value> : <>{t(text)}</>;
}

function Hidden(props: { parameter: ExplainedParameter }): JSX.Element {
  return (
    <>
      {props.parameter.conflicts && <Badge kind="warn">{t("integrations.conflict")}</Badge>}
      <ul class="plain">
        {props.parameter.hidden.map((hidden) => (
          <li key={hidden.origin}>
            <Origin of={hidden.origin} /> <Value code>{hidden.value}</Value>
          </li>
        ))}
      </ul>
    </>
  );
}
