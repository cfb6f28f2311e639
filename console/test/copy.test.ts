// Commands to copy: a shell must take them as one call, whatever stands in the parameters.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { command, goText, quoted } from "../src/form/copy";

const call = { origin: "http://127.0.0.1:7080", name: "tenants/demo/utilities/x", secrets: [], paramsJson: `{"a": "it's $HOME \`id\` \\\\ \\"q\\" \\n"}` };

test("a quoted word reaches a program as it was", () => {
  for (const word of [call.paramsJson, "", "plain", "'", "a b", "$(id)", "-n", "ünï\nline"]) {
    assert.equal(execFileSync("sh", ["-c", `printf %s ${quoted(word)}x`], { encoding: "utf8" }), `${word}x`);
  }
});

test("each command hands over the parameters unchanged", () => {
  for (const kind of ["curl", "grpcurl", "zona"] as const) {
    const stubs = `curl() { printf '%s\\0' "$@"; }; grpcurl() { printf '%s\\0' "$@"; }; zona() { [ "$1" = token ] && echo T || printf '%s\\0' "$@"; };`;
    const words = execFileSync("sh", ["-c", `${stubs} ${command(kind, call)}`], { encoding: "utf8" }).split("\0");
    const handed = words.map((word) => {
      if (word === call.paramsJson) return word;
      try {
        const body = JSON.parse(word) as { paramsJson?: string; params_json?: string };
        return body.paramsJson ?? body.params_json;
      } catch {
        return undefined;
      }
    });
    assert.ok(handed.includes(call.paramsJson), kind);
  }
});

test("the script is Python", () => {
  execFileSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], { input: command("python", call) });
});

// Where Go is installed and not on the way of a shell, as the tests of the workspace look for it.
const GOFMT = existsSync("/usr/local/go/bin/gofmt") ? "/usr/local/go/bin/gofmt" : "gofmt";

test("the program is Go as gofmt writes it", () => {
  for (const paramsJson of [call.paramsJson, "{}", '{"a": "\ufeff\u2028 \u0000 \ud800"}']) {
    const program = command("go", { ...call, paramsJson });
    assert.equal(execFileSync(GOFMT, { input: program, encoding: "utf8" }), program);
  }
});

test("a text of Go is what it was", () => {
  assert.equal(goText('a"\\\n\ufeff'), '"a\\"\\\\\\n\\ufeff"');
  assert.equal(goText("\ud83d\ude00 \ud800"), '"\ud83d\ude00 \ufffd"');
});

test("the program is the one that is compiled against the generated client", () => {
  const compiled = readFileSync(new URL("../../../tests/go/copied/main.go", import.meta.url), "utf8");
  const program = command("go", { ...call, name: "tenants/demo/utilities/extract-iocs", paramsJson: '{"value": "it\'s \\"here\\""}' });
  assert.equal(compiled.slice(compiled.indexOf("package main")), program);
});
