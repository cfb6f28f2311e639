// A call as a command or a program that does the same: curl, grpcurl, zona, Go, Python. Nothing that is secret stands in them.

export interface Call {
  /** Where the console was loaded from. */
  readonly origin: string;
  /** `tenants/{tenant}/utilities/{utility}` */
  readonly name: string;
  readonly paramsJson: string;
  /** Names of secret parameters that are left out. */
  readonly secrets: readonly string[];
}

export type CopyKind = "curl" | "grpcurl" | "zona" | "go" | "python";

// gRPC has a port of its own, which the console is not told.
const GRPC_ADDRESS = "127.0.0.1:7070";

/** The command, for a POSIX shell (Go and Python: a program). */
export function command(kind: CopyKind, call: Call): string {
  switch (kind) {
    case "curl":
      return [
        `curl -N -H "authorization: Bearer $(zona token)" -H 'content-type: application/json' \\`,
        `  -d ${quoted(JSON.stringify({ paramsJson: call.paramsJson }))} \\`,
        `  ${quoted(`${call.origin}/v1/${call.name}:execute`)}`,
      ].join("\n");
    case "grpcurl":
      return [
        `export TOKEN=$(zona token)`,
        `grpcurl -plaintext -expand-headers -H 'authorization: Bearer \${TOKEN}' \\`,
        `  -d ${quoted(JSON.stringify({ name: call.name, params_json: call.paramsJson }))} \\`,
        `  ${GRPC_ADDRESS} zona.execution.v1.ExecutionService/ExecuteUtility`,
      ].join("\n");
    case "zona": {
      const [, tenant, , utility] = call.name.split("/");
      return `zona --tenant ${quoted(tenant ?? "")} run ${quoted(utility ?? "")} --params ${quoted(call.paramsJson)}`;
    }
    case "go":
      return goProgram(call);
    case "python":
      return [
        "import json, subprocess, urllib.request",
        "",
        `token = subprocess.run(["zona", "token"], check=True, capture_output=True, text=True).stdout.strip()`,
        "request = urllib.request.Request(",
        `    ${JSON.stringify(`${call.origin}/v1/${call.name}:execute`)},`,
        `    data=json.dumps({"paramsJson": ${JSON.stringify(call.paramsJson)}}).encode(),`,
        `    headers={"authorization": f"Bearer {token}", "content-type": "application/json"},`,
        ")",
        "with urllib.request.urlopen(request) as answer:",
        "    for line in answer:",
        "        print(json.loads(line))",
      ].join("\n");
  }
}

// Against the client that `buf generate` makes of the contract; tests/go compiles one of these.
function goProgram(call: Call): string {
  return `package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os/exec"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"

	executionv1 "github.com/zona-platform/zona/gen/zona/execution/v1"
)

func main() {
	token, err := exec.Command("zona", "token").Output()
	if err != nil {
		log.Fatal(err)
	}
	connection, err := grpc.NewClient(${goText(GRPC_ADDRESS)}, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+strings.TrimSpace(string(token)))
	events, err := executionv1.NewExecutionServiceClient(connection).ExecuteUtility(ctx, &executionv1.ExecuteUtilityRequest{
		Name:       ${goText(call.name)},
		ParamsJson: ${goText(call.paramsJson)},
	})
	if err != nil {
		log.Fatal(err)
	}
	for {
		event, err := events.Recv()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(protojson.Format(event))
	}
}
`;
}

/** A text as Go writes it: as JSON does, but that half a character and a mark of byte order may not stand in a source. */
export function goText(text: string): string {
  return JSON.stringify(text.replace(/\p{Surrogate}/gu, "\ufffd")).replaceAll("\ufeff", "\\ufeff");
}

/** A word that a POSIX shell takes as it is. */
export function quoted(text: string): string {
  return /^[A-Za-z0-9_./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
