// What is said of a utility beside its code: what it is called, how long and with how much it runs, how it is kept apart.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { runtimes, utilities } from "../api";
import { Isolation, type Utility } from "../gen/zona/utility/v1/utility_pb";
import { milliseconds } from "../run/run-view";
import { lastPart, useParent } from "../session";
import { t, type TextId } from "../text";
import { useAction, useCall } from "../ui/call";
import { announce, Button, Choice, TextField } from "../ui/parts";
import { Problem } from "../ui/states";
import { changes, names, toDuration, wholeBytes } from "./properties-form";

const MEBIBYTE = 1024 * 1024;

const ISOLATIONS: readonly { value: string; text: TextId }[] = [
  { value: String(Isolation.UNSPECIFIED), text: "properties.isolation.policy" },
  { value: String(Isolation.TENANT_WARM), text: "policy.isolation.warm" },
  { value: String(Isolation.SINGLE_USE), text: "policy.isolation.single" },
  { value: String(Isolation.ONE_SHOT), text: "policy.isolation.one-shot" },
];

export function Properties(props: { utility: Utility; onSaved: () => void }): JSX.Element {
  const { utility } = props;
  const parent = useParent();
  const known = useCall(parent, async (signal) => (await runtimes.listRuntimes({ parent, pageSize: 100 }, { signal })).runtimes);
  const [displayName, setDisplayName] = useState(utility.displayName);
  const [description, setDescription] = useState(utility.description);
  const [tags, setTags] = useState(utility.tags.join(", "));
  const [runtime, setRuntime] = useState(utility.runtime);
  const [isolation, setIsolation] = useState(String(utility.isolation));
  const [seconds, setSeconds] = useState(String(milliseconds(utility.limits?.timeout) / 1000));
  const memoryBefore = String(Number(utility.limits?.memoryBytes ?? 0n) / MEBIBYTE);
  const [memory, setMemory] = useState(memoryBefore);
  const [storeValues, setStoreValues] = useState(utility.storeValues);
  const [fresh, setFresh] = useState(utility.freshProcesses);
  const action = useAction();
  const timeout = toDuration(seconds);
  // Through other ways it may have become no whole number: then it stays as long as nobody changes it.
  const memoryBytes = memory === memoryBefore ? (utility.limits?.memoryBytes ?? 0n) : wholeBytes(memory, MEBIBYTE);
  const wrong = timeout === null || memoryBytes === null;
  const save = () =>
    void action.run(async (id) => {
      if (timeout === null || memoryBytes === null) return;
      const next = {
        displayName,
        description,
        tags: names(tags),
        runtime,
        isolation: Number(isolation) as Isolation,
        storeValues,
        freshProcesses: fresh,
        limits: { timeout, memoryBytes },
      };
      const paths = changes(utility, next);
      if (paths.length === 0) return;
      await utilities.updateUtility({
        utility: { name: utility.name, etag: utility.etag, ...next },
        updateMask: { paths },
        requestId: id(utility.etag, paths, next),
      });
      announce("editor.saved");
      props.onSaved();
    });
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      {action.failure !== null && <Problem failure={action.failure} />}
      <TextField label={t("access.display-name")} value={displayName} onInput={setDisplayName} />
      <TextField label={t("editor.description")} value={description} onInput={setDescription} />
      <TextField label={t("properties.tags")} value={tags} onInput={setTags} hint={t("properties.tags.hint")} />
      <Choice
        label={t("attestation.runtime")}
        value={runtime}
        options={[...new Set([runtime, ...(known.value ?? []).map((one) => lastPart(one.name))])].map((value) => ({
          value,
          text: value === "" ? t("properties.runtime.default") : value,
          raw: value !== "",
        }))}
        onChange={setRuntime}
      />
      <Choice label={t("policy.isolation")} value={isolation} options={ISOLATIONS.map(({ value, text }) => ({ value, text: t(text) }))} onChange={setIsolation} />
      <TextField
        label={t("properties.seconds")}
        value={seconds}
        onInput={setSeconds}
        error={timeout === null ? t("form.problem.wrong-type") : undefined}
        hint={t("properties.zero")}
      />
      <TextField
        label={t("properties.memory")}
        value={memory}
        onInput={setMemory}
        error={memoryBytes === null ? t("form.problem.wrong-type") : undefined}
        hint={t("properties.zero")}
      />
      <label class="check">
        <input type="checkbox" checked={storeValues} onChange={(event) => setStoreValues(event.currentTarget.checked)} />
        {t("properties.store-values")}
      </label>
      <label class="check">
        <input type="checkbox" checked={fresh} onChange={(event) => setFresh(event.currentTarget.checked)} />
        {t("policy.fresh")}
      </label>
      <Button kind="primary" type="submit" busy={action.busy} disabled={wrong}>
        {t("editor.save")}
      </Button>
    </form>
  );
}
