// The program that the console offers to copy, so that it is known to compile against the generated clients: console/test/copy.test.ts
// compares the two.
package main

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
	connection, err := grpc.NewClient("127.0.0.1:7070", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+strings.TrimSpace(string(token)))
	events, err := executionv1.NewExecutionServiceClient(connection).ExecuteUtility(ctx, &executionv1.ExecuteUtilityRequest{
		Name:       "tenants/demo/utilities/extract-iocs",
		ParamsJson: "{\"value\": \"it's \\\"here\\\"\"}",
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
