package main

import (
	"errors"
	"io"

	"google.golang.org/grpc"

	executionv1 "github.com/zona-platform/zona/gen/zona/execution/v1"
)

const (
	stdout = executionv1.OutputStream_OUTPUT_STREAM_STDOUT
	stderr = executionv1.OutputStream_OUTPUT_STREAM_STDERR
)

func start(name, params string) *executionv1.StartExecutionRequest {
	return &executionv1.StartExecutionRequest{Name: name, ParamsJson: params}
}

// next reads one numbered event and checks that it follows `after`.
func next(stream grpc.ServerStreamingClient[executionv1.ExecutionEvent], after int64) *executionv1.ExecutionEvent {
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		expect(err == nil, "the stream broke: %v", err)
		if event.GetHeartbeat() != nil {
			continue
		}
		expect(event.Sequence == after+1, "event %d where %d was due", event.Sequence, after+1)
		expect(event.Time != nil, "event %d without a time", event.Sequence)
		return event
	}
}

// collect reads a stream to its end.
func collect(stream grpc.ServerStreamingClient[executionv1.ExecutionEvent], after int64) []*executionv1.ExecutionEvent {
	var events []*executionv1.ExecutionEvent
	for {
		event := next(stream, after)
		if event == nil {
			return events
		}
		after = event.Sequence
		events = append(events, event)
	}
}

// printed joins what went to one stream, checking the offsets and sizes.
func printed(events []*executionv1.ExecutionEvent, stream executionv1.OutputStream) string {
	var text []byte
	for _, event := range events {
		if output := event.GetOutput(); output != nil && output.Stream == stream {
			expect(output.Offset == int64(len(text)), "offset %d after %d bytes", output.Offset, len(text))
			expect(len(output.Data) > 0 && len(output.Data) <= 65_536, "an event of %d bytes", len(output.Data))
			text = append(text, output.Data...)
		}
	}
	return string(text)
}

// finished checks the order of the events, and answers the execution as the last one carries it.
func finished(events []*executionv1.ExecutionEvent) *executionv1.Execution {
	expect(len(events) > 1, "%d events", len(events))
	expect(events[0].GetQueued().GetExecution() != "", "the first event is %v", events[0])
	last := events[len(events)-1].GetFinished()
	expect(last != nil, "the last event is %v", events[len(events)-1])
	expect(last.Execution.LastSequence == events[len(events)-1].Sequence, "last sequence %d", last.Execution.LastSequence)
	started := 0
	for _, event := range events[1 : len(events)-1] {
		if event.GetStarted() != nil {
			started++
		}
		expect(event.GetOutput() == nil || started == 1, "output before the start")
	}
	expect(started == 1, "%d starts", started)
	return last.Execution
}
