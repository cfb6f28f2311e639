// The pages of the console, each with what is there once it is ready, and what a server has to hold for them.

import { eventually } from "./server.mjs";

const CODE = `import json


def main(count: int = 3, level: str = "low"):
    for number in range(count):
        print(f"\\x1b[3{number % 8}mline\\x1b[0m {number}")
    return [{"number": n, "text": json.dumps(n)} for n in range(count)]
`;

/** Has a server hold a utility of two versions and an execution that is over; answers the execution's name. */
export async function furnish(stage) {
  const { name, etag } = await stage.create("counter", "def main():\n    return 1\n");
  await stage.server.call("zona.utility.v1.UtilityService/UpdateUtility", { utility: { name, code: CODE, etag }, updateMask: "code" });
  const { name: execution } = await stage.server.call("zona.execution.v1.ExecutionService/StartExecution", { name, paramsJson: "{}" });
  await eventually(async () => (await stage.server.call("zona.execution.v1.ExecutionService/GetExecution", { name: execution })).resultJson);
  return execution;
}

export const PAGES = [
  ["utilities", "/utilities", ".table-scroll"],
  ["new", "/utilities/new", ".editor .cm-content"],
  ["code", "/utilities/counter", ".editor .cm-content"],
  ["versions", "/utilities/counter?tab=versions", ".diff .cm-content"],
  ["utility-executions", "/utilities/counter?tab=executions", ".chart"],
  ["properties", "/utilities/counter?tab=properties", "form.form"],
  ["sharing", "/utilities/counter?tab=sharing", ".empty"],
  ["executions", "/executions", ".table-scroll"],
  ["audit", "/audit", ".table-scroll"],
  ["users", "/access", ".table-scroll"],
  ["accounts", "/access?tab=accounts", ".table-scroll"],
  ["matrix", "/access?tab=matrix", ".matrix"],
  ["explain", "/access?tab=explain", "form"],
  ["integrations", "/services", ".empty"],
  ["tenant", "/settings", ".facts"],
  ["secrets", "/settings?tab=secrets", ".empty"],
  ["webhooks", "/settings?tab=webhooks", ".empty"],
  ["policy", "/settings?tab=policy", "form"],
  ["runtimes", "/settings?tab=runtimes", "section.card"],
  ["missing", "/nothing-here", ".empty"],
];
