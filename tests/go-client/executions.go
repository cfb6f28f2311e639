package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	executionv1 "github.com/zona-platform/zona/gen/zona/execution/v1"
)

const (
	stdout = executionv1.OutputStream_OUTPUT_STREAM_STDOUT
	stderr = executionv1.OutputStream_OUTPUT_STREAM_STDERR
)

func start(name, params string) *executionv1.StartExecutionRequest {
	return &executionv1.StartExecutionRequest{Name: name, ParamsJson: params}
}

// collect reads a stream of events to its end and checks that the numbered ones follow `after` without a gap.
func collect(stream grpc.ServerStreamingClient[executionv1.ExecutionEvent], after int64) []*executionv1.ExecutionEvent {
	var events []*executionv1.ExecutionEvent
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return events
		}
		expect(err == nil, "the stream broke: %v", err)
		if event.GetHeartbeat() != nil {
			continue
		}
		after++
		expect(event.Sequence == after, "event %d where %d was due", event.Sequence, after)
		events = append(events, event)
	}
}

// printed joins what went to one stream, checking the offsets.
func printed(events []*executionv1.ExecutionEvent, stream executionv1.OutputStream) string {
	var text strings.Builder
	for _, event := range events {
		if output := event.GetOutput(); output != nil && output.Stream == stream {
			expect(output.Offset == int64(text.Len()), "offset %d after %d bytes", output.Offset, text.Len())
			text.Write(output.Data)
		}
	}
	return text.String()
}

func finished(events []*executionv1.ExecutionEvent) *executionv1.Execution {
	expect(len(events) > 0, "no event")
	last := events[len(events)-1].GetFinished()
	expect(last != nil, "the last event is %v", events[len(events)-1])
	return last.Execution
}

func transformed(ctx context.Context, c *client) {
	answer := must(c.executions.Transform(ctx, &executionv1.TransformRequest{
		Name: c.name(transformerID), ValuesJson: []string{`"a"`, `17`, `"c"`}, ParamsJson: `{"mark": "?"}`,
	}))
	expect(len(answer.Results) == 3, "%d results", len(answer.Results))
	expect(answer.Results[0].GetResultJson() == `"A?"` && answer.Results[2].GetResultJson() == `"C?"`, "results %v", answer.Results)
	failure := answer.Results[1].GetFailure()
	expect(failure != nil && failure.Reason == "USER_ERROR" && failure.Exception == "AttributeError" && failure.Line == 2, "failure %v", failure)

	_, err := c.executions.Transform(ctx, &executionv1.TransformRequest{
		Name: c.name(transformerID), ValuesJson: []string{`"a"`}, ParamsJson: `{"mark": 1, "unknown": true}`,
	})
	bad := mustFail(err, codes.InvalidArgument)
	expect(bad.badRequest != nil && len(bad.badRequest.FieldViolations) == 2, "violations %v", bad.badRequest)
	_, err = c.executions.Transform(ctx, &executionv1.TransformRequest{Name: c.name(scriptID), ValuesJson: []string{`1`}})
	mustFail(err, codes.FailedPrecondition)
}

func streamed(ctx context.Context, c *client) {
	stream := must(c.executions.ExecuteUtility(ctx, &executionv1.ExecuteUtilityRequest{Name: c.name(scriptID), ParamsJson: `{"steps": 3}`}))
	events := collect(stream, 0)
	expect(events[0].GetQueued() != nil, "the first event is %v", events[0])
	expect(printed(events, stdout) == "step 0\nstep 1\nstep 2\n", "stdout %q", printed(events, stdout))
	expect(printed(events, stderr) == "done\n", "stderr %q", printed(events, stderr))
	execution := finished(events)
	expect(execution.State == executionv1.ExecutionState_EXECUTION_STATE_SUCCEEDED, "state %v: %v", execution.State, execution.Failure)
	expect(strings.Contains(execution.ResultJson, "9007199254740993"), "a large integer lost its last digit: %s", execution.ResultJson)
	attestation := execution.Attestation
	expect(attestation.GetSeccompMode() == executionv1.SeccompMode_SECCOMP_MODE_FILTER, "attestation %v", attestation)
	expect(attestation.GetNetwork() == executionv1.NetworkAccess_NETWORK_ACCESS_NONE && attestation.GetCapabilities() == 0, "attestation %v", attestation)

	for _, after := range []int64{0, 2, execution.LastSequence} {
		replay := collect(must(c.executions.WatchExecution(ctx, &executionv1.WatchExecutionRequest{Name: execution.Name, AfterSequence: after})), after)
		expect(len(replay) == len(events)-int(after), "%d events after %d of %d", len(replay), after, len(events))
		for index, event := range replay {
			expect(proto.Equal(event, events[int(after)+index]), "event %d differs when replayed", event.Sequence)
		}
	}
	beyond := must(c.executions.WatchExecution(ctx, &executionv1.WatchExecutionRequest{Name: execution.Name, AfterSequence: execution.LastSequence + 1}))
	_, err := beyond.Recv()
	mustFail(err, codes.OutOfRange)
}

func failed(ctx context.Context, c *client) {
	stream := must(c.executions.ExecuteUtility(ctx, &executionv1.ExecuteUtilityRequest{Name: c.name(scriptID), ParamsJson: `{"steps": 2, "pause": -1.0}`}))
	events := collect(stream, 0)
	execution := finished(events)
	expect(execution.State == executionv1.ExecutionState_EXECUTION_STATE_FAILED, "state %v", execution.State)
	failure := execution.Failure
	expect(failure.GetReason() == "USER_ERROR" && failure.GetException() == "ValueError" && failure.GetLine() == 8, "failure %v", failure)
	expect(printed(events, stdout) == "step 0\n", "what was printed before the failure: %q", printed(events, stdout))
}

func cancelled(ctx context.Context, c *client) {
	execution := must(c.executions.StartExecution(ctx, start(c.name(scriptID), `{"steps": 1000, "pause": 0.05}`)))
	watch := must(c.executions.WatchExecution(ctx, &executionv1.WatchExecutionRequest{Name: execution.Name}))
	for {
		event, err := watch.Recv()
		expect(err == nil, "the stream broke: %v", err)
		if event.GetOutput() != nil {
			break
		}
	}
	must(c.executions.CancelExecution(ctx, &executionv1.CancelExecutionRequest{Name: execution.Name}))
	rest := collect(must(c.executions.WatchExecution(ctx, &executionv1.WatchExecutionRequest{Name: execution.Name})), 0)
	end := finished(rest)
	expect(end.State == executionv1.ExecutionState_EXECUTION_STATE_CANCELLED, "state %v", end.State)
	expect(strings.HasPrefix(printed(rest, stdout), "step 0\n"), "output of a cancelled run: %q", printed(rest, stdout))
	again := must(c.executions.CancelExecution(ctx, &executionv1.CancelExecutionRequest{Name: execution.Name}))
	expect(proto.Equal(again, must(c.executions.GetExecution(ctx, &executionv1.GetExecutionRequest{Name: execution.Name}))), "a second cancel changed something")
}

func listed(ctx context.Context, c *client) {
	filter := &executionv1.ExecutionFilter{
		Utility: c.name(scriptID),
		States:  []executionv1.ExecutionState{executionv1.ExecutionState_EXECUTION_STATE_CANCELLED},
	}
	page := must(c.executions.ListExecutions(ctx, &executionv1.ListExecutionsRequest{Parent: c.tenant, Filter: filter}))
	expect(len(page.Executions) == 1, "%d cancelled executions", len(page.Executions))
	filter.States = nil
	names := map[string]bool{}
	token := ""
	for {
		page = must(c.executions.ListExecutions(ctx, &executionv1.ListExecutionsRequest{Parent: c.tenant, Filter: filter, PageSize: 2, PageToken: token}))
		for _, execution := range page.Executions {
			expect(!names[execution.Name], "%s is listed twice", execution.Name)
			names[execution.Name] = true
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	expect(len(names) == 3, "executions of the script: %s", fmt.Sprint(names))
}
