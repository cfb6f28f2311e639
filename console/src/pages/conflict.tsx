// Somebody has saved in between: what there was, what they made of it, what I made of it, and one text of all three.

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";

import { Diff } from "../editor/diff";
import { isUnsettled, merge } from "../editor/merge";
import type { Utility } from "../gen/zona/utility/v1/utility_pb";
import { plural, t } from "../text";
import { Button, Dialog, Tabs } from "../ui/parts";

export function Conflict(props: { base: Utility; theirs: Utility; mine: string; onTake: (code: string) => void; onClose: () => void }): JSX.Element {
  const before = `v${props.base.latestVersion}`;
  const theirs = `v${props.theirs.latestVersion}`;
  const [sides] = useState({ mine: t("conflict.mine"), theirs });
  const merged = useMemo(() => merge(props.base.code, props.theirs.code, props.mine, sides), [props.base, props.theirs, props.mine]);
  const [tab, setTab] = useState("result");
  const [text, setText] = useState(merged.text);
  const open = merged.conflicts > 0 && isUnsettled(text, sides);
  return (
    <Dialog title={t("conflict.title")} onClose={props.onClose} wide>
      <p>{t("conflict.text", { base: props.base.latestVersion, theirs: props.theirs.latestVersion })}</p>
      <p role="status">{merged.conflicts === 0 ? t("conflict.none") : plural("conflict.count", merged.conflicts)}</p>
      <Tabs
        label={t("conflict.title")}
        current={tab}
        onChange={setTab}
        tabs={[
          { id: "result", text: t("conflict.result") },
          { id: "theirs", text: t("conflict.theirs-changes") },
          { id: "mine", text: t("conflict.my-changes") },
        ]}
      >
        {tab === "result" && (
          <Diff before={props.theirs.code} after={text} labels={[theirs, t("conflict.result")]} inline={false} onChange={setText} />
        )}
        {tab === "theirs" && <Diff before={props.base.code} after={props.theirs.code} labels={[before, theirs]} inline />}
        {tab === "mine" && <Diff before={props.base.code} after={props.mine} labels={[before, t("conflict.mine")]} inline />}
      </Tabs>
      {open && <p class="note warn">{t("conflict.markers")}</p>}
      <div class="form-actions">
        <Button kind="primary" disabled={open} onClick={() => props.onTake(text)}>
          {t("conflict.take-result")}
        </Button>
        <Button onClick={() => props.onTake(props.theirs.code)}>{t("conflict.take-theirs")}</Button>
        <Button kind="quiet" onClick={props.onClose}>
          {t("action.cancel")}
        </Button>
      </div>
    </Dialog>
  );
}
