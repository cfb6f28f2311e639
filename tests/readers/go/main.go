// Command readers reads JSON texts with Go's encoding/json and encoding/json/v2, and says what became of each. It takes one array of
// texts as its argument, and prints one object. It is built with GOEXPERIMENT=jsonv2.
package main

import (
	jsonv1 "encoding/json"
	jsonv2 "encoding/json/v2"
	"os"
	"strconv"
	"strings"
)

// said reads a text into an any, as whoever does not know what comes.
func said(text string, read func([]byte, any) error) string {
	var value any
	if err := read([]byte(text), &value); err != nil {
		return "refused"
	}
	number, ok := value.(float64)
	if !ok {
		return textSaid(value)
	}
	shown := strconv.FormatFloat(number, 'f', -1, 64)
	if number >= 1e21 {
		shown = strconv.FormatFloat(number, 'g', -1, 64)
	}
	if shown == text {
		return "kept"
	}
	return shown
}

// textSaid looks for the character that stands in for others; none of the texts holds it.
func textSaid(value any) string {
	if read, ok := value.(string); ok && strings.ContainsRune(read, '\uFFFD') {
		return "replaced"
	}
	return "kept"
}

func main() {
	var texts []string
	if err := jsonv1.Unmarshal([]byte(os.Args[1]), &texts); err != nil {
		panic(err)
	}
	answers := map[string][]string{}
	for _, text := range texts {
		answers["v1"] = append(answers["v1"], said(text, jsonv1.Unmarshal))
		answers["v2"] = append(answers["v2"], said(text, func(bytes []byte, value any) error { return jsonv2.Unmarshal(bytes, value) }))
	}
	if err := jsonv2.MarshalWrite(os.Stdout, answers); err != nil {
		panic(err)
	}
}
