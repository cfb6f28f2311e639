// Command zona-go-client is another team's service: it uses Zona through generated Go clients and nothing else, from creating a
// utility to reading error details. It prints one JSON summary, and exits with 1 when an answer differs from the contract.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	executionv1 "github.com/zona-platform/zona/gen/zona/execution/v1"
	identityv1 "github.com/zona-platform/zona/gen/zona/identity/v1"
	utilityv1 "github.com/zona-platform/zona/gen/zona/utility/v1"
)

// client holds what each chapter of the story needs.
type client struct {
	tenant     string
	caller     string
	password   string
	connect    func(token string) *grpc.ClientConn
	identity   identityv1.IdentityServiceClient
	utilities  utilityv1.UtilityServiceClient
	executions executionv1.ExecutionServiceClient
	health     healthpb.HealthClient
}

// chapter is one part of the story. It panics with a failure when an answer is wrong.
type chapter struct {
	name string
	tell func(context.Context, *client)
}

// signingIn comes first where the caller has a password.
var signingIn = []chapter{
	{"a password is exchanged for tokens that say who calls", signedIn},
	{"a wrong password is answered like an unknown user", wronglySignedIn},
	{"a call without a token is of nobody", unsigned},
	{"a refresh token serves once, and its session ends when it is shown again", refreshed},
	{"a session that is revoked ends at once, with its streams", revoked},
}

var story = []chapter{
	{"the server is healthy", healthy},
	{"a transformer is created with its inferred schema", transformerCreated},
	{"a script is created", scriptCreated},
	{"a dry run stores nothing", dryRun},
	{"a taken name is refused", nameTaken},
	{"a create is repeated by its request id", createRepeated},
	{"utilities are listed in pages", utilitiesListed},
	{"utilities are filtered and ordered", utilitiesFiltered},
	{"a bad request names every violation", badRequest},
	{"code is validated without being stored", codeValidated},
	{"an absent resource is named", absent},
	{"another tenant is denied without a hint", denied},
	{"an update changes what its mask names", updated},
	{"a stale etag is refused", stale},
	{"versions are listed and read", versioned},
	{"versions are compared", compared},
	{"a version is restored as a new one", restored},
	{"one value is transformed", transformedOne},
	{"values are transformed in order, each with its own error", transformedMany},
	{"a value that ends the process leaves later ones unrun", transformedUntilTimeout},
	{"large integers keep every digit", largeIntegers},
	{"parameters are checked before anything runs", parametersChecked},
	{"secret parameters are used and never stored", secretParameters},
	{"output is streamed without gaps", streamed},
	{"a stream is replayed from any point", replayed},
	{"one megabyte of output arrives whole", megabyte},
	{"output beyond the limit is dropped and counted", outputDropped},
	{"output beyond the limit stops the run when asked", outputStopped},
	{"a failing program is no RPC error", failed},
	{"a run past its time limit keeps its output", timedOut},
	{"a running execution is followed and resumed", followed},
	{"an execution is cancelled once", cancelled},
	{"a lost stream leaves the run alone unless asked", disconnected},
	{"a start is repeated by its request id", startRepeated},
	{"an old version still runs", oldVersionRuns},
	{"executions are listed by utility, state and time", executionsListed},
	{"a deleted utility comes back", deleted},
}

// outcome is what a chapter came to, for the summary.
type outcome struct {
	Name         string `json:"name"`
	Passed       bool   `json:"passed"`
	Error        string `json:"error,omitempty"`
	Milliseconds int64  `json:"milliseconds"`
}

type summary struct {
	Passed   int       `json:"passed"`
	Failed   int       `json:"failed"`
	Chapters []outcome `json:"chapters"`
}

func main() {
	address := flag.String("address", "", "host:port of the server")
	tenant := flag.String("tenant", "tenants/demo", "resource name of the tenant")
	caller := flag.String("caller", "", "resource name of the user to sign in as, by the password in ZONA_PASSWORD [default: TENANT/users/local, who is not asked]")
	limit := flag.Duration("timeout", 2*time.Minute, "time for the whole story")
	flag.Parse()

	connect := func(token string) *grpc.ClientConn {
		options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
		if token != "" {
			options = append(options, grpc.WithPerRPCCredentials(bearer(token)))
		}
		connection, err := grpc.NewClient(*address, options...)
		stopIf(err)
		return connection
	}
	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	told, token := story, ""
	identity := identityv1.NewIdentityServiceClient(connect(""))
	if *caller != "" {
		answer, err := signIn(ctx, identity, *caller, os.Getenv("ZONA_PASSWORD"))
		stopIf(err)
		told, token = append(slices.Clone(signingIn), story...), answer.AccessToken
	} else {
		*caller = *tenant + "/users/local"
	}
	connection := connect(token)
	defer connection.Close()
	result := tellAll(ctx, told, &client{
		tenant:     *tenant,
		caller:     *caller,
		password:   os.Getenv("ZONA_PASSWORD"),
		connect:    connect,
		identity:   identity,
		utilities:  utilityv1.NewUtilityServiceClient(connection),
		executions: executionv1.NewExecutionServiceClient(connection),
		health:     healthpb.NewHealthClient(connection),
	})
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	stopIf(encoder.Encode(result))
	if result.Failed > 0 {
		os.Exit(1)
	}
}

// stopIf ends a program that cannot tell its story.
func stopIf(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func tellAll(ctx context.Context, chapters []chapter, c *client) summary {
	var result summary
	for _, part := range chapters {
		started := time.Now()
		err := tell(ctx, c, part)
		told := outcome{Name: part.name, Passed: err == nil, Milliseconds: time.Since(started).Milliseconds()}
		if err != nil {
			told.Error = err.Error()
			result.Failed++
		} else {
			result.Passed++
		}
		result.Chapters = append(result.Chapters, told)
	}
	return result
}

// tell runs one chapter; a panic that is no failure is a mistake of this program and goes on up.
func tell(ctx context.Context, c *client, part chapter) (err error) {
	defer func() {
		switch problem := recover().(type) {
		case nil:
		case failure:
			err = problem
		default:
			panic(problem)
		}
	}()
	part.tell(ctx, c)
	return nil
}
