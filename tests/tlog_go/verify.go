// verify.go - a log of ours, checked with the Go project's own modules.
//
//	verify DIR VKEY
//
// Reads the folder as a static file server would publish it, and checks: the signed
// note and its key, that tiles and root follow from the entries, the inclusion of
// entries, and the consistency of prefixes.  Prints one line.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "verify: "+format+"\n", args...)
	os.Exit(1)
}

func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

// The path of the C2SP specification: Go's, without its tile height.
func path(dir string, t tlog.Tile) string {
	p := t.Path()
	if t.L == -1 {
		p = strings.Replace(p, "tile/8/data/", "tile/entries/", 1)
	} else {
		p = strings.Replace(p, "tile/8/", "tile/", 1)
	}
	return filepath.Join(dir, p)
}

type tiles struct{ dir string }

func (t tiles) Height() int { return height }
func (t tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(list))
	for i, tile := range list {
		data, err := os.ReadFile(path(t.dir, tile))
		if err != nil {
			return nil, err
		}
		out[i] = data
	}
	return out, nil
}
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// The checkpoint has no "go.sum database tree" line in front: read it ourselves.
func checkpoint(dir, vkey string) tlog.Tree {
	bytes, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(err, "checkpoint")
	verifier, err := note.NewVerifier(vkey)
	must(err, "key")
	n, err := note.Open(bytes, note.VerifierList(verifier))
	must(err, "note")
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		fail("the checkpoint is not three lines of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, "size")
	hash, err := tlog.ParseHash(lines[2])
	must(err, "root")
	return tlog.Tree{N: size, Hash: hash}
}

func entries(dir string, size int64) [][]byte {
	var out [][]byte
	for i := int64(0); i*256 < size; i++ {
		width := size - i*256
		if width > 256 {
			width = 256
		}
		data, err := os.ReadFile(path(dir,
			tlog.Tile{H: height, L: -1, N: i, W: int(width)}))
		must(err, "bundle")
		for k := int64(0); k < width; k++ {
			if len(data) < 2 {
				fail("bundle %d ends early", i)
			}
			n := int(binary.BigEndian.Uint16(data))
			if len(data) < 2+n {
				fail("bundle %d ends early", i)
			}
			out = append(out, data[2:2+n])
			data = data[2+n:]
		}
		if len(data) != 0 {
			fail("bundle %d is too long", i)
		}
	}
	return out
}

func main() {
	if len(os.Args) != 3 {
		fail("usage: verify DIR VKEY")
	}
	dir := os.Args[1]
	tree := checkpoint(dir, os.Args[2])

	// All stored hashes and each prefix's root, from the entries alone.
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(list []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(list))
		for i, at := range list {
			out[i] = hashes[at]
		}
		return out, nil
	})
	var roots []tlog.Hash
	all := entries(dir, tree.N)
	for i, entry := range all {
		more, err := tlog.StoredHashes(int64(i), entry, reader)
		must(err, "hashes")
		hashes = append(hashes, more...)
		root, err := tlog.TreeHash(int64(i)+1, reader)
		must(err, "root")
		roots = append(roots, root)
	}
	if tree.N > 0 && roots[tree.N-1] != tree.Hash {
		fail("the checkpoint's root does not follow from the entries")
	}

	// The same through the published tiles, which Go checks against the root.
	// Every entry of a small log; every 97th of a large one.
	served := tlog.TileHashReader(tree, tiles{dir})
	step := int64(1)
	if tree.N > 5000 {
		step = 97
	}
	for i := int64(0); i < tree.N; i += step {
		proof, err := tlog.ProveRecord(tree.N, i, served)
		must(err, "inclusion")
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, i,
			tlog.RecordHash(all[i])), "inclusion")
		prefix, err := tlog.ProveTree(tree.N, i+1, served)
		must(err, "consistency")
		must(tlog.CheckTree(prefix, tree.N, tree.Hash, i+1, roots[i]),
			"consistency")
	}
	fmt.Printf("%d entries, %d included, as many prefixes consistent\n",
		tree.N, (tree.N+step-1)/step)
}
