package main

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	utilityv1 "github.com/zona-platform/zona/gen/zona/utility/v1"
)

var secondCode = strings.Replace(strings.Replace(firstCode, "text + mark", "text + mark * times", 1), `mark: str = "!"`, `mark: str = "!", times: int = 1`, 1)

func mask(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }

func updated(ctx context.Context, c *client) {
	before := c.get(ctx, transformerID)
	after := must(c.utilities.UpdateUtility(ctx, &utilityv1.UpdateUtilityRequest{
		Utility:    &utilityv1.Utility{Name: before.Name, Code: secondCode, Description: "not in the mask", Etag: before.Etag},
		UpdateMask: mask("code"),
		Message:    "shout louder",
	}))
	expect(after.LatestVersion == 2 && after.Etag != before.Etag, "version %d", after.LatestVersion)
	expect(after.Description == before.Description, "a field outside the mask changed: %q", after.Description)
	expect(len(after.Parameters) == 4 && after.Parameters[1].Name == "times", "parameters are not inferred again: %v", after.Parameters)

	same := must(c.utilities.UpdateUtility(ctx, &utilityv1.UpdateUtilityRequest{
		Utility: &utilityv1.Utility{Name: before.Name, Code: secondCode}, UpdateMask: mask("code"),
	}))
	expect(same.LatestVersion == 2, "equal content made version %d", same.LatestVersion)
	renamed := must(c.utilities.UpdateUtility(ctx, &utilityv1.UpdateUtilityRequest{
		Utility: &utilityv1.Utility{Name: before.Name, DisplayName: "Shout louder"}, UpdateMask: mask("display_name", "tags"),
	}))
	expect(renamed.LatestVersion == 2 && renamed.DisplayName == "Shout louder" && len(renamed.Tags) == 0, "metadata %v", renamed)
	expect(renamed.Code == secondCode, "code changed")

	_, err := c.utilities.UpdateUtility(ctx, &utilityv1.UpdateUtilityRequest{
		Utility: &utilityv1.Utility{Name: before.Name}, UpdateMask: mask("display_name", "owner"),
	})
	bad := mustFail(err, codes.InvalidArgument, "INVALID_FIELDS")
	expect(len(bad.fields()) == 1 && strings.HasPrefix(bad.fields()[0], "update_mask"), "violations %q", bad.fields())
}

func stale(ctx context.Context, c *client) {
	before := c.get(ctx, transformerID)
	touch := func(etag, description string) error {
		_, err := c.utilities.UpdateUtility(ctx, &utilityv1.UpdateUtilityRequest{
			Utility: &utilityv1.Utility{Name: before.Name, Description: description, Etag: etag}, UpdateMask: mask("description"),
		})
		return err
	}
	expect(touch(before.Etag, "Shouts loudly.") == nil, "the current etag is refused")
	conflict := mustFail(touch(before.Etag, "Shouts softly."), codes.Aborted, "ETAG_MISMATCH")
	expect(conflict.info.Metadata["resource"] == before.Name, "metadata %v", conflict.info.Metadata)
	_, err := c.utilities.DeleteUtility(ctx, &utilityv1.DeleteUtilityRequest{Name: before.Name, Etag: before.Etag})
	mustFail(err, codes.Aborted, "ETAG_MISMATCH")
	expect(c.get(ctx, transformerID).Description == "Shouts loudly.", "a refused write changed something")
}

func versioned(ctx context.Context, c *client) {
	name := c.name(transformerID)
	var numbers []int32
	token := ""
	for {
		page := must(c.utilities.ListUtilityVersions(ctx, &utilityv1.ListUtilityVersionsRequest{Parent: name, PageSize: 1, PageToken: token}))
		expect(len(page.Versions) == 1, "a page of %d", len(page.Versions))
		expect(page.Versions[0].Code == "" && page.Versions[0].CodeSha256 != "", "listed version %v", page.Versions[0])
		numbers = append(numbers, page.Versions[0].Version)
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	expect(slices.Equal(numbers, []int32{2, 1}), "versions %v", numbers)
	second := must(c.utilities.GetUtilityVersion(ctx, &utilityv1.GetUtilityVersionRequest{Name: name + "/versions/2"}))
	expect(second.Code == secondCode && second.Message == "shout louder" && second.CodeSha256 == sum(secondCode), "version %v", second)
	expect(second.Author == c.caller && second.CreateTime != nil, "version %v", second)
	first := must(c.utilities.GetUtilityVersion(ctx, &utilityv1.GetUtilityVersionRequest{Name: name + "/versions/1"}))
	expect(first.Code == firstCode && len(first.Parameters) == 3, "version %v", first)
}

func compared(ctx context.Context, c *client) {
	name := c.name(transformerID)
	diff := must(c.utilities.DiffUtilityVersions(ctx, &utilityv1.DiffUtilityVersionsRequest{Name: name, FromVersion: 1, ToVersion: 2}))
	expect(strings.Contains(diff.UnifiedDiff, "\n-    return text + mark\n+    return text + mark * times\n"), "diff %q", diff.UnifiedDiff)
	expect(diff.AddedLines == 2 && diff.RemovedLines == 2, "+%d -%d", diff.AddedLines, diff.RemovedLines)
	expect(slices.Equal(diff.ChangedFields, []string{"code", "parameters"}), "changed %q", diff.ChangedFields)
	latest := must(c.utilities.DiffUtilityVersions(ctx, &utilityv1.DiffUtilityVersionsRequest{Name: name}))
	expect(proto.Equal(latest, diff), "the default is the latest change: %v", latest)
}

func restored(ctx context.Context, c *client) {
	name := c.name(transformerID)
	request := &utilityv1.RestoreUtilityVersionRequest{Name: name + "/versions/1", RequestId: "0b2f2c1e-6a4e-4d5c-9b52-5f1d2f6f0a02"}
	back := must(c.utilities.RestoreUtilityVersion(ctx, request))
	expect(back.LatestVersion == 3 && back.Code == firstCode && len(back.Parameters) == 3, "version %d: %q", back.LatestVersion, back.Code)
	again := must(c.utilities.RestoreUtilityVersion(ctx, request))
	expect(again.LatestVersion == 3, "a repeated restore made version %d", again.LatestVersion)
	third := must(c.utilities.GetUtilityVersion(ctx, &utilityv1.GetUtilityVersionRequest{Name: name + "/versions/3"}))
	expect(strings.Contains(third.Message, "1"), "the message names the restored version: %q", third.Message)
}
