// Reads a JSON array of strings from each line, the first of which is what to do with the others, in base64 each, and
// writes what Go makes of them: a JSON value on a line, null for an error.
//
// The comparison of versions is that of Docker's engine, from Debian's golang-github-docker-docker-dev.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/docker/docker/api/types/versions"
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
