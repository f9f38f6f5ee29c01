package record

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/groups"
	"github.com/assay-rm/assay/rewards/ranking"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/server/wire"
)

func entry(n int, text string) Entry {
	return Entry{
		ID: strconv.Itoa(n), Route: "/v1/score", Request: rewards.Request{Question: rewards.Score, Items: []encode.Item{{Text: &text}}},
		Answer: rewards.Answer{Question: rewards.Score, Model: "m", Digest: "d", Results: []rewards.Result{{Score: float64(n), Raw: ops.Some(float64(n))}}},
	}
}

func recorder(t *testing.T, options Options) *Recorder {
	t.Helper()
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Dir == "" {
		options.Dir = t.TempDir()
	}
	r, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func lines(t *testing.T, dir string) (all []Line) {
	t.Helper()
	err := Read(dir, func(text []byte) error {
		var of Line
		all = append(all, of)
		return json.Unmarshal(text, &all[len(all)-1])
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestWhatIsAddedIsRead: in its order, without a gap but for the oldest files, which make room; and all files together
// keep to their size.
func TestWhatIsAddedIsRead(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir, most := t.TempDir(), int64(LeastMost)
	r := recorder(t, Options{Dir: dir, Most: most, Texts: true})
	ended := make(chan error)
	go func() { ended <- r.Run(t.Context()) }()
	const n = 200
	for i := range n {
		for r.held.Load() > queueBytes/2 {
			time.Sleep(time.Millisecond)
		}
		r.Add(entry(i, rand(uint64(i), 1<<14)))
	}
	r.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	all := lines(t, dir)
	if len(all) < 10 || len(all) == n || all[len(all)-1].ID != strconv.Itoa(n-1) {
		t.Fatalf("%d lines", len(all))
	}
	for i := range all {
		if want := strconv.Itoa(n - len(all) + i); all[i].ID != want || all[i].Path != "/v1/score" || !strings.Contains(string(all[i].Answer), `"score":`+want) {
			t.Fatalf("line %d is %+v", i, all[i])
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) < 4 {
		t.Fatalf("%v, %v", names, err)
	}
	size := int64(0)
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > most+most/filesOfMost { // a file is ended after the line that fills it
		t.Errorf("%d bytes, and %d are the most", size, most)
	}
	if stats := r.Stats(); stats.Written != n || stats.Dropped+stats.Failed > 0 || stats.Bytes < size {
		t.Errorf("%+v", stats)
	}
}

// rand is text that does not compress.
func rand(state uint64, n int) string {
	var text strings.Builder
	for text.Len() < n {
		state = state*6364136223846793005 + 1442695040888963407
		text.WriteByte(' ' + byte(state>>57)%90)
	}
	return strings.NewReplacer(`"`, "x", `\`, "x", "<", "x", ">", "x", "&", "x").Replace(text.String())
}

// TestASlowDiskHoldsNobodyUp: what has no place is dropped and counted, by number and by bytes, and the rest is
// written.
func TestASlowDiskHoldsNobodyUp(t *testing.T) {
	var said strings.Builder
	r := recorder(t, Options{Most: 1 << 30, Texts: true, Log: slog.New(slog.NewTextHandler(&said, nil))})
	large := strings.Repeat("x", queueBytes/4)
	for range 6 {
		r.Add(entry(0, large)) // nothing takes them
	}
	if stats := r.Stats(); stats.Dropped != 3 {
		t.Errorf("%d of 6 large entries were dropped", stats.Dropped)
	}
	for i := range queueEntries + 5 {
		r.Add(entry(i, ""))
	}
	dropped := r.Stats().Dropped
	if dropped < 8 || strings.Count(said.String(), "dropped") != 1 {
		t.Errorf("%d were dropped, and the log says %q", dropped, said.String())
	}
	r.Close()
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stats := r.Stats(); stats.Written+stats.Dropped != 6+queueEntries+5 || r.held.Load() != 0 {
		t.Errorf("%+v, and %d bytes are still held", stats, r.held.Load())
	}
}

// TestAllOfAnEntryIsCounted: whatever of a request or an answer is large takes its place in the queue.
func TestAllOfAnEntryIsCounted(t *testing.T) {
	const n = 1 << 20
	text, numbers := strings.Repeat("x", n), make([]float64, n/8)
	tag := &wire.Tag{Metadata: json.RawMessage(text)}
	given := map[string]recipes.Given{"v": {Vector: numbers}}
	for name, e := range map[string]Entry{
		"metadata":         {Kept: &wire.Kept{Each: []*wire.Tag{nil, tag}}},
		"a group's":        {Kept: &wire.Kept{Group: tag}},
		"more of a turn":   {Request: rewards.Request{Items: []encode.Item{{Messages: []chat.Message{{More: &chat.More{ToolCalls: json.RawMessage(text)}}}}}}},
		"a name":           {Request: rewards.Request{Items: []encode.Item{{Features: encode.Features{text: 1}}}}},
		"candidates":       {Request: rewards.Request{Candidates: []string{text}}},
		"given":            {Request: rewards.Request{Given: []map[string]recipes.Given{given}}},
		"params":           {Request: rewards.Request{Params: given}},
		"a reference":      {Request: rewards.Request{Groups: []rewards.Group{{Reference: &text}}}},
		"a user":           {Request: rewards.Request{Groups: []rewards.Group{{User: numbers}}}},
		"vectors":          {Answer: rewards.Answer{Results: []rewards.Result{{Vectors: map[string][]float64{"v": numbers}}}}},
		"parts":            {Answer: rewards.Answer{Results: []rewards.Result{{Parts: []rewards.Part{{Steps: numbers}}}}}},
		"votes":            {Answer: rewards.Answer{Selection: ranking.Selection{Votes: []groups.Ballot{{Key: text}}}}},
		"an error's":       {Answer: rewards.Answer{Results: []rewards.Result{{Err: failure.New("x", "%s", text)}}}},
		"preferences, 256": {Answer: rewards.Answer{Preference: ops.NewMatrix(256, 256)}},
	} {
		if size := e.size(); size < n || size > n+n/50 {
			t.Errorf("%s: %d bytes of %d", name, size, n)
		}
	}
	r := recorder(t, Options{Most: LeastMost})
	e := entry(0, "")
	e.Kept = &wire.Kept{Each: []*wire.Tag{tag}}
	for range 2 * queueBytes / n {
		r.Add(e) // nothing takes them
	}
	if kept := len(r.queue); kept >= queueBytes/n {
		t.Errorf("%d entries of %d bytes wait, and %d bytes may", kept, n, queueBytes)
	}
}

// TestADiskThatFailsIsTriedAgain: entries fail meanwhile, which is logged once, and are written when it works again;
// what was flushed before is read.
func TestADiskThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		dir := filepath.Join(t.TempDir(), "records")
		r := recorder(t, Options{Dir: dir, Most: LeastMost, Texts: true, Log: slog.New(slog.NewTextHandler(&said, nil))})
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- r.Run(t.Context()) }()
		add := func(n int) {
			r.Add(entry(n, "t"))
			synctest.Wait()
		}
		add(0)
		add(1)
		if stats := r.Stats(); stats.Failed != 2 || strings.Count(said.String(), "not recorded") != 1 {
			t.Errorf("%+v: %s", stats, said.String())
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		add(2)
		time.Sleep(retryAfter)
		add(3)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if all := lines(t, dir); len(all) != 1 || all[0].ID != "3" { // of a file that is not ended
			t.Errorf("%+v", all)
		}
		r.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if stats := r.Stats(); stats.Failed != 3 || stats.Written != 1 || strings.Count(said.String(), "recorded again") != 1 {
			t.Errorf("%+v: %s", stats, said.String())
		}
	})
}

// TestWithoutTextsNothingOfThemIsKept: no word of what is scored is in a line, wherever a request may have it; ids,
// digests and scores are.
func TestWithoutTextsNothingOfThemIsKept(t *testing.T) {
	const secret = "S3CRET"
	word := new(secret)
	turns := []chat.Message{{Role: "user", Content: secret, More: &chat.More{Name: word}}}
	group := rewards.Group{Prompt: word, Reference: word, Principle: word, Responses: []string{secret, "b" + secret}}
	wrong := failure.New(failure.CodeInvalidField, "prompt: has %q", secret)
	tags := &wire.Kept{Group: &wire.Tag{ID: wire.ID(`"g"`), Metadata: json.RawMessage(`"` + secret + `"`)}, Each: []*wire.Tag{{ID: wire.ID(`"one"`), Metadata: json.RawMessage(`"` + secret + `"`)}, nil}}
	results := []rewards.Result{{Score: 0.25, Raw: ops.Some(1)}, {Err: wrong}}
	for _, e := range []Entry{
		{Request: rewards.Request{Question: rewards.Score, Label: "l", Items: []encode.Item{{Prompt: word, Response: word, Reference: word}, {Messages: turns}}}, Answer: rewards.Answer{Results: results}},
		{Request: rewards.Request{Question: rewards.Steps, Items: []encode.Item{{Prompt: word, Steps: []string{secret}}, {Text: word}}}, Answer: rewards.Answer{Steps: []rewards.StepsResult{{Steps: []rewards.Step{{Score: ops.Some(0.25)}}, Min: 0.25}, {Err: wrong}}}},
		{
			Request: rewards.Request{Question: rewards.Rank, Groups: []rewards.Group{group}, Choice: ranking.Choice{Strategy: ranking.Majority, Answers: []string{secret, ""}}},
			Answer:  rewards.Answer{Results: results, Selection: ranking.Selection{Votes: []groups.Ballot{{Key: secret, Weight: 1, Members: []int{0}}}}},
		},
		{Request: rewards.Request{Question: rewards.Compare, Groups: []rewards.Group{{Messages: turns, Responses: []string{secret, "b"}}}}, Answer: rewards.Answer{Results: results}},
		{Request: rewards.Request{Question: rewards.Pairs, Groups: []rewards.Group{group, group}}, Answer: rewards.Answer{Pairs: []rewards.PairResult{{Probability: 0.25}, {Err: wrong}}}},
	} {
		e.Kept, e.Answer.Question, e.Answer.Model, e.Answer.Digest = tags, e.Request.Question, "m", "sha256:d"
		with, err := e.line(true)
		if err != nil || !strings.Contains(string(with), secret) {
			t.Errorf("with texts: %v, %s", err, with)
		}
		without, err := e.line(false)
		if err != nil || strings.Contains(string(without), secret) || !strings.Contains(string(without), "0.25") {
			t.Errorf("without texts: %v, %s", err, without)
		}
		var of Line
		if err := json.Unmarshal(without, &of); err != nil || len(of.Digests) < 2 || !strings.HasPrefix(of.Digests[0], "sha256:") || !strings.Contains(string(of.Answer), `"id":"`) {
			t.Errorf("%v: %s", err, without)
		}
	}
}

// TestRefusedItemsAreSaid: an item that could not be read is empty in the body, and named.
func TestRefusedItemsAreSaid(t *testing.T) {
	e := entry(1, "t")
	e.Request.Items = append(e.Request.Items, encode.Item{})
	e.Request.Refused = map[int]error{1: failure.New("x", "y")}
	text, err := e.line(true)
	if err != nil || !strings.Contains(string(text), `"refused":[1]`) || !strings.Contains(string(text), `"items":[{"text":"t"},{}]`) {
		t.Errorf("%v: %s", err, text)
	}
}

func TestADirectoryMustBeWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Dir: filepath.Join(file, "in"), Most: LeastMost}); err == nil {
		t.Error("a directory in a file is taken")
	}
	if _, err := New(Options{Dir: t.TempDir(), Most: LeastMost - 1}); err == nil {
		t.Error("too little room is taken")
	}
	if err := Read(t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "has no records") {
		t.Errorf("no records: %v", err)
	}
}
