// Reads a document of JSON from each line, in base64 as a JSON string, the way Docker's engine reads a body: with
// encoding/json into types of its own, and nothing behind the value but what More takes for an end. Writes a line for
// each: the value as Go has it, or an error.
//
// The types have the shape of Docker's (api/types/container, mount, strslice; go-connections/nat), a few fields of each
// kind: words, flags, whole numbers, pointers, structs in structs by pointer, by value and embedded, lists of words and
// of structs, maps to words, to empty structs and to lists.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	list := make([]string, 0, 1)
	if err := json.Unmarshal(b, &list); err != nil {
		var one string
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		list = append(list, one)
	}
	*w = list
	return nil
}

type health struct {
	Test     []string `json:",omitempty"`
	Interval int64    `json:",omitempty"`
	Retries  int      `json:",omitempty"`
}

type config struct {
	Hostname     string
	User         string
	Tty          bool
	Image        string
	Env          []string
	Cmd          words
	Entrypoint   words
	ExposedPorts map[string]struct{} `json:",omitempty"`
	Labels       map[string]string
	Healthcheck  *health `json:",omitempty"`
	StopTimeout  *int    `json:",omitempty"`
}

type resources struct {
	Memory    int64
	NanoCPUs  int64  `json:"NanoCpus"`
	PidsLimit *int64
}

type binding struct {
	HostIP   string `json:"HostIp"`
	HostPort string
}

type driver struct {
	Name    string            `json:",omitempty"`
	Options map[string]string `json:",omitempty"`
}

type volumeOptions struct {
	NoCopy       bool              `json:",omitempty"`
	Labels       map[string]string `json:",omitempty"`
	DriverConfig *driver           `json:",omitempty"`
}

type mount struct {
	Type          string         `json:",omitempty"`
	Source        string         `json:",omitempty"`
	Target        string         `json:",omitempty"`
	ReadOnly      bool           `json:",omitempty"`
	VolumeOptions *volumeOptions `json:",omitempty"`
}

type restartPolicy struct {
	Name              string
	MaximumRetryCount int
}

type hostConfig struct {
	Binds         []string
	NetworkMode   string
	PortBindings  map[string][]binding
	RestartPolicy restartPolicy
	CapAdd        words
	Privileged    bool
	Mounts        []mount `json:",omitempty"`
	MaskedPaths   []string
	resources
}

type endpoint struct {
	Aliases   []string
	NetworkID string
}

type networking struct {
	EndpointsConfig map[string]*endpoint
}

type body struct {
	*config
	HostConfig       *hostConfig
	NetworkingConfig *networking
}

func read(text string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	got := body{config: &config{}}
	if err := decoder.Decode(&got); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("unexpected content after JSON")
	}
	return got, nil
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		line, err := in.ReadString('\n')
		if line == "" && err != nil {
			return
		}
		var quoted []byte
		if err := json.Unmarshal([]byte(line), &quoted); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		got, err := read(string(quoted))
		answer := map[string]any{"go": got}
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		written, _ := json.Marshal(answer)
		out.Write(written)
		out.WriteByte('\n')
	}
}
