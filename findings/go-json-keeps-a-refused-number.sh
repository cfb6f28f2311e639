#!/bin/bash
# Go's encoding/json refuses 1e400 for a float64 and leaves the target as it was; built with GOEXPERIMENT=jsonv2, the same package
# returns the same error and stores the largest float64 in the target.
#
# Version: Go 1.26 (1.26.8).
# Behavior: the experiment replaces what is below encoding/json, which promises to behave as before. For a number out of range the error
#   stays, but the target is overwritten with 1.7976931348623157e+308 (in an `any`, too, where nil stood).
# Seen:
#   plain:  7.5 | [<nil>] | true true
#   jsonv2: 1.7976931348623157e+308 | [1.7976931348623157e+308] | true true
# Why it matters: code that sets a default, decodes into it and goes on with the default after an error of type or range.
# Needs: Go 1.26; no network.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf 'module finding\n\ngo 1.26\n' > go.mod
cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
)

func main() {
	number := 7.5
	first := json.Unmarshal([]byte("1e400"), &number)
	var list any
	second := json.Unmarshal([]byte("[1e400]"), &list)
	fmt.Println(number, "|", list, "|", first != nil, second != nil)
}
GO
plain=$(GOEXPERIMENT= go run .)
v2=$(GOEXPERIMENT=jsonv2 go run .)
echo "plain:  $plain"
echo "jsonv2: $v2"
[ "$plain" = "7.5 | [<nil>] | true true" ] || { echo "changed without the experiment"; exit 1; }
[ "$v2" = "1.7976931348623157e+308 | [1.7976931348623157e+308] | true true" ] || { echo "changed with the experiment"; exit 1; }
