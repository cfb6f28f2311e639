// What kept a run apart, in words: one sentence for each thing that was observed from outside of the sandbox.

import type { Attestation } from "../gen/zona/execution/v1/attestation_pb";
import { Backend, NetworkAccess, ResourceControl, SeccompMode, Tier } from "../gen/zona/execution/v1/attestation_pb";
import type { TextId } from "../text";

export interface Sentence {
  readonly id: TextId;
  readonly values: Readonly<Record<string, string | number>>;
  /** Whether it is weaker than what can be had, so that it is shown as such. */
  readonly weak: boolean;
}

const TIERS: Record<Tier, TextId> = {
  [Tier.UNSPECIFIED]: "attestation.tier.unknown",
  [Tier.TENANT_WARM]: "attestation.tier.warm",
  [Tier.SINGLE_USE]: "attestation.tier.single",
  [Tier.ONE_SHOT]: "attestation.tier.one-shot",
};

const BACKENDS: Record<Backend, TextId> = {
  [Backend.UNSPECIFIED]: "attestation.backend.unknown",
  [Backend.DOCKER]: "attestation.backend.docker",
  [Backend.NAMESPACE]: "attestation.backend.namespace",
  [Backend.LANDLOCK]: "attestation.backend.landlock",
  [Backend.DOCKER_RUNSC]: "attestation.backend.gvisor",
};

const RESOURCES: Record<ResourceControl, TextId> = {
  [ResourceControl.UNSPECIFIED]: "attestation.resources.unknown",
  [ResourceControl.CGROUP_V1]: "attestation.resources.cgroup",
  [ResourceControl.CGROUP_V2]: "attestation.resources.cgroup",
  [ResourceControl.PROCESS]: "attestation.resources.process",
};

export function tierText(tier: Tier): TextId {
  return TIERS[tier] ?? "attestation.tier.unknown";
}

export function sentences(of: Attestation): Sentence[] {
  const say = (id: TextId, values: Sentence["values"] = {}, weak = false): Sentence => ({ id, values, weak });
  const found = [
    say(tierText(of.tier)),
    say(BACKENDS[of.backend] ?? "attestation.backend.unknown", {}, of.backend === Backend.LANDLOCK),
    of.namespaces.length > 0
      ? say("attestation.namespaces", { names: of.namespaces.join(", ") })
      : say("attestation.namespaces.none", {}, true),
    of.seccompMode === SeccompMode.FILTER ? say("attestation.seccomp") : say("attestation.seccomp.none", {}, true),
    of.noNewPrivileges ? say("attestation.privileges") : say("attestation.privileges.none", {}, true),
    of.capabilities === 0n ? say("attestation.capabilities.none") : say("attestation.capabilities", { mask: `0x${of.capabilities.toString(16)}` }, true),
    of.network === NetworkAccess.NONE ? say("attestation.network.none") : say("attestation.network.unknown", {}, true),
    say(RESOURCES[of.resourceControl] ?? "attestation.resources.unknown", {}, of.resourceControl === ResourceControl.PROCESS),
    say("attestation.uid", { uid: String(of.uid) }),
    of.restored === 0 ? say("attestation.fresh") : say("attestation.restored", { count: of.restored }),
  ];
  found.push(of.batteryVersion === "" ? say("attestation.battery.none", {}, true) : say("attestation.battery", { version: of.batteryVersion }));
  return found;
}

/** Whether everything that can keep a run apart did. */
export function isStrong(of: Attestation): boolean {
  return sentences(of).every((sentence) => !sentence.weak);
}
