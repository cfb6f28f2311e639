package main

import (
	"fmt"
	"slices"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errorDomain is where every reason of Zona is catalogued.
const errorDomain = "zona.dev"

// failure ends a chapter: an answer that differs from the contract.
type failure struct{ text string }

func (f failure) Error() string { return f.text }

// expect ends the chapter unless the condition holds.
func expect(condition bool, format string, arguments ...any) {
	if !condition {
		panic(failure{fmt.Sprintf(format, arguments...)})
	}
}

// must unwraps an answer that has to succeed.
func must[T any](answer T, err error) T {
	expect(err == nil, "unexpected error: %v", err)
	return answer
}

// details are the standard parts of an error that callers decide by.
type details struct {
	message       string
	info          *errdetails.ErrorInfo
	badRequest    *errdetails.BadRequest
	resource      *errdetails.ResourceInfo
	preconditions *errdetails.PreconditionFailure
}

// fields are those of every violation, sorted, each once.
func (d details) fields() []string {
	var fields []string
	for _, violation := range d.badRequest.GetFieldViolations() {
		expect(violation.Description != "", "a violation of %s without a description", violation.Field)
		fields = append(fields, violation.Field)
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// mustFail checks the code of an error, and that it carries an ErrorInfo with this reason, as every error does.
func mustFail(err error, code codes.Code, reason string) details {
	expect(err != nil, "expected %v, got an answer", code)
	answer := status.Convert(err)
	expect(answer.Code() == code, "expected %v, got %v: %s", code, answer.Code(), answer.Message())
	found := details{message: answer.Message()}
	for _, detail := range answer.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			found.info = detail
		case *errdetails.BadRequest:
			found.badRequest = detail
		case *errdetails.ResourceInfo:
			found.resource = detail
		case *errdetails.PreconditionFailure:
			found.preconditions = detail
		}
	}
	expect(found.info != nil, "%v without ErrorInfo: %s", code, answer.Message())
	expect(found.info.Domain == errorDomain, "ErrorInfo of domain %q", found.info.Domain)
	expect(found.info.Reason == reason, "reason %s where %s was due: %s", found.info.Reason, reason, answer.Message())
	return found
}

// mustBeInvalid checks that exactly these fields are violated.
func mustBeInvalid(err error, fields ...string) {
	bad := mustFail(err, codes.InvalidArgument, "INVALID_FIELDS")
	expect(slices.Equal(bad.fields(), fields), "violated fields %q where %q were due", bad.fields(), fields)
}
