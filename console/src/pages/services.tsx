// The services of the platform: how they are, what they put out, what the manifest says; and the integrations of the tenant.

import type { JSX } from "preact";

import { navigate, usePlace, withQuery } from "../router";
import { isSuper, useCaller } from "../session";
import { t } from "../text";
import { PageHead, Tabs } from "../ui/parts";
import { Integrations } from "./integrations";
import { ServiceBoard } from "./service-board";
import { ServiceLogs } from "./service-logs";
import { Manifest } from "./manifest";

export function Services(): JSX.Element {
  const caller = useCaller();
  const place = usePlace();
  // Services serve every tenant; integrations are one tenant's.
  const all = isSuper(caller);
  const tab = all ? (place.search.get("tab") ?? "board") : "integrations";
  return (
    <>
      <PageHead title={t("nav.services")} />
      <Tabs
        label={t("nav.services")}
        current={tab}
        onChange={(next) => navigate(withQuery(place, { tab: next === "board" ? "" : next, page: "" }))}
        tabs={[
          ...(all
            ? [
                { id: "board", text: t("services.board") },
                { id: "logs", text: t("services.logs") },
                { id: "manifest", text: t("services.manifest") },
              ]
            : []),
          { id: "integrations", text: t("services.integrations") },
        ]}
      >
        {tab === "board" && <ServiceBoard />}
        {tab === "logs" && <ServiceLogs />}
        {tab === "manifest" && <Manifest />}
        {tab === "integrations" && <Integrations />}
      </Tabs>
    </>
  );
}
