// Reads a JSON array of strings from each line, the first of which is what to do with the others, in base64 each, and
// writes what Go makes of them: a JSON value on a line, null for an error.
//
// The comparison of versions is that of Docker's engine, from Debian's golang-github-docker-docker-dev; ports and sizes
// are read by golang-github-docker-go-connections-dev and golang-github-docker-go-units-dev, references by
// golang-github-distribution-reference-dev.
package main

import (
	"bufio"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/go-connections/nat"
	"github.com/docker/go-units"
)

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func media(text string) any {
	name, parameters, err := mime.ParseMediaType(text)
	if err != nil && name == "" {
		return nil
	}
	return []any{name, parameters, err == nil}
}

func query(text string) any {
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil
	}
	found := map[string][]string{}
	for name, those := range values {
		for _, value := range those {
			found[encode(name)] = append(found[encode(name)], encode(value))
		}
	}
	return found
}

func unescape(text string) any {
	path, err := url.PathUnescape(text)
	if err != nil {
		return nil
	}
	return encode(path)
}

// changed returns all letters outside ASCII of which a function makes letters inside.
func changed(change func(string) string) any {
	found := map[string]string{}
	for letter := rune(utf8.RuneSelf); letter <= utf8.MaxRune; letter++ {
		if text := change(string(letter)); text != "" && text[0] < utf8.RuneSelf {
			found[string(letter)] = text
		}
	}
	return found
}

func folds(text string) string {
	for letter := 'a'; letter <= 'z'; letter++ {
		if strings.EqualFold(text, string(letter)) {
			return string(letter)
		}
	}
	return ""
}

// ports returns the first and the last port of a HostPort to Docker, and the one to Podman.
func ports(text string) any {
	var docker, podman any
	if port, err := nat.NewPort(nat.SplitProtoPort(text)); err == nil {
		if first, last, err := port.Range(); err == nil {
			docker = []int{first, last}
		}
	}
	if number, err := strconv.Atoi(text); err == nil {
		podman = uint16(number)
	}
	return []any{docker, podman}
}

// key returns the port and the protocol of a key of PortBindings.
func key(text string) any {
	if _, err := nat.ParsePort(nat.Port(text).Port()); err != nil {
		return nil
	}
	return []any{nat.Port(text).Int(), nat.Port(text).Proto()}
}

// address returns what an address is to older and to newer engines, in one spelling.
func address(text string) any {
	var older, newer any
	if address := net.ParseIP(text); address != nil {
		older = address.String()
	}
	if address, err := netip.ParseAddr(text); err == nil {
		newer = address.String()
	}
	return []any{older, newer}
}

// network returns what a subnet is to older and to newer engines, in one spelling.
func network(text string) any {
	var older, newer any
	if _, network, err := net.ParseCIDR(text); err == nil {
		older = network.String()
	}
	if network, err := netip.ParsePrefix(text); err == nil {
		newer = network.Masked().String()
	}
	return []any{older, newer}
}

// named returns a reference in its normal form, and the image that is meant by it.
func named(text string) any {
	read, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return nil
	}
	meant, err := reference.ParseDockerRef(text)
	if err != nil {
		return nil
	}
	return []any{read.String(), meant.String()}
}

// size returns a size in units of 1000 and of 1024.
func size(text string) any {
	decimal, err := units.FromHumanSize(text)
	if err != nil {
		return nil
	}
	binary, err := units.RAMInBytes(text)
	if err != nil {
		return nil
	}
	return []int64{decimal, binary}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var words []string
		if err := json.Unmarshal(lines.Bytes(), &words); err != nil {
			panic(err)
		}
		for at, word := range words[1:] {
			text, err := base64.StdEncoding.DecodeString(word)
			if err != nil {
				panic(err)
			}
			words[at+1] = string(text)
		}
		var found any
		switch words[0] {
		case "media":
			found = media(words[1])
		case "query":
			found = query(words[1])
		case "unescape":
			found = unescape(words[1])
		case "base":
			found = encode(filepath.Base(words[1]))
		case "clean":
			found = encode(filepath.Clean(words[1]))
		case "older":
			found = versions.LessThan(words[1], words[2])
		case "ports":
			found = ports(words[1])
		case "key":
			found = key(words[1])
		case "address":
			found = address(words[1])
		case "network":
			found = network(words[1])
		case "reference":
			found = named(words[1])
		case "size":
			found = size(words[1])
		case "lower":
			found = changed(strings.ToLower)
		case "upper":
			found = changed(strings.ToUpper)
		case "fold":
			found = changed(folds)
		}
		if err := out.Encode(found); err != nil {
			panic(err)
		}
	}
}
