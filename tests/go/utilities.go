package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"

	utilityv1 "github.com/zona-platform/zona/gen/zona/utility/v1"
)

const (
	transformerID = "go-shout"
	scriptID      = "go-count"

	firstCode = `from typing import Annotated, Literal


def transform(value: str, mark: str = "!", style: Literal["upper", "lower"] = "upper", key: Annotated[str, "secret"] = "") -> str:
    text = value.upper() if style == "upper" else value.lower()
    return text + mark
`
	scriptCode = `import time


def main(steps: int, pause: float = 0.0, fail_at: int = -1) -> dict:
    for step in range(steps):
        print(f"step {step}")
        if step == fail_at:
            raise ValueError(f"step {step} is bad")
        time.sleep(pause)
    return {"steps": steps, "large": 9007199254740993}
`
)

func (c *client) name(id string) string { return c.tenant + "/utilities/" + id }

func (c *client) get(ctx context.Context, id string) *utilityv1.Utility {
	return must(c.utilities.GetUtility(ctx, &utilityv1.GetUtilityRequest{Name: c.name(id)}))
}

// create makes a utility of the code and nothing else.
func (c *client) create(ctx context.Context, id, code string, limits *utilityv1.Limits) *utilityv1.Utility {
	return must(c.utilities.CreateUtility(ctx, &utilityv1.CreateUtilityRequest{
		Parent: c.tenant, UtilityId: id, Utility: &utilityv1.Utility{Code: code, Limits: limits},
	}))
}

func sum(code string) string {
	digest := sha256.Sum256([]byte(code))
	return hex.EncodeToString(digest[:])
}

func healthy(ctx context.Context, c *client) {
	for _, service := range []string{"", "zona.utility.v1.UtilityService", "zona.execution.v1.ExecutionService"} {
		answer := must(c.health.Check(ctx, &healthpb.HealthCheckRequest{Service: service}))
		expect(answer.Status == healthpb.HealthCheckResponse_SERVING, "%q is %v", service, answer.Status)
	}
}

func transformerCreated(ctx context.Context, c *client) {
	made := must(c.utilities.CreateUtility(ctx, &utilityv1.CreateUtilityRequest{
		Parent:    c.tenant,
		UtilityId: transformerID,
		Utility: &utilityv1.Utility{
			Code: firstCode, Tags: []string{"text", "go", "go"}, DisplayName: "Shout", Description: "Shouts.", Owner: "tenants/demo/users/somebody-else",
		},
		Message: "the first shout",
	}))
	expect(made.Name == c.name(transformerID) && made.Uid != "", "name %q, uid %q", made.Name, made.Uid)
	expect(made.Kind == utilityv1.UtilityKind_UTILITY_KIND_TRANSFORMER, "kind %v", made.Kind)
	expect(made.State == utilityv1.UtilityState_UTILITY_STATE_ACTIVE && made.LatestVersion == 1, "state %v, version %d", made.State, made.LatestVersion)
	expect(made.Owner == c.caller, "the owner is the caller, not %q", made.Owner)
	expect(made.Etag != "" && made.CodeSha256 == sum(firstCode) && len(made.ContentHash) == 64, "etag %q, code %q, content %q", made.Etag, made.CodeSha256, made.ContentHash)
	expect(slices.Equal(made.Tags, []string{"go", "text"}), "tags %q", made.Tags)
	limits := made.Limits
	expect(limits.GetMemoryBytes() == 256<<20 && limits.GetTimeout().AsDuration().Seconds() == 10 && limits.GetOutputBytes() == 1<<20, "default limits %v", limits)

	expect(len(made.Parameters) == 3, "the value is no parameter: %v", made.Parameters)
	mark, style, key := made.Parameters[0], made.Parameters[1], made.Parameters[2]
	expect(mark.Name == "mark" && mark.ValueType == utilityv1.ValueType_VALUE_TYPE_STRING && !mark.Required && mark.GetDefaultJson() == `"!"`, "parameter %v", mark)
	expect(style.Name == "style" && slices.Equal(style.EnumJson, []string{`"upper"`, `"lower"`}), "parameter %v", style)
	expect(key.Name == "key" && key.Secret && key.DefaultJson == nil, "parameter %v", key)
	expect(proto.Equal(made, c.get(ctx, transformerID)), "what is read differs from what was made")
}

func scriptCreated(ctx context.Context, c *client) {
	made := must(c.utilities.CreateUtility(ctx, &utilityv1.CreateUtilityRequest{
		Parent: c.tenant, UtilityId: scriptID, Utility: &utilityv1.Utility{Code: scriptCode, Tags: []string{"go"}, Kind: utilityv1.UtilityKind_UTILITY_KIND_SCRIPT},
	}))
	expect(made.Kind == utilityv1.UtilityKind_UTILITY_KIND_SCRIPT, "kind %v", made.Kind)
	steps := made.Parameters[0]
	expect(steps.Name == "steps" && steps.Required && steps.ValueType == utilityv1.ValueType_VALUE_TYPE_INTEGER, "parameter %v", steps)
}

func dryRun(ctx context.Context, c *client) {
	request := &utilityv1.CreateUtilityRequest{
		Parent: c.tenant, UtilityId: "go-dry-run", Utility: &utilityv1.Utility{Code: firstCode}, ValidateOnly: true,
	}
	answer := must(c.utilities.CreateUtility(ctx, request))
	expect(answer.Name == c.name("go-dry-run") && len(answer.Parameters) == 3, "answer %v", answer)
	_, err := c.utilities.GetUtility(ctx, &utilityv1.GetUtilityRequest{Name: answer.Name})
	mustFail(err, codes.NotFound, "NOT_FOUND")
}

func nameTaken(ctx context.Context, c *client) {
	_, err := c.utilities.CreateUtility(ctx, &utilityv1.CreateUtilityRequest{
		Parent: c.tenant, UtilityId: transformerID, Utility: &utilityv1.Utility{Code: scriptCode},
	})
	taken := mustFail(err, codes.AlreadyExists, "ALREADY_EXISTS")
	expect(taken.resource.GetResourceName() == c.name(transformerID), "resource %v", taken.resource)
}

func createRepeated(ctx context.Context, c *client) {
	request := &utilityv1.CreateUtilityRequest{
		Parent: c.tenant, UtilityId: "go-once", Utility: &utilityv1.Utility{Code: firstCode}, RequestId: "0b2f2c1e-6a4e-4d5c-9b52-5f1d2f6f0a01",
	}
	first := must(c.utilities.CreateUtility(ctx, request))
	again := must(c.utilities.CreateUtility(ctx, request))
	expect(proto.Equal(first, again), "the same request id gives another answer: %v and %v", first, again)

	other := proto.Clone(request).(*utilityv1.CreateUtilityRequest)
	other.Utility.Description = "Whispers."
	_, err := c.utilities.CreateUtility(ctx, other)
	reused := mustFail(err, codes.FailedPrecondition, "REQUEST_ID_REUSED")
	expect(len(reused.preconditions.GetViolations()) == 1, "preconditions %v", reused.preconditions)

	other.RequestId = "not-a-uuid"
	_, err = c.utilities.CreateUtility(ctx, other)
	mustBeInvalid(err, "request_id")
}

func utilitiesListed(ctx context.Context, c *client) {
	for number := range 5 {
		must(c.utilities.CreateUtility(ctx, &utilityv1.CreateUtilityRequest{
			Parent: c.tenant, UtilityId: fmt.Sprintf("go-paged-%d", number), Utility: &utilityv1.Utility{Code: firstCode, Tags: []string{"go-paged"}},
		}))
	}
	filter := &utilityv1.UtilityFilter{Tag: "go-paged"}
	var names []string
	var sizes []int
	token := ""
	for {
		page := must(c.utilities.ListUtilities(ctx, &utilityv1.ListUtilitiesRequest{Parent: c.tenant, PageSize: 2, PageToken: token, Filter: filter}))
		sizes = append(sizes, len(page.Utilities))
		for _, utility := range page.Utilities {
			expect(utility.Code == "" && len(utility.Parameters) == 0, "%s is listed with code or parameters", utility.Name)
			names = append(names, utility.Name)
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	expect(slices.Equal(sizes, []int{2, 2, 1}), "pages of %v", sizes)
	expect(slices.IsSorted(names) && len(slices.Compact(names)) == 5, "names %q", names)

	first := must(c.utilities.ListUtilities(ctx, &utilityv1.ListUtilitiesRequest{Parent: c.tenant, PageSize: 2, Filter: filter}))
	for _, request := range []*utilityv1.ListUtilitiesRequest{
		{Parent: c.tenant, PageToken: first.NextPageToken},
		{Parent: c.tenant, PageToken: first.NextPageToken, Filter: filter, Order: utilityv1.UtilityOrder_UTILITY_ORDER_CREATE_TIME_DESC},
		{Parent: c.tenant, PageToken: first.NextPageToken + "x", Filter: filter},
		{Parent: c.tenant, PageToken: "nonsense", Filter: filter},
	} {
		_, err := c.utilities.ListUtilities(ctx, request)
		mustBeInvalid(err, "page_token")
	}
}

func utilitiesFiltered(ctx context.Context, c *client) {
	list := func(filter *utilityv1.UtilityFilter, order utilityv1.UtilityOrder) []string {
		page := must(c.utilities.ListUtilities(ctx, &utilityv1.ListUtilitiesRequest{Parent: c.tenant, Filter: filter, Order: order, PageSize: 1000}))
		var ids []string
		for _, utility := range page.Utilities {
			ids = append(ids, strings.TrimPrefix(utility.Name, c.tenant+"/utilities/"))
		}
		return ids
	}
	script := utilityv1.UtilityKind_UTILITY_KIND_SCRIPT
	newest := utilityv1.UtilityOrder_UTILITY_ORDER_CREATE_TIME_DESC
	expect(slices.Equal(list(&utilityv1.UtilityFilter{Tag: "go", Kind: script}, 0), []string{scriptID}), "by kind and tag")
	expect(slices.Equal(list(&utilityv1.UtilityFilter{NamePrefix: "go-sh"}, 0), []string{transformerID}), "by prefix")
	expect(slices.Equal(list(&utilityv1.UtilityFilter{Tag: "go"}, newest), []string{scriptID, transformerID}), "newest first")
	expect(len(list(&utilityv1.UtilityFilter{Owner: c.caller, NamePrefix: "go-paged-"}, 0)) == 5, "by owner")
	expect(len(list(&utilityv1.UtilityFilter{Owner: c.tenant + "/users/nobody"}, 0)) == 0, "nobody owns anything")
}

func deleted(ctx context.Context, c *client) {
	gone := must(c.utilities.DeleteUtility(ctx, &utilityv1.DeleteUtilityRequest{Name: c.name(scriptID)}))
	expect(gone.State == utilityv1.UtilityState_UTILITY_STATE_DELETED && gone.DeleteTime != nil, "state %v", gone.State)
	expect(c.get(ctx, scriptID).State == utilityv1.UtilityState_UTILITY_STATE_DELETED, "a deleted utility can be read")
	list := func(filter *utilityv1.UtilityFilter) int {
		return len(must(c.utilities.ListUtilities(ctx, &utilityv1.ListUtilitiesRequest{Parent: c.tenant, Filter: filter})).Utilities)
	}
	expect(list(&utilityv1.UtilityFilter{NamePrefix: scriptID}) == 0, "a deleted utility is listed")
	expect(list(&utilityv1.UtilityFilter{NamePrefix: scriptID, ShowDeleted: true}) == 1, "a deleted utility is not listed where asked for")

	_, err := c.executions.StartExecution(ctx, start(c.name(scriptID), `{"steps": 1}`))
	mustFail(err, codes.FailedPrecondition, "UTILITY_DELETED")
	_, err = c.utilities.DeleteUtility(ctx, &utilityv1.DeleteUtilityRequest{Name: c.name(scriptID)})
	mustFail(err, codes.FailedPrecondition, "UTILITY_DELETED")
	_, err = c.utilities.CreateUtility(ctx, &utilityv1.CreateUtilityRequest{Parent: c.tenant, UtilityId: scriptID, Utility: &utilityv1.Utility{Code: scriptCode}})
	mustFail(err, codes.AlreadyExists, "ALREADY_EXISTS")

	back := must(c.utilities.UndeleteUtility(ctx, &utilityv1.UndeleteUtilityRequest{Name: c.name(scriptID)}))
	expect(back.State == utilityv1.UtilityState_UTILITY_STATE_ACTIVE && back.DeleteTime == nil, "state %v", back.State)
	expect(back.Uid == gone.Uid, "another utility came back")
	_, err = c.utilities.UndeleteUtility(ctx, &utilityv1.UndeleteUtilityRequest{Name: c.name(scriptID)})
	mustFail(err, codes.FailedPrecondition, "UTILITY_NOT_DELETED")
	must(c.executions.StartExecution(ctx, start(c.name(scriptID), `{"steps": 1}`)))
}
