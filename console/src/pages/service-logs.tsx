// What services put out, live: several of them merged, with the list of rows that runs have.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { toFailure, type Failure } from "../failure";
import type { ReadLogsResponse } from "../gen/zona/process/v1/process_service_pb";
import { processes } from "../process/client";
import { secondsBack, ServiceLog } from "../process/service-log";
import { follow, untilBetter, type Link } from "../run/follow";
import { OutputView } from "../run/output-view";
import { navigate, usePlace, withQuery } from "../router";
import { signedOut } from "../session";
import { plural, t } from "../text";
import { useCall } from "../ui/call";
import { Value } from "../ui/parts";
import { toggled } from "../ui/rows";
import { Empty, Loading, Problem } from "../ui/states";
import { Unanswered } from "./service-board";

/** As the contract bounds it. */
const MOST_SERVICES = 50;
/** Lines of each replica to begin with: what one reads back. */
const TAIL = 1000;

export function ServiceLogs(): JSX.Element {
  const place = usePlace();
  const loaded = useCall("services", (signal) => processes.getStatus({}, { signal }));
  const chosen = new Set((place.search.get("services") ?? "").split(",").filter((name) => name !== ""));
  if (loaded.failure !== null) return <Unanswered failure={loaded.failure} onRetry={loaded.reload} />;
  if (loaded.value === null) return <Loading />;
  const names = [...new Set([...loaded.value.services.map((service) => service.name), ...chosen])].sort();
  const choose = (name: string, on: boolean) => {
    const next = [...toggled(chosen, [name], on)].sort();
    navigate(withQuery(place, { services: next.join(",") }), { replace: true, keep: true });
  };
  const followed = [...chosen].sort();
  return (
    <>
      <fieldset class="choices">
        <legend>{t("services.whose-logs")}</legend>
        {names.map((name) => (
          <label key={name} class="check">
            <input type="checkbox" checked={chosen.has(name)} onChange={(event) => choose(name, event.currentTarget.checked)} />
            <Value>{name}</Value>
          </label>
        ))}
      </fieldset>
      {followed.length === 0 ? (
        <Empty title={t("services.choose-logs")} />
      ) : followed.length > MOST_SERVICES ? (
        <p class="note warn">{plural("services.too-many-logs", MOST_SERVICES)}</p>
      ) : (
        <Followed key={followed.join(",")} names={followed} />
      )}
    </>
  );
}

function Followed(props: { names: readonly string[] }): JSX.Element {
  const log = useRef(new ServiceLog());
  // Kept when somebody tries again: what was missed before is missed still.
  const heard = useRef(performance.now());
  const [revision, setRevision] = useState(0);
  const [link, setLink] = useState<Link>("connecting");
  const [failure, setFailure] = useState<Failure | null>(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setFailure(null);
    let frame = 0;
    const draw = () => {
      frame = 0;
      setRevision(log.current.revision);
    };
    follow<ReadLogsResponse>({
      open: (_, signal) => {
        const seconds = secondsBack(performance.now() - heard.current, log.current.newest, Date.now());
        log.current.reopen();
        const from = log.current.isEmpty ? { tail: TAIL } : { since: { seconds: BigInt(seconds), nanos: 0 } };
        return processes.readLogs({ serviceNames: [...props.names], follow: true, ...from }, { signal });
      },
      // Lines have no numbers: the log itself knows which ones it has.
      number: () => ({ sequence: 0n, last: false }),
      take: (line) => {
        heard.current = performance.now();
        log.current.append(line);
        // What comes between two pictures is drawn once.
        if (frame === 0) frame = requestAnimationFrame(draw);
      },
      link: setLink,
      pause: untilBetter,
      quiet: true,
      signal: stop.signal,
    }).catch((thrown: unknown) => {
      const read = toFailure(thrown);
      if (read.kind === "signed-out") signedOut();
      setFailure(read);
    });
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
    };
  }, [turn]);
  return (
    <>
      {failure !== null && <Problem failure={failure} onRetry={() => setTurn(turn + 1)} />}
      {link === "waiting" && (
        <p class="badge warn" role="status">
          {t("run.reconnecting")}
        </p>
      )}
      <OutputView log={log.current} revision={revision} fileName={`logs-${props.names.join("-")}`} live={failure === null} />
    </>
  );
}
