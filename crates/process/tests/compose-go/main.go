// Reads Compose files with compose-go, as docker compose does, and prints what it makes of them: the oracle of our import.
//
// Standard input is a JSON array of cases, each an array of the texts of its files; standard output is an array of answers.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"sort"
	"strconv"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

type port struct {
	Target    uint32 `json:"target"`
	Published int    `json:"published"`
	Protocol  string `json:"protocol"`
}

type mount struct {
	Type     string `json:"type"`
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"read_only"`
}

type service struct {
	Image       string            `json:"image"`
	Entrypoint  []string          `json:"entrypoint"`
	Command     []string          `json:"command"`
	Environment map[string]string `json:"environment"`
	Labels      map[string]string `json:"labels"`
	User        string            `json:"user"`
	Grace       int64             `json:"grace"`
	Ports       []port            `json:"ports"`
	Mounts      []mount           `json:"mounts"`
	Networks    []string          `json:"networks"`
	DependsOn   map[string]string `json:"depends_on"`
	Health      map[string]any    `json:"health"`
	Memory      int64             `json:"memory"`
	Reserved    int64             `json:"reserved"`
	Milli       int64             `json:"milli"`
	Replicas    int               `json:"replicas"`
}

type answer struct {
	Error    string             `json:"error,omitempty"`
	Services map[string]service `json:"services,omitempty"`
}

func main() {
	var cases [][]string
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		log.Fatal(err)
	}
	answers := make([]answer, 0, len(cases))
	for _, texts := range cases {
		answers = append(answers, read(texts))
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		log.Fatal(err)
	}
}

func read(texts []string) answer {
	details := types.ConfigDetails{WorkingDir: "/", Environment: types.Mapping{"TAG": "7", "EMPTY": ""}}
	for index, text := range texts {
		file := types.ConfigFile{Filename: "compose" + strconv.Itoa(index) + ".yaml", Content: []byte(text)}
		details.ConfigFiles = append(details.ConfigFiles, file)
	}
	project, err := loader.LoadWithContext(context.Background(), details, func(options *loader.Options) {
		options.SetProjectName("imported", true)
		options.ResolvePaths = false
		options.Profiles = []string{"*"}
	})
	if err != nil {
		return answer{Error: err.Error()}
	}
	services := map[string]service{}
	for name, read := range project.Services {
		services[name] = shown(read)
	}
	return answer{Services: services}
}

func shown(read types.ServiceConfig) service {
	out := service{
		Image: read.Image, Entrypoint: read.Entrypoint, Command: read.Command, User: read.User, Labels: read.Labels,
		Environment: map[string]string{}, DependsOn: map[string]string{}, Replicas: 1,
		Memory: int64(read.MemLimit), Reserved: int64(read.MemReservation), Milli: int64(read.CPUS*1000 + 0.5),
	}
	for name, value := range read.Environment {
		if value != nil {
			out.Environment[name] = *value
		}
	}
	if read.StopGracePeriod != nil {
		out.Grace = int64(*read.StopGracePeriod)
	}
	for _, one := range read.Ports {
		published, _ := strconv.Atoi(one.Published)
		out.Ports = append(out.Ports, port{one.Target, published, one.Protocol})
	}
	for _, one := range read.Volumes {
		out.Mounts = append(out.Mounts, mount{one.Type, one.Source, one.Target, one.ReadOnly})
	}
	for name := range read.Networks {
		if name != "default" || len(read.Networks) > 1 {
			out.Networks = append(out.Networks, name)
		}
	}
	sort.Strings(out.Networks)
	for name, one := range read.DependsOn {
		out.DependsOn[name] = one.Condition + " " + strconv.FormatBool(one.Restart)
	}
	if check := read.HealthCheck; check != nil && !check.Disable && (len(check.Test) == 0 || check.Test[0] != "NONE") {
		out.Health = map[string]any{"test": check.Test}
		for name, time := range map[string]*types.Duration{"interval": check.Interval, "timeout": check.Timeout, "start_period": check.StartPeriod} {
			if time != nil {
				out.Health[name] = int64(*time)
			}
		}
		if check.Retries != nil {
			out.Health["retries"] = *check.Retries
		}
	}
	if read.Scale != nil {
		out.Replicas = *read.Scale
	}
	deploy := read.Deploy
	if deploy == nil {
		return out
	}
	if deploy.Replicas != nil {
		out.Replicas = *deploy.Replicas
	}
	if limits := deploy.Resources.Limits; limits != nil {
		out.Memory = max(out.Memory, int64(limits.MemoryBytes))
		out.Milli = max(out.Milli, int64(float64(limits.NanoCPUs)*1000+0.5))
	}
	if reserved := deploy.Resources.Reservations; reserved != nil {
		out.Reserved = max(out.Reserved, int64(reserved.MemoryBytes))
	}
	return out
}
