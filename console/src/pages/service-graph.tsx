// Which service waits for which, as a picture. The list says the same in its own column, for whoever does not see pictures.

import type { JSX } from "preact";

import type { Service } from "../gen/zona/process/v1/service_pb";
import { BOX_HEIGHT, BOX_WIDTH, layOut, shortened } from "../process/graph";
import { serviceLook } from "../process/states";
import { t } from "../text";

// Where a name stands in its box, in pixels from its left and its top.
const TEXT_X = 12;
const TEXT_Y = 21;

export function ServiceGraph(props: { services: readonly Service[] }): JSX.Element {
  const picture = layOut(props.services);
  const states = new Map(props.services.map((service) => [service.name, service.state]));
  return (
    <figure class="chart">
      <figcaption>{t("services.graph")}</figcaption>
      <div class="chart-scroll" tabIndex={0} role="region" aria-label={t("services.graph")}>
        <svg class="graph" width={picture.width} height={picture.height} role="img" aria-label={t("services.graph.text")}>
          <defs>
            <marker id="graph-arrow" class="graph-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
              <path d="M 0 0 L 8 4 L 0 8 z" />
            </marker>
          </defs>
          {picture.lines.map((line) => (
            <path key={`${line.from} ${line.to}`} class="graph-line" d={line.path} marker-end="url(#graph-arrow)" />
          ))}
          {picture.boxes.map((box) => (
            <g key={box.name} class={`graph-box ${serviceLook(states.get(box.name) ?? 0)[1]}`}>
              <title data-value>{box.name}</title>
              <rect x={box.x} y={box.y} width={BOX_WIDTH} height={BOX_HEIGHT} rx={6} />
              <text x={box.x + TEXT_X} y={box.y + TEXT_Y} data-value>
                {shortened(box.name)}
              </text>
            </g>
          ))}
        </svg>
      </div>
    </figure>
  );
}
