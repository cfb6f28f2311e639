package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	executionv1 "github.com/zona-platform/zona/gen/zona/execution/v1"
	utilityv1 "github.com/zona-platform/zona/gen/zona/utility/v1"
)

func badRequest(ctx context.Context, c *client) {
	_, err := c.utilities.CreateUtility(ctx, &utilityv1.CreateUtilityRequest{
		Parent:    c.tenant,
		UtilityId: "Not A Name",
		Utility: &utilityv1.Utility{
			Code:        "def transform(value:\n",
			DisplayName: strings.Repeat("x", 101),
			Description: strings.Repeat("x", 4001),
			Tags:        []string{"fine", "not\tfine"},
			Limits:      &utilityv1.Limits{MemoryBytes: 1, Timeout: durationpb.New(time.Hour), OutputBytes: -1, OpenFiles: 1000},
		},
		Message: strings.Repeat("x", 501),
	})
	mustBeInvalid(err, "message", "utility.code", "utility.description", "utility.display_name", "utility.limits.memory_bytes",
		"utility.limits.open_files", "utility.limits.output_bytes", "utility.limits.timeout", "utility.tags[1]", "utility_id")

	_, err = c.utilities.CreateUtility(ctx, &utilityv1.CreateUtilityRequest{Parent: c.tenant, UtilityId: "go-empty"})
	bad := mustFail(err, codes.InvalidArgument, "INVALID_FIELDS")
	expect(len(bad.fields()) > 0, "violations %v", bad.badRequest)
	_, err = c.utilities.ListUtilities(ctx, &utilityv1.ListUtilitiesRequest{Parent: c.tenant, PageSize: -1})
	mustBeInvalid(err, "page_size")
	_, err = c.executions.StartExecution(ctx, &executionv1.StartExecutionRequest{
		Name: c.name(scriptID), Version: -1, Timeout: durationpb.New(-time.Second), RequestId: "?",
	})
	bad = mustFail(err, codes.InvalidArgument, "INVALID_FIELDS")
	for _, field := range []string{"request_id", "timeout", "version"} {
		expect(slices.Contains(bad.fields(), field), "%s is not among the violations %q", field, bad.fields())
	}
	_, err = c.utilities.GetUtility(ctx, &utilityv1.GetUtilityRequest{Name: "nonsense"})
	mustBeInvalid(err, "name")
}

func codeValidated(ctx context.Context, c *client) {
	validate := func(code string, kind utilityv1.UtilityKind) *utilityv1.ValidateCodeResponse {
		return must(c.utilities.ValidateCode(ctx, &utilityv1.ValidateCodeRequest{Parent: c.tenant, Code: []byte(code), Kind: kind}))
	}
	fine := validate("import json\nimport re\n\n\ndef transform(value):\n    return json.dumps(re.split(',', value))\n", 0)
	expect(fine.Accepted && fine.Kind == utilityv1.UtilityKind_UTILITY_KIND_TRANSFORMER, "report %v", fine)
	expect(len(fine.Imports) == 2 && fine.Imports[0].Module == "json" && fine.Imports[1].Line == 2, "imports %v", fine.Imports)
	expect(fine.Imports[0].Standing == utilityv1.Standing_STANDING_STANDARD_LIBRARY, "imports %v", fine.Imports)

	broken := validate("x = 1\nif x\n    pass\n", 0)
	expect(!broken.Accepted && len(broken.Findings) > 0, "report %v", broken)
	finding := broken.Findings[0]
	expect(finding.Line == 2 && finding.Column > 0 && finding.Family == "syntax" && finding.Severity == utilityv1.Severity_SEVERITY_ERROR, "finding %v", finding)
	expect(strings.HasPrefix(finding.Rule, "ZPY-") && finding.Message != "", "finding %v", finding)

	for _, code := range []string{"x = '\xff'\n", "x = 1\x00\n", strings.Repeat("#", 262_145), strings.Repeat("(", 60_000)} {
		report := validate(code, 0)
		expect(!report.Accepted && len(report.Findings) > 0, "%d bytes are accepted", len(code))
	}
	other := validate("def main():\n    return 1\n", utilityv1.UtilityKind_UTILITY_KIND_TRANSFORMER)
	expect(!other.Accepted, "a script passes as a transformer: %v", other)
}

func absent(ctx context.Context, c *client) {
	name := c.name("no-such-utility")
	execution := c.tenant + "/executions/00000000-0000-7000-8000-000000000000"
	calls := map[string]func() error{
		name: func() error {
			_, err := c.utilities.GetUtility(ctx, &utilityv1.GetUtilityRequest{Name: name})
			return err
		},
		c.name(transformerID) + "/versions/99": func() error {
			_, err := c.utilities.GetUtilityVersion(ctx, &utilityv1.GetUtilityVersionRequest{Name: c.name(transformerID) + "/versions/99"})
			return err
		},
		execution: func() error {
			_, err := c.executions.GetExecution(ctx, &executionv1.GetExecutionRequest{Name: execution})
			return err
		},
	}
	for resource, call := range calls {
		missing := mustFail(call(), codes.NotFound, "NOT_FOUND")
		expect(missing.resource.GetResourceName() == resource, "resource %v where %s was due", missing.resource, resource)
	}
	_, err := c.executions.StartExecution(ctx, start(name, ""))
	mustFail(err, codes.NotFound, "NOT_FOUND")
	stream := must(c.executions.WatchExecution(ctx, &executionv1.WatchExecutionRequest{Name: execution}))
	_, err = stream.Recv()
	mustFail(err, codes.NotFound, "NOT_FOUND")
}

// denied asks for the same id in another tenant, once for an id that exists in ours and once for one that exists nowhere: the
// two answers must not differ in anything but that id.
func denied(ctx context.Context, c *client) {
	const other = "tenants/other"
	calls := []func(id string) error{
		func(id string) error {
			_, err := c.utilities.GetUtility(ctx, &utilityv1.GetUtilityRequest{Name: other + "/utilities/" + id})
			return err
		},
		func(id string) error {
			// A body full of mistakes: who is denied learns nothing about it.
			_, err := c.utilities.UpdateUtility(ctx, &utilityv1.UpdateUtilityRequest{
				Utility: &utilityv1.Utility{Name: other + "/utilities/" + id, Code: "(", DisplayName: strings.Repeat("x", 1000)},
			})
			return err
		},
		func(id string) error {
			_, err := c.utilities.DeleteUtility(ctx, &utilityv1.DeleteUtilityRequest{Name: other + "/utilities/" + id})
			return err
		},
		func(id string) error {
			_, err := c.executions.Transform(ctx, &executionv1.TransformRequest{Name: other + "/utilities/" + id, ValuesJson: []string{"1"}})
			return err
		},
		func(id string) error {
			stream, err := c.executions.ExecuteUtility(ctx, &executionv1.ExecuteUtilityRequest{Name: other + "/utilities/" + id})
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		},
	}
	for number, call := range calls {
		var texts []string
		for _, id := range []string{transformerID, "no-such-utility"} {
			err := call(id)
			refused := mustFail(err, codes.PermissionDenied, "PERMISSION_DENIED")
			expect(refused.info.Metadata["action"] != "", "call %d: no action in %v", number, refused.info)
			expect(refused.badRequest == nil, "call %d tells about the body: %v", number, refused.badRequest)
			text := fmt.Sprint(status.Convert(err).Message(), refused.info.Metadata["action"], refused.resource != nil, len(status.Convert(err).Details()))
			texts = append(texts, strings.ReplaceAll(text, id, "ID"))
		}
		expect(texts[0] == texts[1], "call %d tells existing from missing: %q", number, texts)
	}
	_, err := c.utilities.ListUtilities(ctx, &utilityv1.ListUtilitiesRequest{Parent: other})
	mustFail(err, codes.PermissionDenied, "PERMISSION_DENIED")
	_, err = c.executions.ListExecutions(ctx, &executionv1.ListExecutionsRequest{Parent: other})
	mustFail(err, codes.PermissionDenied, "PERMISSION_DENIED")
}
