#!/bin/bash
# Generates the Go clients from the protos as they are now, and builds the program.
# Usage: build.sh OUTPUT. Needs go, buf, protoc-gen-go and protoc-gen-go-grpc on PATH.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
output="$(realpath -m "${1:?usage: build.sh OUTPUT}")"
cd "$here/../.."
rm -rf "$here/gen"
buf generate --template tests/go/buf.gen.yaml --path proto/zona --output tests/go
cd "$here"
# The committed go.mod and go.sum decide, whatever the caller's settings are.
export GOFLAGS=-mod=readonly GOWORK=off
go vet ./...
go build -trimpath -buildvcs=false -o "$output" .
