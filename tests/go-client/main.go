// Command zona-go-client is another team's service: it uses Zona through generated Go clients and nothing else, from creating a
// utility to reading error details, and fails at the first answer that differs from the contract.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	executionv1 "github.com/zona-platform/zona/gen/zona/execution/v1"
	utilityv1 "github.com/zona-platform/zona/gen/zona/utility/v1"
)

// client holds what each chapter of the story needs.
type client struct {
	tenant     string
	utilities  utilityv1.UtilityServiceClient
	executions executionv1.ExecutionServiceClient
	health     healthpb.HealthClient
}

// chapter is one part of the story. It panics with a failure when an answer is wrong.
type chapter struct {
	name string
	tell func(context.Context, *client)
}

var story = []chapter{
	{"the server is healthy", healthy},
	{"a utility is created once", created},
	{"a bad request names every violation", refused},
	{"an update makes a version, a stale one is refused", updated},
	{"versions are listed, compared and restored", versioned},
	{"values are transformed in order, each with its own error", transformed},
	{"output is streamed without gaps and can be replayed", streamed},
	{"a failing program is no RPC error", failed},
	{"a running execution is cancelled once", cancelled},
	{"executions are listed by utility and state", listed},
	{"a deleted utility comes back", deleted},
}

func main() {
	address := flag.String("address", "127.0.0.1:50051", "host:port of the server")
	tenant := flag.String("tenant", "tenants/demo", "resource name of the tenant")
	limit := flag.Duration("timeout", 2*time.Minute, "time for the whole story")
	flag.Parse()

	connection, err := grpc.NewClient(*address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	c := &client{
		tenant:     *tenant,
		utilities:  utilityv1.NewUtilityServiceClient(connection),
		executions: executionv1.NewExecutionServiceClient(connection),
		health:     healthpb.NewHealthClient(connection),
	}
	for _, part := range story {
		if err := tell(ctx, c, part); err != nil {
			fmt.Printf("FAILED %s: %v\n", part.name, err)
			os.Exit(1)
		}
		fmt.Printf("ok %s\n", part.name)
	}
}

func tell(ctx context.Context, c *client, part chapter) (err error) {
	defer func() {
		if problem, ok := recover().(failure); ok {
			err = problem
		}
	}()
	part.tell(ctx, c)
	return nil
}
