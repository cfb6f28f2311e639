// The versions of a utility: who, when, why; what changed between two of them; an old one made current again.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { utilities } from "../api";
import { Diff } from "../editor/diff";
import type { Parameter } from "../gen/zona/utility/v1/parameter_pb";
import type { Utility } from "../gen/zona/utility/v1/utility_pb";
import type { UtilityVersion } from "../gen/zona/utility/v1/version_pb";
import { navigate, usePlace, withQuery } from "../router";
import { lastPart } from "../session";
import { t } from "../text";
import { useAction, useCall } from "../ui/call";
import { List } from "../ui/list";
import { announce, Button, Choice, Value, When } from "../ui/parts";
import { Problem, Show } from "../ui/states";

const PAGE_SIZE = 100;

export function Versions(props: { utility: Utility; onRestored: () => void }): JSX.Element {
  const { utility } = props;
  const place = usePlace();
  const loaded = useCall(`${utility.name} ${utility.latestVersion}`, async (signal) => {
    const found: UtilityVersion[] = [];
    let pageToken = "";
    do {
      const page = await utilities.listUtilityVersions({ parent: utility.name, pageSize: PAGE_SIZE, pageToken }, { signal });
      found.push(...page.versions);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return found.sort((one, other) => other.version - one.version);
  });
  const restoring = useAction();
  const restore = (version: UtilityVersion) =>
    void restoring.run(async (id) => {
      await utilities.restoreUtilityVersion({ name: version.name, etag: utility.etag, requestId: id(version.name, utility.etag) });
      announce("versions.restored", { version: version.version });
      props.onRestored();
    });
  return (
    <Show of={loaded}>
      {(versions) => {
        const numbers = versions.map((version) => version.version);
        const to = pick(place.search.get("to"), numbers, numbers[0] ?? 1);
        const from = pick(place.search.get("from"), numbers, numbers.find((number) => number < to) ?? to);
        const choose = (changes: Record<string, string>) => navigate(withQuery(place, changes), { replace: true });
        return (
          <>
            {restoring.failure !== null && <Problem failure={restoring.failure} />}
            <List
              label={t("utility.versions")}
              items={versions}
              keyOf={(version) => version.name}
              columns={[
                { head: t("versions.number"), cell: (version) => <Value>{version.version}</Value> },
                { head: t("versions.author"), cell: (version) => <Value title={version.author}>{lastPart(version.author)}</Value> },
                { head: t("versions.time"), cell: (version) => <When at={version.createTime} /> },
                { head: t("versions.message"), cell: (version) => <Value>{version.message}</Value> },
                {
                  head: t("versions.actions"),
                  cell: (version) => (
                    <>
                      <Button
                        kind="quiet"
                        onClick={() => choose({ to: String(version.version), from: String(numbers.find((number) => number < version.version) ?? version.version) })}
                        label={t("versions.show.label", { version: version.version })}
                      >
                        {t("versions.show")}
                      </Button>
                      {version.version !== utility.latestVersion && (
                        <Button kind="quiet" busy={restoring.busy} onClick={() => restore(version)} label={t("versions.restore.label", { version: version.version })}>
                          {t("versions.restore")}
                        </Button>
                      )}
                    </>
                  ),
                },
              ]}
            />
            <Compare utility={utility.name} numbers={numbers} from={from} to={to} onChoose={choose} />
          </>
        );
      }}
    </Show>
  );
}

function pick(text: string | null, of: readonly number[], otherwise: number): number {
  const number = Number(text ?? "");
  return of.includes(number) ? number : otherwise;
}

function Compare(props: {
  utility: string;
  numbers: readonly number[];
  from: number;
  to: number;
  onChoose: (changes: Record<string, string>) => void;
}): JSX.Element {
  const [inline, setInline] = useState(window.innerWidth < 900);
  const options = props.numbers.map((number) => ({ value: String(number), text: String(number), raw: true }));
  const loaded = useCall(`${props.utility} ${props.from} ${props.to}`, async (signal) => {
    const get = (version: number) => utilities.getUtilityVersion({ name: `${props.utility}/versions/${version}` }, { signal });
    const [before, after] = await Promise.all([get(props.from), get(props.to)]);
    return { before, after };
  });
  return (
    <section aria-label={t("versions.compare")}>
      <h2>{t("versions.compare")}</h2>
      <div class="filters">
        <Choice label={t("versions.from")} value={String(props.from)} options={options} onChange={(from) => props.onChoose({ from })} />
        <Choice label={t("versions.to")} value={String(props.to)} options={options} onChange={(to) => props.onChoose({ to })} />
        <Button kind="quiet" pressed={inline} onClick={() => setInline(!inline)}>
          {t("versions.inline")}
        </Button>
      </div>
      <Show of={loaded}>
        {({ before, after }) => (
          <>
            <Differences before={before} after={after} />
            <Diff before={before.code} after={after.code} labels={[`v${before.version}`, `v${after.version}`]} inline={inline} />
          </>
        )}
      </Show>
    </section>
  );
}

/** Modules that the newer one imports and the older one did not. */
export function newImports(before: readonly string[], after: readonly string[]): string[] {
  return after.filter((module) => !before.includes(module));
}

function Differences(props: { before: UtilityVersion; after: UtilityVersion }): JSX.Element {
  const imports = newImports(props.before.imports, props.after.imports);
  const gone = newImports(props.after.imports, props.before.imports);
  const names = [...new Set([...props.before.parameters, ...props.after.parameters].map((parameter) => parameter.name))];
  const changed = names
    .map((name) => ({
      name,
      before: props.before.parameters.find((parameter) => parameter.name === name),
      after: props.after.parameters.find((parameter) => parameter.name === name),
    }))
    .filter(({ before, after }) => describe(before) !== describe(after));
  return (
    <>
      {imports.length > 0 && (
        <p class="note warn">
          {t("versions.new-imports")} <Value code>{imports.join(", ")}</Value>
        </p>
      )}
      {gone.length > 0 && (
        <p class="note">
          {t("versions.gone-imports")} <Value code>{gone.join(", ")}</Value>
        </p>
      )}
      {props.before.runtime !== props.after.runtime && (
        <p class="note warn">
          {t("versions.runtime")} <Value code>{`${props.before.runtime} → ${props.after.runtime}`}</Value>
        </p>
      )}
      {changed.length > 0 && (
        <List
          label={t("versions.parameters")}
          caption={t("versions.parameters")}
          items={changed}
          keyOf={({ name }) => name}
          columns={[
            { head: t("versions.parameter"), names: true, cell: ({ name }) => <Value code>{name}</Value> },
            { head: t("versions.before"), cell: ({ before }) => <Value code>{describe(before)}</Value> },
            { head: t("versions.after"), cell: ({ after }) => <Value code>{describe(after)}</Value> },
          ]}
        />
      )}
    </>
  );
}

const TYPE_NAMES = ["any", "any", "string", "integer", "number", "boolean", "array", "object"];

function describe(parameter: Parameter | undefined): string {
  if (parameter === undefined) return "–";
  const parts = [TYPE_NAMES[parameter.valueType] ?? "any"];
  if (parameter.required) parts.push("required");
  if (parameter.secret) parts.push("secret");
  if (parameter.defaultJson !== undefined) parts.push(`= ${parameter.defaultJson}`);
  if (parameter.enumJson.length > 0) parts.push(`{${parameter.enumJson.join(", ")}}`);
  return parts.join(" ");
}
