#!/bin/bash
# Builds the reader of Compose files that docker compose has. Usage: build.sh OUTPUT. Needs go on PATH.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
output="$(realpath -m "${1:?usage: build.sh OUTPUT}")"
cd "$here"
# The committed go.mod and go.sum decide, whatever the caller's settings are.
export GOFLAGS=-mod=readonly GOWORK=off
go vet ./...
go build -trimpath -buildvcs=false -o "$output" .
