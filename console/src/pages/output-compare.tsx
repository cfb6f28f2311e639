// What two executions have printed, beside each other.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { executions } from "../api";
import { LONGEST_TEXT, wholeOutput } from "../run/whole-output";
import { lastPart } from "../session";
import { bytes, t } from "../text";
import { useCall } from "../ui/call";
import { Button } from "../ui/parts";
import { Show } from "../ui/states";

export function OutputCompare(props: { one: string; other: string }): JSX.Element {
  const [asked, setAsked] = useState(false);
  return asked ? <Outputs {...props} /> : <Button onClick={() => setAsked(true)}>{t("execution.compare-output")}</Button>;
}

function Outputs(props: { one: string; other: string }): JSX.Element {
  const loaded = useCall(`${props.one} ${props.other}`, async (signal) => {
    const read = async (name: string) => {
      // Where enough was read, the rest is not sent.
      const enough = new AbortController();
      try {
        return await wholeOutput(executions.watchExecution({ name, afterSequence: 0n }, { signal: AbortSignal.any([signal, enough.signal]) }));
      } finally {
        enough.abort();
      }
    };
    // The editor is loaded for this alone.
    const [{ Diff }, one, other] = await Promise.all([import("../editor/diff"), read(props.one), read(props.other)]);
    return { Diff, one, other };
  });
  return (
    <Show of={loaded}>
      {({ Diff, one, other }) => {
        const cut = one.cut || other.cut;
        return (
          <>
            {cut && <p class="note warn">{t("execution.output-cut", { bytes: bytes(LONGEST_TEXT) })}</p>}
            {one.text === other.text ? (
              <p class="note">{t(cut ? "execution.same-part" : "execution.same-output")}</p>
            ) : (
              <Diff before={one.text} after={other.text} labels={[lastPart(props.one), lastPart(props.other)]} inline={window.innerWidth < 900} />
            )}
          </>
        );
      }}
    </Show>
  );
}
