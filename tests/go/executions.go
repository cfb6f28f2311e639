package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	executionv1 "github.com/zona-platform/zona/gen/zona/execution/v1"
	utilityv1 "github.com/zona-platform/zona/gen/zona/utility/v1"
)

const (
	succeeded  = executionv1.ExecutionState_EXECUTION_STATE_SUCCEEDED
	isFailed   = executionv1.ExecutionState_EXECUTION_STATE_FAILED
	isTimedOut = executionv1.ExecutionState_EXECUTION_STATE_TIMED_OUT
	isCanceled = executionv1.ExecutionState_EXECUTION_STATE_CANCELLED
)

// run executes a utility and reads its stream to the end.
func (c *client) run(ctx context.Context, request *executionv1.ExecuteUtilityRequest) []*executionv1.ExecutionEvent {
	return collect(must(c.executions.ExecuteUtility(ctx, request)), 0)
}

func (c *client) watch(ctx context.Context, name string, after int64) []*executionv1.ExecutionEvent {
	return collect(must(c.executions.WatchExecution(ctx, &executionv1.WatchExecutionRequest{Name: name, AfterSequence: after})), after)
}

func (c *client) read(ctx context.Context, name string) *executionv1.Execution {
	return must(c.executions.GetExecution(ctx, &executionv1.GetExecutionRequest{Name: name}))
}

func (c *client) cancel(ctx context.Context, name string) *executionv1.Execution {
	return must(c.executions.CancelExecution(ctx, &executionv1.CancelExecutionRequest{Name: name}))
}

func streamed(ctx context.Context, c *client) {
	events := c.run(ctx, &executionv1.ExecuteUtilityRequest{Name: c.name(scriptID), ParamsJson: `{"steps": 3}`})
	expect(printed(events, stdout) == "step 0\nstep 1\nstep 2\n", "stdout %q", printed(events, stdout))
	expect(printed(events, stderr) == "", "stderr %q", printed(events, stderr))
	execution := finished(events)
	expect(execution.State == succeeded && execution.Failure == nil, "state %v: %v", execution.State, execution.Failure)
	expect(compact(execution.ResultJson) == `{"steps":3,"large":9007199254740993}`, "result %s", execution.ResultJson)
	expect(execution.Utility == c.name(scriptID) && execution.Version == 1 && execution.Caller == c.caller, "execution %v", execution)
	expect(compact(execution.ParamsJson) == `{"steps":3}`, "parameters %s", execution.ParamsJson)
	expect(execution.Usage.GetStdoutBytes() == 21 && execution.Usage.GetPeakMemoryBytes() > 0, "usage %v", execution.Usage)
	expect(!execution.StartTime.AsTime().Before(execution.CreateTime.AsTime()) && !execution.EndTime.AsTime().Before(execution.StartTime.AsTime()), "times of %v", execution)
	expect(proto.Equal(execution, c.read(ctx, execution.Name)), "what is stored differs from the last event")

	attestation := execution.Attestation
	expect(attestation.GetTier() == executionv1.Tier_TIER_TENANT_WARM && attestation.GetBackend() != 0, "attestation %v", attestation)
	expect(attestation.GetSeccompMode() == executionv1.SeccompMode_SECCOMP_MODE_FILTER && attestation.GetNoNewPrivileges(), "attestation %v", attestation)
	expect(attestation.GetNetwork() == executionv1.NetworkAccess_NETWORK_ACCESS_NONE && attestation.GetCapabilities() == 0, "attestation %v", attestation)
	expect(attestation.GetUid() != 0 && attestation.GetResourceControl() != 0, "attestation %v", attestation)
	for _, namespace := range []string{"ipc", "mnt", "net", "pid", "user", "uts"} {
		expect(slices.Contains(attestation.GetNamespaces(), namespace), "no own %s namespace: %v", namespace, attestation)
	}
}

func replayed(ctx context.Context, c *client) {
	events := c.run(ctx, &executionv1.ExecuteUtilityRequest{Name: c.name(scriptID), ParamsJson: `{"steps": 4, "pause": 0.25}`})
	execution := finished(events)
	for after := int64(0); after <= execution.LastSequence; after++ {
		replay := c.watch(ctx, execution.Name, after)
		expect(len(replay) == len(events)-int(after), "%d events after %d of %d", len(replay), after, len(events))
		for index, event := range replay {
			expect(proto.Equal(event, events[int(after)+index]), "event %d differs when replayed: %v", event.Sequence, event)
		}
	}
	beyond := must(c.executions.WatchExecution(ctx, &executionv1.WatchExecutionRequest{Name: execution.Name, AfterSequence: execution.LastSequence + 1}))
	_, err := beyond.Recv()
	mustFail(err, codes.OutOfRange, "SEQUENCE_IN_FUTURE")
	negative := must(c.executions.WatchExecution(ctx, &executionv1.WatchExecutionRequest{Name: execution.Name, AfterSequence: -1}))
	_, err = negative.Recv()
	mustBeInvalid(err, "after_sequence")
}

func megabyte(ctx context.Context, c *client) {
	c.create(ctx, "go-megabyte", "def main(lines: int):\n    for number in range(lines):\n        print(f\"{number:099}\")\n", nil)
	events := c.run(ctx, &executionv1.ExecuteUtilityRequest{Name: c.name("go-megabyte"), ParamsJson: `{"lines": 10000}`})
	execution := finished(events)
	expect(execution.State == succeeded && !execution.OutputTruncated, "state %v: %v", execution.State, execution.Failure)
	lines := strings.SplitAfter(printed(events, stdout), "\n")
	expect(len(lines) == 10_001 && lines[10_000] == "", "%d lines", len(lines)-1)
	for number, line := range lines[:10_000] {
		expect(len(line) == 100 && line == fmt.Sprintf("%099d\n", number), "line %d is %q", number, line)
	}
	expect(printed(c.watch(ctx, execution.Name, 0), stdout) == printed(events, stdout), "what is stored differs from what was streamed")
}

func outputDropped(ctx context.Context, c *client) {
	code := "def main():\n    for _ in range(3000):\n        print(\"x\" * 99)\n    return \"done\"\n"
	c.create(ctx, "go-chatty", code, &utilityv1.Limits{OutputBytes: 100_000})
	events := c.run(ctx, &executionv1.ExecuteUtilityRequest{Name: c.name("go-chatty")})
	execution := finished(events)
	expect(execution.State == succeeded && execution.ResultJson == `"done"`, "state %v: %v", execution.State, execution.Failure)
	expect(execution.OutputTruncated && len(printed(events, stdout)) == 100_000, "%d bytes", len(printed(events, stdout)))
	expect(execution.Usage.GetStdoutBytes() == 100_000 && execution.Usage.GetDroppedOutputBytes() == 200_000, "usage %v", execution.Usage)
}

func outputStopped(ctx context.Context, c *client) {
	events := c.run(ctx, &executionv1.ExecuteUtilityRequest{
		Name: c.name("go-chatty"), OnOutputLimit: utilityv1.OutputLimitAction_OUTPUT_LIMIT_ACTION_STOP,
	})
	execution := finished(events)
	expect(execution.State == isFailed && execution.Failure.GetReason() == "OUTPUT_LIMIT", "state %v: %v", execution.State, execution.Failure)
	expect(execution.OutputTruncated && len(printed(events, stdout)) == 100_000, "%d bytes", len(printed(events, stdout)))
}

func failed(ctx context.Context, c *client) {
	events := c.run(ctx, &executionv1.ExecuteUtilityRequest{Name: c.name(scriptID), ParamsJson: `{"steps": 3, "fail_at": 1}`})
	execution := finished(events)
	failure := execution.Failure
	expect(execution.State == isFailed && execution.ResultJson == "", "state %v", execution.State)
	expect(failure.GetReason() == "USER_ERROR" && failure.GetException() == "ValueError" && failure.GetLine() == 8, "failure %v", failure)
	expect(strings.Contains(failure.GetMessage(), "step 1 is bad"), "message %q", failure.GetMessage())
	expect(strings.Contains(failure.GetTraceback(), "raise ValueError") && !strings.Contains(failure.GetTraceback(), "_zona"), "traceback %q", failure.GetTraceback())
	expect(printed(events, stdout) == "step 0\nstep 1\n", "what was printed before the failure: %q", printed(events, stdout))
	expect(strings.Contains(printed(events, stderr), "ValueError: step 1 is bad"), "stderr %q", printed(events, stderr))
}

func timedOut(ctx context.Context, c *client) {
	begun := time.Now()
	events := c.run(ctx, &executionv1.ExecuteUtilityRequest{
		Name: c.name(scriptID), ParamsJson: `{"steps": 2, "pause": 60.0}`, Timeout: durationpb.New(300 * time.Millisecond),
	})
	execution := finished(events)
	expect(execution.State == isTimedOut && execution.Failure.GetReason() == "TIMEOUT", "state %v: %v", execution.State, execution.Failure)
	expect(printed(events, stdout) == "step 0\n", "stdout %q", printed(events, stdout))
	expect(execution.Limits.GetTimeout().AsDuration() == 300*time.Millisecond, "limits %v", execution.Limits)
	expect(execution.Usage.GetWallTime().AsDuration() >= 290*time.Millisecond && time.Since(begun) < 5*time.Second, "wall %v", execution.Usage.GetWallTime())
}

// followed leaves a stream in the middle of a run and comes back later: nothing is missing and nothing comes twice.
func followed(ctx context.Context, c *client) {
	execution := must(c.executions.StartExecution(ctx, start(c.name(scriptID), `{"steps": 8, "pause": 0.1}`)))
	expect(execution.Name != "" && execution.EndTime == nil, "execution %v", execution)
	first, leave := context.WithCancel(ctx)
	stream := must(c.executions.WatchExecution(first, &executionv1.WatchExecutionRequest{Name: execution.Name}))
	var events []*executionv1.ExecutionEvent
	for printed(events, stdout) == "" {
		events = append(events, next(stream, int64(len(events))))
	}
	leave()
	running := c.read(ctx, execution.Name)
	expect(running.State == executionv1.ExecutionState_EXECUTION_STATE_RUNNING && running.LastSequence >= int64(len(events)), "execution %v", running)
	events = append(events, c.watch(ctx, execution.Name, int64(len(events)))...)
	expect(finished(events).State == succeeded, "the end is %v", finished(events))
	expect(strings.Count(printed(events, stdout), "step ") == 8, "stdout %q", printed(events, stdout))
}

func cancelled(ctx context.Context, c *client) {
	execution := must(c.executions.StartExecution(ctx, start(c.name(scriptID), `{"steps": 1000, "pause": 0.05}`)))
	watch := must(c.executions.WatchExecution(ctx, &executionv1.WatchExecutionRequest{Name: execution.Name}))
	for sequence := int64(0); ; sequence++ {
		if next(watch, sequence).GetOutput() != nil {
			break
		}
	}
	c.cancel(ctx, execution.Name)
	c.cancel(ctx, execution.Name)
	events := c.watch(ctx, execution.Name, 0)
	end := finished(events)
	expect(end.State == isCanceled && end.Failure.GetReason() == "CANCELLED", "state %v: %v", end.State, end.Failure)
	// The line break is a write of its own, which the end may have come before.
	expect(strings.HasPrefix(printed(events, stdout), "step 0"), "output of a cancelled run: %q", printed(events, stdout))
	again := c.cancel(ctx, execution.Name)
	expect(proto.Equal(again, end) && proto.Equal(again, c.read(ctx, execution.Name)), "cancelling what has ended changed something: %v", again)
}

func disconnected(ctx context.Context, c *client) {
	leave := func(cancelOnDisconnect bool) *executionv1.Execution {
		streaming, drop := context.WithCancel(ctx)
		defer drop()
		stream := must(c.executions.ExecuteUtility(streaming, &executionv1.ExecuteUtilityRequest{
			Name: c.name(scriptID), ParamsJson: `{"steps": 10, "pause": 0.1}`, CancelOnDisconnect: cancelOnDisconnect,
		}))
		name := next(stream, 0).GetQueued().GetExecution()
		for sequence := int64(1); next(stream, sequence).GetOutput() == nil; sequence++ {
		}
		drop()
		return finished(c.watch(ctx, name, 0))
	}
	expect(leave(false).State == succeeded, "the run ended with its stream")
	expect(leave(true).State == isCanceled, "the run outlived its stream")
}

func startRepeated(ctx context.Context, c *client) {
	request := start(c.name(scriptID), `{"steps": 2}`)
	request.RequestId = "0b2f2c1e-6a4e-4d5c-9b52-5f1d2f6f0a03"
	first := must(c.executions.StartExecution(ctx, request))
	again := must(c.executions.StartExecution(ctx, request))
	expect(first.Name == again.Name && first.RequestId == request.RequestId, "%s and %s", first.Name, again.Name)
	other := proto.Clone(request).(*executionv1.StartExecutionRequest)
	other.ParamsJson = `{"steps": 3}`
	_, err := c.executions.StartExecution(ctx, other)
	mustFail(err, codes.FailedPrecondition, "REQUEST_ID_REUSED")

	execute := &executionv1.ExecuteUtilityRequest{Name: c.name(scriptID), ParamsJson: `{"steps": 2}`, RequestId: "0b2f2c1e-6a4e-4d5c-9b52-5f1d2f6f0a04"}
	events := c.run(ctx, execute)
	attached := c.run(ctx, execute)
	expect(finished(events).Name == finished(attached).Name && len(events) == len(attached), "a repeated stream shows another run")
}

func oldVersionRuns(ctx context.Context, c *client) {
	answer := must(c.executions.Transform(ctx, &executionv1.TransformRequest{
		Name: c.name(transformerID), Version: 2, ParamsJson: `{"times": 3}`, ValuesJson: []string{`"a"`},
	}))
	expect(answer.Results[0].GetResultJson() == `"A!!!"`, "result %v", answer.Results[0])
	_, err := c.executions.Transform(ctx, &executionv1.TransformRequest{
		Name: c.name(transformerID), ParamsJson: `{"times": 3}`, ValuesJson: []string{`"a"`},
	})
	mustBeInvalid(err, "params_json.times")
	_, err = c.executions.Transform(ctx, &executionv1.TransformRequest{Name: c.name(transformerID), Version: 99, ValuesJson: []string{`"a"`}})
	mustFail(err, codes.NotFound, "NOT_FOUND")
}

func executionsListed(ctx context.Context, c *client) {
	list := func(filter *executionv1.ExecutionFilter, size int32, order executionv1.ExecutionOrder) []*executionv1.Execution {
		var found []*executionv1.Execution
		token := ""
		for {
			page := must(c.executions.ListExecutions(ctx, &executionv1.ListExecutionsRequest{
				Parent: c.tenant, Filter: filter, PageSize: size, PageToken: token, Order: order,
			}))
			found = append(found, page.Executions...)
			if token = page.NextPageToken; token == "" {
				return found
			}
		}
	}
	names := func(executions []*executionv1.Execution) []string {
		var names []string
		for _, execution := range executions {
			names = append(names, execution.Name)
		}
		return names
	}
	all := list(&executionv1.ExecutionFilter{Utility: c.name(scriptID)}, 1000, 0)
	paged := list(&executionv1.ExecutionFilter{Utility: c.name(scriptID)}, 2, 0)
	expect(len(all) >= 9 && slices.Equal(names(all), names(paged)), "pages differ from the whole: %d and %d", len(all), len(paged))
	oldest := names(list(&executionv1.ExecutionFilter{Utility: c.name(scriptID)}, 3, executionv1.ExecutionOrder_EXECUTION_ORDER_CREATE_TIME_ASC))
	slices.Reverse(oldest)
	expect(slices.Equal(oldest, names(all)), "the two orders differ")
	for _, execution := range all {
		expect(execution.ParamsJson == "" && execution.ResultJson == "" && execution.Attestation == nil && execution.Failure.GetTraceback() == "", "listed too much: %v", execution)
	}
	ended := list(&executionv1.ExecutionFilter{Utility: c.name(scriptID), States: []executionv1.ExecutionState{isCanceled, isTimedOut}}, 0, 0)
	expect(len(ended) == 3, "%d are cancelled or timed out", len(ended))
	middle := all[len(all)/2].CreateTime
	later := list(&executionv1.ExecutionFilter{Utility: c.name(scriptID), CreatedFrom: middle}, 0, 0)
	earlier := list(&executionv1.ExecutionFilter{Utility: c.name(scriptID), CreatedBefore: middle}, 0, 0)
	expect(len(later) > 0 && len(earlier) > 0 && len(later)+len(earlier) == len(all), "%d and %d of %d", len(later), len(earlier), len(all))
}
