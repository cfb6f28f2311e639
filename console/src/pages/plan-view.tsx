// A plan: what is done with which service, wave after wave, why and how.

import type { JSX } from "preact";

import type { PlannedAction } from "../gen/zona/process/v1/platform_pb";
import { actionText } from "../process/states";
import { number, t } from "../text";
import { List } from "../ui/list";
import { Value } from "../ui/parts";

interface Row {
  readonly wave: number;
  readonly action: PlannedAction;
}

export function PlanView(props: { waves: readonly (readonly PlannedAction[])[] }): JSX.Element {
  const rows = props.waves.flatMap((actions, index) => actions.map((action): Row => ({ wave: index + 1, action })));
  if (rows.length === 0) return <p class="note">{t("plan.nothing")}</p>;
  return (
    <List
      label={t("plan.title")}
      items={rows}
      keyOf={({ wave, action }) => `${wave} ${action.serviceName} ${action.kind}`}
      columns={[
        { head: t("plan.wave"), number: true, cell: ({ wave }) => <Value>{number(wave)}</Value> },
        { head: t("services.service"), cell: ({ action }) => <Value>{action.serviceName}</Value> },
        {
          head: t("plan.what"),
          cell: ({ action }) => {
            const text = actionText(action.kind);
            return text === null ? <Value>{action.kind}</Value> : t(text);
          },
        },
        { head: t("plan.why"), cell: ({ action }) => <Lines of={action.reasons} /> },
        { head: t("plan.how"), cell: ({ action }) => <Lines of={action.steps} /> },
      ]}
    />
  );
}

function Lines(props: { of: readonly string[] }): JSX.Element {
  return (
    <ul class="plain">
      {props.of.map((line, index) => (
        <li key={index}>
          <Value>{line}</Value>
        </li>
      ))}
    </ul>
  );
}
