// Prints what Go's archive/tar, with which every engine unpacks, reads in an archive: an object a line.
//
// The lines beside the archives of this folder were made by it, from what tests/wire/test_tar_corpus.py writes.
package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
)

func main() {
	archive, lines := tar.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			sum := sha256.New()
			_, err = io.Copy(sum, archive)
			lines.Encode(map[string]any{
				"name": []byte(header.Name), "kind": string(header.Typeflag), "mode": header.Mode,
				"uid": header.Uid, "gid": header.Gid, "size": header.Size, "target": []byte(header.Linkname),
				"seconds": header.ModTime.Unix(), "nanoseconds": header.ModTime.Nanosecond(),
				"xattrs": len(header.Xattrs), "sha256": hex.EncodeToString(sum.Sum(nil)),
			})
		}
		if err != nil {
			lines.Encode(map[string]any{"error": err.Error()})
			return
		}
	}
}
