package main

import (
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

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
	info          *errdetails.ErrorInfo
	badRequest    *errdetails.BadRequest
	resource      *errdetails.ResourceInfo
	preconditions *errdetails.PreconditionFailure
}

// mustFail checks the code of an error, and that it carries an ErrorInfo with a reason and a domain, as every error does.
func mustFail(err error, code codes.Code) details {
	expect(err != nil, "expected %v, got an answer", code)
	answer := status.Convert(err)
	expect(answer.Code() == code, "expected %v, got %v: %s", code, answer.Code(), answer.Message())
	var found details
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
	expect(found.info.Reason != "" && found.info.Domain != "", "ErrorInfo without reason or domain: %v", found.info)
	return found
}
