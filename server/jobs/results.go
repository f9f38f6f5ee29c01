package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// coder compresses what is stored. What it does with one whole text keeps nothing for the next, and owns no goroutine.
type coder struct {
	to   *zstd.Encoder
	from *zstd.Decoder
}

func newCoder() (c coder, err error) {
	if c.to, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithAllLitEntropyCompression(true)); err != nil {
		return c, err
	}
	c.from, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(1<<30))
	return c, err
}

func (c coder) squeeze(text []byte) []byte              { return c.to.EncodeAll(text, nil) }
func (c coder) unsqueeze(stored []byte) ([]byte, error) { return c.from.DecodeAll(stored, nil) }

// counts is what a result says of itself.
type counts struct {
	rows, failed int
	tokens       int64
	ignored      []string
}

// Headers of a result.
const (
	headerRows    = "Assay-Rows"
	headerFailed  = "Assay-Failed"
	headerTokens  = "Assay-Tokens"
	headerIgnored = "Assay-Ignored"
	headerParts   = "Assay-Parts"  // how many, where the result is not in the message itself
	headerDigest  = "Assay-Digest" // of the result
)

// keep stores the result of a chunk, unless it has one, and gives back the counts of the one that it has. One message
// decides which that is. A result that is larger than a message is stored before, in parts under its digest, so that
// two that differ cannot mix.
func (s *Store) keep(ctx context.Context, upload string, chunk int, text []byte, of *counts) (*counts, error) {
	ignored, err := json.Marshal(of.ignored[:min(len(of.ignored), mostIgnored)]) // NATS takes headers of 64 KiB
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	m := &nats.Msg{Subject: outputOf(upload, chunk), Header: nats.Header{}, Data: s.coder.squeeze(text)}
	for name, value := range map[string]string{
		headerRows: strconv.Itoa(of.rows), headerFailed: strconv.Itoa(of.failed), headerTokens: strconv.FormatInt(of.tokens, 10),
		headerIgnored: string(ignored), headerDigest: hex.EncodeToString(sum[:]),
	} {
		m.Header.Set(name, value)
	}
	if data := m.Data; len(data) > s.message {
		m.Data = nil
		n := 0
		for ; len(data) > 0; n++ {
			size := min(len(data), s.message)
			if _, err := s.js.Publish(ctx, partOf(upload, chunk, m.Header.Get(headerDigest), n), data[:size]); err != nil {
				return nil, err
			}
			data = data[size:]
		}
		m.Header.Set(headerParts, strconv.Itoa(n))
	}
	_, err = s.js.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(0))
	if outrun(err) {
		there, err := s.output.GetLastMsgForSubject(ctx, m.Subject)
		if err != nil {
			return nil, err
		}
		return countsOf(there.Header)
	}
	return of, err
}

func countsOf(header nats.Header) (*counts, error) {
	var of counts
	var errs [4]error
	of.rows, errs[0] = strconv.Atoi(header.Get(headerRows))
	of.failed, errs[1] = strconv.Atoi(header.Get(headerFailed))
	of.tokens, errs[2] = strconv.ParseInt(header.Get(headerTokens), 10, 64)
	errs[3] = json.Unmarshal([]byte(header.Get(headerIgnored)), &of.ignored)
	return &of, errors.Join(errs[:]...)
}

func outputOf(upload string, chunk int) string {
	return fmt.Sprintf("%s.%s.%d", outputs, upload, chunk)
}

func partOf(upload string, chunk int, digest string, n int) string {
	return fmt.Sprintf("%s.%s.%d.%s.%d", parts, upload, chunk, digest, n)
}

// Result is the result of a chunk that is done, whole lines with their line feeds.
func (s *Store) Result(ctx context.Context, job *Job, chunk int) ([]byte, error) {
	m, err := s.output.GetLastMsgForSubject(ctx, outputOf(job.Upload, chunk))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, unknown(job.ID) // it was removed while it was read
	}
	if err != nil {
		return nil, away(err)
	}
	data := m.Data
	n, _ := strconv.Atoi(m.Header.Get(headerParts))
	for i := range n {
		part, err := s.output.GetLastMsgForSubject(ctx, partOf(job.Upload, chunk, m.Header.Get(headerDigest), i))
		if err != nil {
			return nil, away(err)
		}
		data = append(data, part.Data...)
	}
	text, err := s.coder.unsqueeze(data)
	if err != nil {
		return nil, fmt.Errorf("the result of chunk %d of job %s: %w", chunk, job.ID, err)
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != m.Header.Get(headerDigest) {
		return nil, fmt.Errorf("the result of chunk %d of job %s is not what was stored", chunk, job.ID)
	}
	return text, nil
}

// Starts are the first rows of the chunks of a job.
func (s *Store) Starts(ctx context.Context, job *Job) ([]int, error) {
	of, err := s.head(ctx, job)
	return of.Starts, err
}

// ChunkOf is the chunk that a row is in, of chunks that start so.
func ChunkOf(row int, starts []int) int {
	return sort.SearchInts(starts, row+1) - 1
}

// head reads what is kept of a job beside its rows.
func (s *Store) head(ctx context.Context, job *Job) (of head, err error) {
	entry, err := s.jobs.Get(ctx, headKey(job.Upload))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return of, unknown(job.ID)
	}
	if err != nil {
		return of, away(err)
	}
	text, err := s.coder.unsqueeze(entry.Value())
	if err != nil {
		return of, err
	}
	return of, json.Unmarshal(text, &of)
}
