// Command zona-audit-go is somebody else's auditor: it verifies an export of an audit log and proofs about it with the packages of
// Go's checksum database, and shares no code with Zona. It exits with 1 when anything does not fit.
//
// With other words it is a witness: it makes a key, and cosigns the last checkpoint of an export that it has verified.
//
// Usage: zona-audit-go EXPORT PROOFS
//
//	zona-audit-go witness-key SEED
//	zona-audit-go cosign SEED EXPORT
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// height of the tiles of C2SP tlog-tiles.
const height = 8

// line is a line of an export that is no record.
type line struct {
	Export     string   `json:"export"`
	Keys       []string `json:"keys"`
	Origin     string   `json:"origin"`
	Checkpoint *string  `json:"checkpoint"`
	End        *int64   `json:"end"`
}

// proofs are what the server says of the log, and where it keeps the tiles.
type proofs struct {
	Inclusion []struct {
		Sequence, Size int64
		Hashes         [][]byte
	}
	Consistency []struct {
		Older, Newer int64
		Hashes       [][]byte
	}
	Tiles []struct {
		Level, Width int
		Index        int64
		Path         string
		Hashes       []byte
	}
}

// stored are the hashes of a tree, as tlog numbers them.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = s[index]
	}
	return hashes, nil
}

func main() {
	switch os.Args[1] {
	case "witness-key":
		fmt.Println(newWitness(os.Args[2]).key())
		return
	case "cosign":
		_, records, checkpoints, last := readExport(os.Args[3])
		if checkpoints == 0 {
			fail("there is no checkpoint over %d records", len(records))
		}
		signed, err := note.Sign(&note.Note{Text: last}, newWitness(os.Args[2]))
		must(err)
		fmt.Print(strings.TrimPrefix(string(signed), last+"\n"))
		return
	}
	hashes, records, checkpoints, _ := readExport(os.Args[1])
	var given proofs
	text, err := os.ReadFile(os.Args[2])
	must(err)
	must(json.Unmarshal(text, &given))
	root := func(size int64) tlog.Hash {
		hash, err := tlog.TreeHash(size, hashes)
		must(err)
		return hash
	}
	for _, proof := range given.Inclusion {
		leaf := tlog.RecordHash(records[proof.Sequence])
		must(tlog.CheckRecord(tlog.RecordProof(list(proof.Hashes)), proof.Size, root(proof.Size), proof.Sequence, leaf))
	}
	for _, proof := range given.Consistency {
		must(tlog.CheckTree(tlog.TreeProof(list(proof.Hashes)), proof.Newer, root(proof.Newer), proof.Older, root(proof.Older)))
	}
	for _, tile := range given.Tiles {
		theirs := tlog.Tile{H: height, L: tile.Level, N: tile.Index, W: tile.Width}
		// Go's paths have the height in front, those of C2SP do not.
		if path := strings.Replace(theirs.Path(), "tile/8/", "tile/", 1); path != tile.Path {
			fail("the tile %+v is at %s, not at %s", theirs, path, tile.Path)
		}
		data, err := tlog.ReadTileData(theirs, hashes)
		must(err)
		if !bytes.Equal(data, tile.Hashes) {
			fail("the tile %s holds other hashes", tile.Path)
		}
	}
	fmt.Printf("%d records, %d checkpoints, %d inclusion proofs, %d consistency proofs, %d tiles\n",
		len(records), checkpoints, len(given.Inclusion), len(given.Consistency), len(given.Tiles))
}

// readExport verifies every checkpoint against the records before it.
func readExport(path string) (hashes stored, records [][]byte, checkpoints int, last string) {
	file, err := os.Open(path)
	must(err)
	defer file.Close()
	var header line
	var verifiers []note.Verifier
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var other line
		must(json.Unmarshal(scanner.Bytes(), &other))
		switch {
		case other.Export != "":
			header = other
			for _, key := range header.Keys {
				verifier, err := note.NewVerifier(key)
				must(err)
				verifiers = append(verifiers, verifier)
			}
		case other.Checkpoint != nil:
			opened, err := note.Open([]byte(*other.Checkpoint), note.VerifierList(verifiers...))
			must(err)
			lines := strings.Split(opened.Text, "\n")
			size, err := strconv.ParseInt(lines[1], 10, 64)
			must(err)
			root, err := base64.StdEncoding.DecodeString(lines[2])
			must(err)
			ours, err := tlog.TreeHash(size, hashes)
			must(err)
			if lines[0] != header.Origin || size != int64(len(records)) || !bytes.Equal(root, ours[:]) {
				fail("the checkpoint over %d records does not fit", size)
			}
			checkpoints++
			last = opened.Text
		case other.End != nil:
			if *other.End != int64(len(records)) {
				fail("%d records instead of %d", len(records), *other.End)
			}
		default:
			record := bytes.Clone(scanner.Bytes())
			more, err := tlog.StoredHashes(int64(len(records)), record, hashes)
			must(err)
			hashes = append(hashes, more...)
			records = append(records, record)
		}
	}
	must(scanner.Err())
	return hashes, records, checkpoints, last
}

// witness signs as C2SP tlog-cosignature has it: cosignature/v1, with Ed25519 over the time and the text.
type witness struct {
	private ed25519.PrivateKey
}

const witnessName = "witness.example/go"

func newWitness(seed string) witness {
	sum := sha256.Sum256([]byte(seed))
	return witness{ed25519.NewKeyFromSeed(sum[:])}
}

// Name, KeyHash and Sign make it a note.Signer.
func (w witness) Name() string { return witnessName }

func (w witness) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(witnessName+"\n"), w.public()...))
	return binary.BigEndian.Uint32(sum[:])
}

func (w witness) Sign(text []byte) ([]byte, error) {
	now := uint64(time.Now().Unix())
	signature := ed25519.Sign(w.private, append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", now), text...))
	return append(binary.BigEndian.AppendUint64(nil, now), signature...), nil
}

// public is the key with the number of its algorithm before it.
func (w witness) public() []byte {
	return append([]byte{4}, w.private.Public().(ed25519.PublicKey)...)
}

func (w witness) key() string {
	return fmt.Sprintf("%s+%08x+%s", witnessName, w.KeyHash(), base64.StdEncoding.EncodeToString(w.public()))
}

func list(hashes [][]byte) []tlog.Hash {
	var read []tlog.Hash
	for _, hash := range hashes {
		read = append(read, tlog.Hash(hash))
	}
	return read
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}
