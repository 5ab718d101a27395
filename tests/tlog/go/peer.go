// Golang's checksum database code (golang.org/x/mod/sumdb) as a peer of Overt's log library: reads a JSON array of
// requests on standard input, writes a JSON array of answers on standard output.
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// A Request names an operation; which other fields count depends on it.
type Request struct {
	Op      string
	Note    string
	Text    string
	Vkeys   []string
	Skeys   []string
	Proof   []tlog.Hash
	Size    int64
	Root    tlog.Hash
	Index   int64
	Hash    tlog.Hash
	OldSize int64
	OldRoot tlog.Hash
	Tiles   map[string][]byte
	Entries [][]byte
	Sizes   []int64
}

// An Answer carries an error, or what the operation found.
type Answer struct {
	Error   string
	Text    string
	Signers []string
	Note    string
	Proof   []tlog.Hash
	Root    tlog.Hash
	Roots   []tlog.Hash
	Tiles   map[string][]byte
	Paths   []string
}

func main() {
	var requests []Request
	if err := json.NewDecoder(os.Stdin).Decode(&requests); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	answers := make([]Answer, len(requests))
	for i, request := range requests {
		answer, err := answerTo(request)
		if err != nil {
			answer = Answer{Error: err.Error()}
		}
		answers[i] = answer
	}
	json.NewEncoder(os.Stdout).Encode(answers)
}

func answerTo(r Request) (Answer, error) {
	switch r.Op {
	case "open":
		return open(r)
	case "sign":
		return sign(r)
	case "checkpoint":
		tree, err := tlog.ParseTree([]byte(r.Text))
		return Answer{Text: strconv.FormatInt(tree.N, 10), Root: tree.Hash}, err
	case "check-inclusion":
		return Answer{}, tlog.CheckRecord(r.Proof, r.Size, r.Root, r.Index, r.Hash)
	case "check-consistency":
		return Answer{}, tlog.CheckTree(r.Proof, r.Size, r.Root, r.OldSize, r.OldRoot)
	case "inclusion":
		proof, err := tlog.ProveRecord(r.Size, r.Index, reader(r))
		return Answer{Proof: proof}, err
	case "consistency":
		proof, err := tlog.ProveTree(r.Size, r.OldSize, reader(r))
		return Answer{Proof: proof}, err
	case "build":
		return build(r)
	case "paths":
		return paths(r), nil
	}
	return Answer{}, fmt.Errorf("no operation %q", r.Op)
}

func open(r Request) (Answer, error) {
	var verifiers []note.Verifier
	for _, vkey := range r.Vkeys {
		verifier, err := verifierFor(vkey)
		if err != nil {
			return Answer{}, err
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open([]byte(r.Note), note.VerifierList(verifiers...))
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Text: opened.Text}
	for _, signature := range opened.Sigs {
		answer.Signers = append(answer.Signers, signature.Name)
	}
	return answer, nil
}

func sign(r Request) (Answer, error) {
	var signers []note.Signer
	for _, skey := range r.Skeys {
		signer, err := note.NewSigner(skey)
		if err != nil {
			return Answer{}, err
		}
		signers = append(signers, signer)
	}
	signed, err := note.Sign(&note.Note{Text: r.Text}, signers...)
	return Answer{Note: string(signed)}, err
}

// cosigner verifies timestamped Ed25519 cosignatures, which x/mod leaves to its users.
type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.id }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	header := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(c.key, append([]byte(header), msg...), sig[8:])
}

func verifierFor(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) == 3 {
		material, err := base64.StdEncoding.DecodeString(parts[2])
		id, idErr := strconv.ParseUint(parts[1], 16, 32)
		if err == nil && idErr == nil && len(material) == 33 && material[0] == 4 {
			return cosigner{parts[0], uint32(id), ed25519.PublicKey(material[1:])}, nil
		}
	}
	return note.NewVerifier(vkey)
}

// tiles reads tiles by the paths of c2sp.org/tlog-tiles, which leave out the height.
type tiles map[string][]byte

func (t tiles) Height() int { return height }
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, ok := t[path(tile)]
		if !ok {
			return nil, fmt.Errorf("no tile %s", path(tile))
		}
		found = append(found, data)
	}
	return found, nil
}
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func path(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
}

func reader(r Request) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: r.Size, Hash: r.Root}, tiles(r.Tiles))
}

// build makes a log of the entries and the tiles that it has at each of the sizes.
func build(r Request) (Answer, error) {
	var stored []tlog.Hash
	hashes := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for i, entry := range r.Entries {
		added, err := tlog.StoredHashes(int64(i), entry, hashes)
		if err != nil {
			return Answer{}, err
		}
		stored = append(stored, added...)
	}
	answer := Answer{Tiles: map[string][]byte{}}
	before := int64(0)
	for _, size := range r.Sizes {
		for _, tile := range tlog.NewTiles(height, before, size) {
			data, err := tlog.ReadTileData(tile, hashes)
			if err != nil {
				return Answer{}, err
			}
			answer.Tiles[path(tile)] = data
		}
		root, err := tlog.TreeHash(size, hashes)
		if err != nil {
			return Answer{}, err
		}
		answer.Roots = append(answer.Roots, root)
		before = size
	}
	return answer, nil
}

// paths lists the hash tiles that a tree of Size has and one of OldSize has not.
func paths(r Request) Answer {
	var answer Answer
	for _, tile := range tlog.NewTiles(height, r.OldSize, r.Size) {
		answer.Paths = append(answer.Paths, path(tile))
	}
	return answer
}
