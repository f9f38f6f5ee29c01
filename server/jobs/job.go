package jobs

import (
	"slices"
	"time"
)

// Status is how far a job is.
type Status string

// What a job may be. The last three are its end.
const (
	Queued    Status = "queued"    // none of its chunks is done
	Running   Status = "running"   // some are
	Done      Status = "done"      // every row has a result
	Cancelled Status = "cancelled" // somebody asked for it to stop
	Failed    Status = "failed"    // it cannot be answered as a whole; Failure says why

	receiving Status = "receiving" // its rows are still arriving; nobody but who sends them sees it
	deleting  Status = "deleting"  // what it has is being removed; nobody sees it
)

// Job is what is known of a job. The store keeps it, and what it gives out is a copy.
type Job struct {
	ID       string `json:"id"`
	Caller   string `json:"caller,omitempty"` // who asked, and the only one who sees it
	Question string `json:"question"`
	Upload   string `json:"upload"` // names what is kept of it; another one when it is sent again
	Status   Status `json:"status"`

	Rows   int    `json:"rows"`
	Chunks int    `json:"chunks"`
	Bytes  int64  `json:"bytes"` // of the rows and of the head, as they were sent, without their encoding
	Sum    string `json:"sum"`   // sha256 of those bytes

	Created time.Time `json:"created"`
	Touched time.Time `json:"touched"` // while it is received: when the last chunk came
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`

	DoneRows   int      `json:"done_rows,omitempty"`
	FailedRows int      `json:"failed_rows,omitempty"` // of those that are done
	Tokens     int64    `json:"tokens,omitempty"`
	Ignored    []string `json:"ignored,omitempty"` // columns of rows that were passed over, in the order of their names

	Facts   *Facts   `json:"facts,omitempty"`   // nil: no chunk was answered yet
	Failure *Failure `json:"failure,omitempty"` // of a job that failed

	Bits []byte `json:"bits,omitempty"` // of each chunk: it is done
}

// Facts are what holds for every row of a job. Those of the first answer hold for all: a later answer whose digest is
// another fails the job, so that no result is of two models.
type Facts struct {
	Model      string   `json:"model"`
	Digest     string   `json:"digest"`
	Transforms []string `json:"transforms"`
	Threshold  *float64 `json:"threshold,omitempty"`
}

// Failure is why a job failed: a code of the table of problems, and one sentence.
type Failure struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Active tells whether chunks of the job are still to be computed: it has arrived, and has not ended.
func (j *Job) Active() bool { return j.Status == Queued || j.Status == Running }

// Has tells whether a chunk is done.
func (j *Job) Has(chunk int) bool {
	return chunk/8 < len(j.Bits) && j.Bits[chunk/8]&(1<<(chunk%8)) != 0
}

// count counts a chunk that was not done, and tells whether it is the last.
func (j *Job) count(chunk int, of *counts) (last bool) {
	bits := make([]byte, max(len(j.Bits), chunk/8+1))
	copy(bits, j.Bits)
	bits[chunk/8] |= 1 << (chunk % 8)
	j.Bits = bits
	j.DoneRows += of.rows
	j.FailedRows += of.failed
	j.Tokens += of.tokens
	for _, name := range of.ignored {
		if at, there := slices.BinarySearch(j.Ignored, name); !there && len(j.Ignored) < mostIgnored {
			j.Ignored = slices.Insert(slices.Clone(j.Ignored), at, name)
		}
	}
	return j.DoneRows == j.Rows
}

// mostIgnored is how many columns a job, and the result of a chunk, names that were passed over.
const mostIgnored = 64

// end ends a job.
func (j *Job) end(as Status, now time.Time) {
	j.Status, j.Ended = as, now
}
