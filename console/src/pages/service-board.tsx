// The board of services: by group, live, with what may be asked of each.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { Failure } from "../failure";
import { PlatformState } from "../gen/zona/process/v1/platform_pb";
import { ServiceState, type Service } from "../gen/zona/process/v1/service_pb";
import { grouped, isIntegration, services, type Board } from "../process/board";
import type { Request } from "../process/plan";
import { groupText, platformLook, serviceLook } from "../process/states";
import { useBoard } from "../process/use-board";
import { Link } from "../router";
import { number, plural, reasonText, t } from "../text";
import { List, type Column } from "../ui/list";
import { Badge, Button, Value } from "../ui/parts";
import { Empty, Loading, Problem } from "../ui/states";
import { ServiceAction } from "./service-action";
import { ServiceDetail } from "./service-detail";
import { ServiceGraph } from "./service-graph";

export function ServiceBoard(): JSX.Element {
  const live = useBoard();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [open, setOpen] = useState<string | null>(null);
  const [asked, setAsked] = useState<Request | null>(null);
  const all = services(live.board);
  const shown = all.find((service) => service.name === open);
  const followed = all.filter((service) => chosen.has(service.name)).map((service) => service.name);
  if (live.failure !== null && all.length === 0) return <Unanswered failure={live.failure} onRetry={live.retry} />;
  if (live.loading && all.length === 0) return <Loading />;
  return (
    <>
      {live.failure !== null && <Problem failure={live.failure} onRetry={live.retry} />}
      <Standing board={live.board} away={live.link === "waiting"} />
      {followed.length > 0 && (
        <div class="bulk" role="region" aria-label={t("bulk.label")}>
          <span role="status">{plural("services.chosen", followed.length)}</span>
          <Link class="button" to={`/services?${new URLSearchParams({ tab: "logs", services: followed.join(",") }).toString()}`}>
            {t("services.follow-logs")}
          </Link>
        </div>
      )}
      {all.length === 0 && (
        <Empty title={t("services.empty")}>
          <Link class="button primary" to="/services?tab=manifest">
            {t("services.manifest")}
          </Link>
        </Empty>
      )}
      {grouped(all).map((part) => (
        <section key={part.group} aria-label={t(groupText(part.group))}>
          <h2>{t(groupText(part.group))}</h2>
          <List
            label={t(groupText(part.group))}
            items={part.services}
            keyOf={(service) => service.name}
            choosing={{ chosen, onChoose: setChosen, label: (service) => t("utilities.choose", { name: service.name }) }}
            columns={columns(setOpen, setAsked)}
          />
        </section>
      ))}
      {all.length > 0 && <ServiceGraph services={all} />}
      {shown !== undefined && <ServiceDetail service={shown} onClose={() => setOpen(null)} />}
      {asked !== null && <ServiceAction request={asked} services={all} onClose={() => setAsked(null)} />}
    </>
  );
}

/** A server without an engine is no failure: it says what to set. */
export function Unanswered(props: { failure: Failure; onRetry: () => void }): JSX.Element {
  if (props.failure.reason !== "ENGINE_NOT_CONFIGURED") return <Problem failure={props.failure} onRetry={props.onRetry} />;
  return (
    <Empty title={t("services.no-engine")}>
      <p>{reasonText(props.failure.reason)}</p>
    </Empty>
  );
}

/** What became of the newest revision, as far as it was heard here. */
function Standing(props: { board: Board; away: boolean }): JSX.Element {
  const { progress, end } = props.board;
  const [text, kind] = platformLook(end?.state ?? PlatformState.UNDER_WAY);
  return (
    <div class="run-status">
      <span class={`badge ${props.away ? "warn" : "good"}`} role="status">
        {t(props.away ? "run.reconnecting" : "services.live")}
      </span>
      {progress !== null && (
        <span role="status">
          {t("services.progress", { revision: String(progress.revision), wave: progress.wave, waves: progress.waves })} <Value>{progress.message}</Value>
        </span>
      )}
      {end !== null && (
        <span role="status">
          {t("services.revision", { revision: String(end.revision) })} <Badge kind={kind}>{t(text)}</Badge>{" "}
          {end.failure !== undefined && <Value>{`${end.failure.serviceName}: ${end.failure.step}: ${end.failure.message}`}</Value>}
        </span>
      )}
    </div>
  );
}

function columns(onOpen: (name: string) => void, onAsk: (request: Request) => void): Column<Service>[] {
  return [
    {
      head: t("services.name"),
      cell: ({ name }) => (
        <button type="button" class="link" onClick={() => onOpen(name)} aria-label={t("services.open", { name })}>
          <Value>{name}</Value>
        </button>
      ),
    },
    { head: t("services.state"), cell: (service) => <State service={service} /> },
    {
      head: t("services.well"),
      number: true,
      cell: (service) => <Value>{t("details.of", { used: number(service.availableReplicas), limit: number(service.replicas) })}</Value>,
    },
    { head: t("services.restarts"), number: true, cell: (service) => <Value>{number(service.restarts)}</Value> },
    { head: t("services.images"), cell: (service) => <Value code>{(service.images.length > 0 ? service.images : [service.context?.image ?? ""]).join(", ")}</Value> },
    { head: t("services.waits-for"), cell: (service) => <Value>{service.dependsOn.join(", ")}</Value> },
    { head: t("versions.actions"), cell: (service) => <Actions service={service} onAsk={onAsk} /> },
  ];
}

export function State(props: { service: Service }): JSX.Element {
  const { service } = props;
  const [text, kind] = serviceLook(service.state);
  return (
    <>
      <Badge kind={kind}>{t(text)}</Badge> {isIntegration(service) ? <Badge kind="calm">{t("services.is-integration")}</Badge> : !service.declared && <Badge kind="warn">{t("services.undeclared")}</Badge>}
      {service.detail !== "" && (
        <div class="hint">
          <Value>{service.detail}</Value>
        </div>
      )}
      {service.drift !== "" && (
        <div class="hint">
          {t("services.drift")} <Value>{service.drift}</Value>
        </div>
      )}
    </>
  );
}

function Actions(props: { service: Service; onAsk: (request: Request) => void }): JSX.Element | null {
  const { service, onAsk } = props;
  // What no manifest has cannot be asked for here; integrations have a page of their own.
  if (!service.declared) return null;
  const { name } = service;
  const rests = service.replicas === 0 || service.state === ServiceState.STOPPED;
  return (
    <div class="row-actions">
      {rests ? (
        <Button kind="quiet" onClick={() => onAsk({ kind: "start", service: name })} label={t("services.start.label", { name })}>
          {t("services.start")}
        </Button>
      ) : (
        <>
          <Button kind="quiet" onClick={() => onAsk({ kind: "stop", service: name })} label={t("services.stop.label", { name })}>
            {t("services.stop")}
          </Button>
          <Button kind="quiet" onClick={() => onAsk({ kind: "restart", service: name })} label={t("services.restart.label", { name })}>
            {t("services.restart")}
          </Button>
        </>
      )}
      <Button kind="quiet" onClick={() => onAsk({ kind: "scale", service: name, replicas: service.replicas })} label={t("services.scale.label", { name })}>
        {t("services.scale")}
      </Button>
    </div>
  );
}
