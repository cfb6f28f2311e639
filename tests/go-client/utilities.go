package main

import (
	"context"
	"strings"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	utilityv1 "github.com/zona-platform/zona/gen/zona/utility/v1"
)

const (
	transformerID = "go-shout"
	scriptID      = "go-count"
	createRequest = "0b2f2c1e-6a4e-4d5c-9b52-5f1d2f6f0a01"

	firstCode  = "def transform(value: str, mark: str = '!') -> str:\n    return value.upper() + mark\n"
	secondCode = "def transform(value: str, mark: str = '!', times: int = 1) -> str:\n    return value.upper() + mark * times\n"
	scriptCode = `import sys
import time


def main(steps: int, pause: float = 0.0) -> dict:
    for step in range(steps):
        print(f"step {step}")
        time.sleep(pause)
    print("done", file=sys.stderr)
    return {"steps": steps, "large": 9007199254740993}
`
)

func (c *client) name(id string) string { return c.tenant + "/utilities/" + id }

func (c *client) get(ctx context.Context, id string) *utilityv1.Utility {
	return must(c.utilities.GetUtility(ctx, &utilityv1.GetUtilityRequest{Name: c.name(id)}))
}

func healthy(ctx context.Context, c *client) {
	answer := must(c.health.Check(ctx, &healthpb.HealthCheckRequest{}))
	expect(answer.Status == healthpb.HealthCheckResponse_SERVING, "status %v", answer.Status)
}

func created(ctx context.Context, c *client) {
	request := &utilityv1.CreateUtilityRequest{
		Parent:    c.tenant,
		UtilityId: transformerID,
		Utility:   &utilityv1.Utility{Code: firstCode, Tags: []string{"go"}, Description: "Shouts."},
		RequestId: createRequest,
	}
	first := must(c.utilities.CreateUtility(ctx, request))
	expect(first.Name == c.name(transformerID), "name %q", first.Name)
	expect(first.Kind == utilityv1.UtilityKind_UTILITY_KIND_TRANSFORMER, "kind %v", first.Kind)
	expect(first.LatestVersion == 1 && first.Etag != "" && first.Owner != "", "version %d, etag %q, owner %q", first.LatestVersion, first.Etag, first.Owner)
	expect(len(first.Parameters) == 1 && first.Parameters[0].GetDefaultJson() == `"!"`, "parameters %v", first.Parameters)

	again := must(c.utilities.CreateUtility(ctx, request))
	expect(proto.Equal(first, again), "the same request_id gives another answer: %v and %v", first, again)

	other := proto.Clone(request).(*utilityv1.CreateUtilityRequest)
	other.Utility.Description = "Whispers."
	_, err := c.utilities.CreateUtility(ctx, other)
	mustFail(err, codes.FailedPrecondition)

	other.RequestId = ""
	_, err = c.utilities.CreateUtility(ctx, other)
	taken := mustFail(err, codes.AlreadyExists)
	expect(taken.resource != nil && taken.resource.ResourceName == first.Name, "resource %v", taken.resource)

	script := &utilityv1.CreateUtilityRequest{Parent: c.tenant, UtilityId: scriptID, Utility: &utilityv1.Utility{Code: scriptCode, Tags: []string{"go"}}}
	expect(must(c.utilities.CreateUtility(ctx, script)).Kind == utilityv1.UtilityKind_UTILITY_KIND_SCRIPT, "a script")

	page := must(c.utilities.ListUtilities(ctx, &utilityv1.ListUtilitiesRequest{Parent: c.tenant, PageSize: 1, Filter: &utilityv1.UtilityFilter{Tag: "go"}}))
	expect(len(page.Utilities) == 1 && page.NextPageToken != "", "first page %v", page)
	page = must(c.utilities.ListUtilities(ctx, &utilityv1.ListUtilitiesRequest{
		Parent: c.tenant, PageSize: 1, PageToken: page.NextPageToken, Filter: &utilityv1.UtilityFilter{Tag: "go"},
	}))
	expect(len(page.Utilities) == 1 && page.NextPageToken == "", "last page %v", page)
}

func refused(ctx context.Context, c *client) {
	_, err := c.utilities.CreateUtility(ctx, &utilityv1.CreateUtilityRequest{
		Parent:    c.tenant,
		UtilityId: "Not A Name",
		Utility:   &utilityv1.Utility{Code: "def transform(value:\n", DisplayName: strings.Repeat("x", 10_000)},
	})
	bad := mustFail(err, codes.InvalidArgument)
	expect(bad.badRequest != nil && len(bad.badRequest.FieldViolations) >= 3, "violations %v", bad.badRequest)

	absent := c.name("no-such-utility")
	_, err = c.utilities.GetUtility(ctx, &utilityv1.GetUtilityRequest{Name: absent})
	missing := mustFail(err, codes.NotFound)
	expect(missing.resource != nil && missing.resource.ResourceName == absent, "resource %v", missing.resource)

	report := must(c.utilities.ValidateCode(ctx, &utilityv1.ValidateCodeRequest{Parent: c.tenant, Code: []byte("x = 1\nif x\n    pass\n")}))
	expect(!report.Accepted && len(report.Findings) > 0 && report.Findings[0].Line == 2, "report %v", report)
}

func updated(ctx context.Context, c *client) {
	before := c.get(ctx, transformerID)
	request := &utilityv1.UpdateUtilityRequest{
		Utility:    &utilityv1.Utility{Name: before.Name, Code: secondCode, Etag: before.Etag},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"code"}},
		Message:    "shout louder",
	}
	after := must(c.utilities.UpdateUtility(ctx, request))
	expect(after.LatestVersion == 2 && after.Etag != before.Etag, "version %d", after.LatestVersion)
	expect(after.Description == before.Description, "a field outside the mask changed: %q", after.Description)

	request.Utility.Code = firstCode
	_, err := c.utilities.UpdateUtility(ctx, request)
	mustFail(err, codes.Aborted)

	same := must(c.utilities.UpdateUtility(ctx, &utilityv1.UpdateUtilityRequest{
		Utility:    &utilityv1.Utility{Name: before.Name, Code: secondCode},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"code"}},
	}))
	expect(same.LatestVersion == 2, "equal content made version %d", same.LatestVersion)
}

func versioned(ctx context.Context, c *client) {
	name := c.name(transformerID)
	page := must(c.utilities.ListUtilityVersions(ctx, &utilityv1.ListUtilityVersionsRequest{Parent: name}))
	expect(len(page.Versions) == 2, "%d versions", len(page.Versions))
	second := must(c.utilities.GetUtilityVersion(ctx, &utilityv1.GetUtilityVersionRequest{Name: name + "/versions/2"}))
	expect(second.Code == secondCode && second.Message == "shout louder", "version %v", second)

	diff := must(c.utilities.DiffUtilityVersions(ctx, &utilityv1.DiffUtilityVersionsRequest{Name: name, FromVersion: 1, ToVersion: 2}))
	expect(strings.Contains(diff.UnifiedDiff, "+    return value.upper() + mark * times"), "diff %q", diff.UnifiedDiff)
	expect(diff.AddedLines == 2 && diff.RemovedLines == 2, "+%d -%d", diff.AddedLines, diff.RemovedLines)

	restored := must(c.utilities.RestoreUtilityVersion(ctx, &utilityv1.RestoreUtilityVersionRequest{Name: name + "/versions/1"}))
	expect(restored.LatestVersion == 3 && restored.Code == firstCode, "version %d: %q", restored.LatestVersion, restored.Code)
}

func deleted(ctx context.Context, c *client) {
	gone := must(c.utilities.DeleteUtility(ctx, &utilityv1.DeleteUtilityRequest{Name: c.name(scriptID)}))
	expect(gone.State == utilityv1.UtilityState_UTILITY_STATE_DELETED, "state %v", gone.State)
	page := must(c.utilities.ListUtilities(ctx, &utilityv1.ListUtilitiesRequest{Parent: c.tenant, Filter: &utilityv1.UtilityFilter{Tag: "go"}}))
	expect(len(page.Utilities) == 1, "a deleted utility is listed: %v", page.Utilities)

	_, err := c.executions.StartExecution(ctx, start(c.name(scriptID), `{"steps": 1}`))
	mustFail(err, codes.FailedPrecondition)
	back := must(c.utilities.UndeleteUtility(ctx, &utilityv1.UndeleteUtilityRequest{Name: c.name(scriptID)}))
	expect(back.State == utilityv1.UtilityState_UTILITY_STATE_ACTIVE, "state %v", back.State)
}
