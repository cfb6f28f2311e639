package main

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	executionv1 "github.com/zona-platform/zona/gen/zona/execution/v1"
	utilityv1 "github.com/zona-platform/zona/gen/zona/utility/v1"
)

func (c *client) transform(ctx context.Context, id, params string, values ...string) *executionv1.TransformResponse {
	return must(c.executions.Transform(ctx, &executionv1.TransformRequest{Name: c.name(id), ParamsJson: params, ValuesJson: values}))
}

// settled reads an execution when it has ended: Transform answers with the last result, while the process is still going away.
func (c *client) settled(ctx context.Context, name string) *executionv1.Execution {
	for range 500 {
		if execution := c.read(ctx, name); execution.EndTime != nil {
			return execution
		}
		time.Sleep(10 * time.Millisecond)
	}
	panic(failure{name + " does not end"})
}

func transformedOne(ctx context.Context, c *client) {
	answer := c.transform(ctx, transformerID, `{"mark": "?"}`, `"a\u00e9"`)
	expect(len(answer.Results) == 1 && answer.Results[0].GetResultJson() == `"AÉ?"`, "results %v", answer.Results)
	execution := c.settled(ctx, answer.Execution)
	expect(execution.State == executionv1.ExecutionState_EXECUTION_STATE_SUCCEEDED && execution.ValueCount == 1, "execution %v", execution)
	expect(len(execution.ValuesJson) == 0 && len(execution.Results) == 0, "values are stored without being asked for: %v", execution)
	expect(execution.Usage.GetWallTime().AsDuration() > 0 && execution.Attestation.GetSandbox() != "", "execution %v", execution)
}

func transformedMany(ctx context.Context, c *client) {
	answer := c.transform(ctx, transformerID, "", `"a"`, `17`, `"c"`)
	expect(len(answer.Results) == 3, "%d results", len(answer.Results))
	expect(answer.Results[0].GetResultJson() == `"A!"` && answer.Results[2].GetResultJson() == `"C!"`, "results %v", answer.Results)
	failure := answer.Results[1].GetFailure()
	expect(failure.GetReason() == "USER_ERROR" && failure.GetException() == "AttributeError" && failure.GetLine() == 5, "failure %v", failure)
	expect(strings.Contains(failure.GetTraceback(), "value.upper()") && !strings.Contains(failure.GetTraceback(), "_zona"), "traceback %q", failure.GetTraceback())
	execution := c.settled(ctx, answer.Execution)
	expect(execution.ValueCount == 3 && execution.FailedValueCount == 1, "%d values, %d failed", execution.ValueCount, execution.FailedValueCount)

	c.create(ctx, "go-shapes", "def transform(value):\n    return {1, 2} if value == 0 else [value, None, True, 1.5, \"x\"]\n", nil)
	answer = c.transform(ctx, "go-shapes", "", `0`, `{"a": []}`)
	expect(answer.Results[0].GetFailure().GetReason() == "RESULT_NOT_SERIALIZABLE", "result %v", answer.Results[0])
	expect(compact(answer.Results[1].GetResultJson()) == `[{"a":[]},null,true,1.5,"x"]`, "result %v", answer.Results[1])

	_, err := c.executions.Transform(ctx, &executionv1.TransformRequest{Name: c.name(transformerID), ValuesJson: []string{`"a"`, `{`, `NaN`}})
	mustBeInvalid(err, "values_json[1]", "values_json[2]")
	_, err = c.executions.Transform(ctx, &executionv1.TransformRequest{Name: c.name(transformerID)})
	mustBeInvalid(err, "values_json")
	_, err = c.executions.Transform(ctx, &executionv1.TransformRequest{Name: c.name(scriptID), ParamsJson: `{"steps": 1}`, ValuesJson: []string{`1`}})
	mustFail(err, codes.FailedPrecondition, "NOT_A_TRANSFORMER")
}

// compact drops spaces, of which the texts compared here have none inside strings.
func compact(text string) string { return strings.ReplaceAll(text, " ", "") }

func transformedUntilTimeout(ctx context.Context, c *client) {
	code := "def transform(value):\n    while value == \"spin\":\n        pass\n    return value\n"
	c.create(ctx, "go-spin", code, &utilityv1.Limits{Timeout: durationpb.New(500 * time.Millisecond)})
	answer := c.transform(ctx, "go-spin", "", `"a"`, `"spin"`, `"b"`, `"c"`)
	expect(answer.Results[0].GetResultJson() == `"a"`, "results %v", answer.Results)
	for index, reason := range []string{"TIMEOUT", "NOT_RUN", "NOT_RUN"} {
		expect(answer.Results[index+1].GetFailure().GetReason() == reason, "result %d: %v", index+1, answer.Results[index+1])
	}
	execution := c.settled(ctx, answer.Execution)
	expect(execution.State == executionv1.ExecutionState_EXECUTION_STATE_TIMED_OUT && execution.FailedValueCount == 3, "execution %v", execution)
}

func largeIntegers(ctx context.Context, c *client) {
	c.create(ctx, "go-echo", "def transform(value, more=None):\n    return [value, more]\n", nil)
	answer := c.transform(ctx, "go-echo", `{"more": 123456789012345678901234567890}`, `9007199254740993`, `{"deep": [-9223372036854775809]}`)
	expect(compact(answer.Results[0].GetResultJson()) == `[9007199254740993,123456789012345678901234567890]`, "result %v", answer.Results[0])
	expect(compact(answer.Results[1].GetResultJson()) == `[{"deep":[-9223372036854775809]},123456789012345678901234567890]`, "result %v", answer.Results[1])
}

func parametersChecked(ctx context.Context, c *client) {
	_, err := c.executions.StartExecution(ctx, start(c.name(scriptID), `{"pause": "long", "unknown": true}`))
	mustBeInvalid(err, "params_json.pause", "params_json.steps", "params_json.unknown")
	_, err = c.executions.Transform(ctx, &executionv1.TransformRequest{
		Name: c.name(transformerID), ValuesJson: []string{`"a"`}, ParamsJson: `{"style": "sideways", "mark": 1}`,
	})
	mustBeInvalid(err, "params_json.mark", "params_json.style")
	for _, params := range []string{`[1]`, `{"steps": 1,}`, `{"steps": 1, "steps": 2}`, `nonsense`} {
		_, err = c.executions.StartExecution(ctx, start(c.name(scriptID), params))
		bad := mustFail(err, codes.InvalidArgument, "INVALID_FIELDS")
		expect(len(bad.fields()) == 1 && strings.HasPrefix(bad.fields()[0], "params_json"), "%s: violations %q", params, bad.fields())
	}
	none := must(c.executions.ListExecutions(ctx, &executionv1.ListExecutionsRequest{
		Parent: c.tenant, Filter: &executionv1.ExecutionFilter{Utility: c.name(scriptID)},
	}))
	expect(len(none.Executions) == 0, "something ran: %v", none.Executions)
}

func secretParameters(ctx context.Context, c *client) {
	code := "from typing import Annotated\n\n\ndef main(user: str, password: Annotated[str, \"secret\"]):\n    return [user, len(password)]\n"
	c.create(ctx, "go-secret", code, nil)
	stream := must(c.executions.ExecuteUtility(ctx, &executionv1.ExecuteUtilityRequest{
		Name: c.name("go-secret"), ParamsJson: `{"user": "ann", "password": "correct horse"}`,
	}))
	execution := finished(collect(stream, 0))
	expect(compact(execution.ResultJson) == `["ann",13]`, "result %s: %v", execution.ResultJson, execution.Failure)
	stored := must(c.executions.GetExecution(ctx, &executionv1.GetExecutionRequest{Name: execution.Name}))
	expect(strings.Contains(stored.ParamsJson, "ann") && !strings.Contains(stored.String(), "horse"), "stored %v", stored)
}
