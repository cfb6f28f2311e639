// What the code imports: where each module comes from, which version of the runtime, and what is known against it.

import type { JSX } from "preact";

import { runtimes } from "../api";
import { Standing, type Import } from "../gen/zona/utility/v1/finding_pb";
import { useParent } from "../session";
import { plural, t, type TextId } from "../text";
import { useCall } from "../ui/call";
import { List } from "../ui/list";
import { Badge, Value } from "../ui/parts";

const STANDINGS: Record<Standing, TextId> = {
  [Standing.UNSPECIFIED]: "import.unknown",
  [Standing.STANDARD_LIBRARY]: "import.standard",
  [Standing.PACKAGE]: "import.package",
  [Standing.NOT_INSTALLED]: "import.not-installed",
  [Standing.UNKNOWN]: "import.unknown",
};

export function Imports(props: { imports: readonly Import[]; runtime: string }): JSX.Element | null {
  const parent = useParent();
  const known = useCall(parent, async (signal) => (await runtimes.listRuntimes({ parent, pageSize: 100 }, { signal })).runtimes);
  if (props.imports.length === 0) return null;
  const packages = (known.value ?? [])
    .filter((runtime) => props.runtime === "" || runtime.name.endsWith(`/${props.runtime}`))
    .flatMap((runtime) => runtime.packages);
  return (
    <details class="imports">
      <summary>{plural("imports.title", props.imports.length)}</summary>
      <List
        label={t("imports.module")}
        items={props.imports}
        keyOf={(one) => one.module}
        columns={[
          { head: t("imports.module"), cell: (one) => <Value code>{one.module}</Value> },
          {
            head: t("imports.from"),
            cell: (one) => (
              <>
                {t(STANDINGS[one.standing] ?? "import.unknown")} {one.package !== "" && <Value code>{`${one.package} ${one.packageVersion}`}</Value>}
              </>
            ),
          },
          {
            head: t("imports.advisories"),
            cell: (one) =>
              packages
                .find((known) => known.name === one.package && known.version === one.packageVersion)
                ?.advisories.map((advisory) => (
                  <Badge key={advisory.id} kind="bad">
                    <Value title={advisory.summary}>{advisory.id}</Value>
                  </Badge>
                )),
          },
        ]}
      />
    </details>
  );
}
