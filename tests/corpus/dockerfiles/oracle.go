// Prints what the parsers of engines read in Dockerfiles, and what Podman's would do: an object a line.
//
// Each line of the input is a Dockerfile and the variables that a client sets, as JSON. It is built against Debian's
// golang-github-openshift-imagebuilder-dev and golang-github-docker-docker-dev; see renew.py.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"

	docker "github.com/fsouza/go-dockerclient"
	buildkit "github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/openshift/imagebuilder"
	"github.com/openshift/imagebuilder/dockerfile/parser"
)

type asked struct {
	Content []byte
	Given   map[string]string
}

type step struct {
	Name  string   `json:"name"`
	Flags []string `json:"flags"`
}

// What Podman's builder reads in a Dockerfile and would do with it, and what BuildKit's parser reads.
type told struct {
	Podman   []step   `json:"podman"`
	BuildKit []step   `json:"buildkit"`
	Images   []string `json:"images"`
	Networks []string `json:"networks"`
	Mounts   []string `json:"mounts"`
}

func (t *told) Preserve(string) error                                    { return nil }
func (t *told) EnsureContainerPath(string) error                         { return nil }
func (t *told) EnsureContainerPathAs(string, string, *os.FileMode) error { return nil }
func (t *told) UnrecognizedInstruction(*imagebuilder.Step) error         { return nil }
func (t *told) Copy(_ []string, copies ...imagebuilder.Copy) error {
	for _, each := range copies {
		t.Images = append(t.Images, each.From)
	}
	return nil
}
func (t *told) Run(run imagebuilder.Run, _ docker.Config) error {
	t.Networks, t.Mounts = append(t.Networks, run.Network), append(t.Mounts, run.Mounts...)
	return nil
}

// An error ends nothing here: what follows it could still be reached in another version.
func (t *told) build(content []byte, given map[string]string, before int) {
	defer func() { recover() }() // Both parsers panic over some.
	node, err := imagebuilder.ParseDockerfile(bytes.NewReader(content))
	if err != nil {
		return
	}
	t.read(node.Children[before:])
	stages, err := imagebuilder.NewStages(node, imagebuilder.NewBuilder(given))
	if err != nil {
		return
	}
	for _, stage := range stages {
		image, _ := stage.Builder.From(stage.Node)
		t.Images = append(t.Images, image)
		stage.Builder.RunConfig.Image = "x"
		for _, child := range stage.Node.Children {
			next := stage.Builder.Step()
			if next.Resolve(child) == nil {
				stage.Builder.Run(next, t, false)
			}
		}
		if triggers := stage.Builder.RunConfig.OnBuild; before == 0 && len(triggers) > 0 {
			t.build([]byte("FROM x\n"+strings.Join(triggers, "\n")), given, 1)
		}
	}
}

func (t *told) read(nodes []*parser.Node) {
	for _, node := range nodes {
		t.Podman = append(t.Podman, step{strings.ToUpper(node.Value), node.Flags})
		if node.Next != nil {
			t.read(node.Next.Children)
		}
	}
}

func (t *told) parseAsBuildKit(content []byte) {
	defer func() { recover() }()
	if result, err := buildkit.Parse(bytes.NewReader(content)); err == nil {
		t.readAsBuildKit(result.AST.Children)
	}
}

func (t *told) readAsBuildKit(nodes []*buildkit.Node) {
	for _, node := range nodes {
		t.BuildKit = append(t.BuildKit, step{strings.ToUpper(node.Value), node.Flags})
		if node.Next != nil {
			t.readAsBuildKit(node.Next.Children)
		}
	}
}

func main() {
	lines, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for decoder, encoder := json.NewDecoder(lines), json.NewEncoder(out); ; {
		var next asked
		if decoder.Decode(&next) != nil {
			return
		}
		answer := told{}
		answer.build(next.Content, next.Given, 0)
		answer.parseAsBuildKit(next.Content)
		encoder.Encode(answer)
	}
}
