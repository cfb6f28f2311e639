// One service: its replicas, and what the manifest in force says of it.

import type { JSX } from "preact";

import type { Service } from "../gen/zona/process/v1/service_pb";
import { replicaLook } from "../process/states";
import { t, type TextId } from "../text";
import { List } from "../ui/list";
import { Badge, Dialog, Value, When } from "../ui/parts";
import { Empty } from "../ui/states";
import { State } from "./service-board";

// As the engine's own tools show it.
const SHORT_ID = 12;

export function ReplicaId(props: { of: string }): JSX.Element {
  return (
    <Value code title={props.of}>
      {props.of.slice(0, SHORT_ID)}
    </Value>
  );
}

export function ServiceDetail(props: { service: Service; onClose: () => void }): JSX.Element {
  const { service } = props;
  const { context } = service;
  const facts: readonly [TextId, string][] = [
    ["services.image", context?.image ?? ""],
    ["services.command", context?.command.join(" ") ?? ""],
    ["services.environment", context?.environmentNames.join(", ") ?? ""],
    ["services.networks", context?.networks.join(", ") ?? ""],
    ["services.ports", service.ports.map((port) => `${port.published === 0 ? "" : `${port.published}:`}${port.target}/${port.protocol}`).join(", ")],
    ["services.waits-for", service.dependsOn.join(", ")],
    ["services.images", service.images.join(", ")],
  ];
  return (
    <Dialog title={service.name} raw onClose={props.onClose} wide>
      <State service={service} />
      <dl class="facts">
        {facts
          .filter(([, value]) => value !== "")
          .map(([label, value]) => (
            <>
              <dt>{t(label)}</dt>
              <dd>
                <Value code>{value}</Value>
              </dd>
            </>
          ))}
      </dl>
      {service.instances.length === 0 ? (
        <Empty title={t("services.no-replicas")} />
      ) : (
        <List
          label={t("services.replicas")}
          items={service.instances}
          keyOf={(replica) => replica.id}
          columns={[
            { head: t("services.replica"), cell: (replica) => <ReplicaId of={replica.id} /> },
            {
              head: t("services.health"),
              cell: (replica) => {
                const [text, kind] = replicaLook(replica.state);
                return (
                  <>
                    <Badge kind={kind}>{t(text)}</Badge> <Value>{replica.detail}</Value>
                  </>
                );
              },
            },
            { head: t("details.startTime"), cell: (replica) => <When at={replica.startTime} /> },
          ]}
        />
      )}
    </Dialog>
  );
}
