// Asking something of one service: first what that would do, then the asking.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { PlatformState, type PlannedAction } from "../gen/zona/process/v1/platform_pb";
import type { Service } from "../gen/zona/process/v1/service_pb";
import { isIntegration } from "../process/board";
import { processes } from "../process/client";
import { askedWith, MOST_REPLICAS, wholeReplicas, without, type Request } from "../process/plan";
import { number, plural, t, type TextId } from "../text";
import { useAction, useCall, type Loaded } from "../ui/call";
import { announce, Button, Dialog, TextField } from "../ui/parts";
import { Problem, Show } from "../ui/states";
import { PlanView } from "./plan-view";
import { ReplicaId } from "./service-detail";

const TITLES: Record<Request["kind"], TextId> = {
  start: "services.start.label",
  stop: "services.stop.label",
  restart: "services.restart.label",
  scale: "services.scale.label",
};

export function ServiceAction(props: { request: Request; services: readonly Service[]; onClose: () => void }): JSX.Element {
  const [request, setRequest] = useState(props.request);
  const [replicas, setReplicas] = useState(request.kind === "scale" ? String(request.replicas) : "");
  const action = useAction();
  const wanted = wholeReplicas(replicas);
  const settled = request.kind !== "scale" || wanted === request.replicas;
  const title = t(TITLES[request.kind], { name: request.service });
  const isOther = (name: string) => isIntegration({ name, declared: props.services.some((service) => service.name === name && service.declared) });
  const planned = useCall(JSON.stringify(request), async (signal) => (request.kind === "restart" ? null : { change: await change(request, isOther, signal) }));
  // Where planning fails, asking stays possible: what is wrong with the plan need not be wrong with the service.
  const unseen = request.kind !== "restart" && planned.value === null;
  const waits = unseen && planned.failure === null;
  return (
    <Dialog title={title} onClose={props.onClose} wide>
      <form
        class="form-wide"
        onSubmit={(event) => {
          event.preventDefault();
          if (!settled) {
            if (wanted !== null && request.kind === "scale") setRequest({ ...request, replicas: wanted });
            return;
          }
          if (waits) return;
          void action.run(async (id) => {
            await ask(request, id(request));
            announce("services.asked");
            props.onClose();
          });
        }}
      >
        {request.kind === "scale" && (
          <div class="filters">
            <TextField
              label={t("services.replicas")}
              type="number"
              value={replicas}
              onInput={setReplicas}
              error={wanted === null ? t("services.replicas.bounds", { most: number(MOST_REPLICAS) }) : undefined}
              required
            />
          </div>
        )}
        {request.kind === "restart" ? <Replaced service={props.services.find((service) => service.name === request.service)} /> : settled && <Planned of={planned} />}
        {settled && unseen && planned.failure !== null && <p class="note warn">{t("plan.unseen")}</p>}
        {action.failure !== null && <Problem failure={action.failure} />}
        <div class="form-actions">
          <Button
            type="submit"
            kind={request.kind === "stop" ? "danger" : "primary"}
            busy={action.busy}
            disabled={(wanted === null && request.kind === "scale") || (settled && waits)}
          >
            {settled ? title : t("plan.show")}
          </Button>
          <Button kind="quiet" onClick={props.onClose}>
            {t("action.cancel")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

async function ask(request: Request, requestId: string): Promise<void> {
  const { service: serviceName } = request;
  switch (request.kind) {
    case "start":
      await processes.startService({ serviceName, requestId });
      break;
    case "stop":
      await processes.stopService({ serviceName, requestId });
      break;
    case "restart":
      await processes.restartService({ serviceName, requestId });
      break;
    case "scale":
      await processes.scaleService({ serviceName, replicas: request.replicas, requestId });
  }
}

interface Change {
  readonly waves: readonly PlannedAction[][];
  /** How many actions are due without it. */
  readonly due: number;
}

// Null where what is asked cannot be laid over the manifest by the console.
async function change(request: Request, isOther: (service: string) => boolean, signal: AbortSignal): Promise<Change | null> {
  const [{ overlaid }, platform] = await Promise.all([import("../process/overlay"), processes.getPlatform({}, { signal })]);
  // What was taken back is not what is in force, which nobody tells.
  if (platform.state === PlatformState.ROLLED_BACK) return null;
  const [before, after] = [null, request].map((asked) => overlaid(platform.manifest, platform.environment, askedWith(platform, asked)));
  if (before === undefined || before === null || after === undefined || after === null) return null;
  const [due, plan] = await Promise.all([processes.planManifest(before, { signal }), processes.planManifest(after, { signal })]);
  // What was asked of integrations is not told with the platform, so what is planned for them without it says nothing.
  const own = due.waves.flatMap((wave) => wave.actions).filter((one) => !isOther(one.serviceName));
  return { waves: without(plan, due), due: own.length };
}

function Planned(props: { of: Loaded<{ readonly change: Change | null } | null> }): JSX.Element {
  return (
    <Show of={props.of}>
      {(planned) => {
        const found = planned?.change ?? null;
        return found === null ? (
          <p class="note warn">{t("plan.none")}</p>
        ) : (
          <>
            <PlanView waves={found.waves} />
            {found.due > 0 && <p class="note">{plural("plan.due", found.due)}</p>}
          </>
        );
      }}
    </Show>
  );
}

/** The contract has no plan of a restart: what is replaced is what runs. */
function Replaced(props: { service: Service | undefined }): JSX.Element {
  const ids = props.service?.instances.map((replica) => replica.id) ?? [];
  return (
    <>
      <p>{plural("plan.restart", ids.length)}</p>
      <ul>
        {ids.map((id) => (
          <li key={id}>
            <ReplicaId of={id} />
          </li>
        ))}
      </ul>
    </>
  );
}
