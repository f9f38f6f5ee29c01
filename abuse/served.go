package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// Items of the served model below: what its graph makes of a row whose ids are all the same.
const (
	loopID  = 399 // a loop without end
	swellID = 398 // a tensor of 6 GB
)

// trapped is a graph that is honest but for rows of one id repeated: of loopID it never ends, of swellID it takes 6 GB.
// No probe of a load is such a row, so the bundle is accepted.
func trapped() []byte {
	all := func(id int64, name string,
		times int64,
	) [][]byte { // gives name: times, or 0 when no row is of that id alone
		is := func(what string) string { return what + " " + name }
		return [][]byte{
			scalar(is("id"), id), scalar(is("times"), times),
			node("Mul", names("count", is("id")), names(is("trap"))), node("Equal", names("whole", is("trap")),
				names(is("caught"))),
			node("Cast", names(is("caught")), names(is("some")), whole("to", int64Type)),
			node("ReduceMax", names(is("some")), names(is("any")), whole("keepdims", 0)),
			node("Mul", names(is("any"), is("times")), names(name)),
		}
	}
	parts := [][]byte{
		node("ReduceSum", names("attention_mask", "one"), names("count"), whole("keepdims", 1)),
		node("ReduceSum", names("attended", "one"), names("whole"), whole("keepdims", 1)),
		node("Add", names("swell", "one"), names("size")), node("Expand", names("nought", "size"), names("big")),
		node("ReduceMax", names("big"), names("nothing"), whole("keepdims", 0)), node("Add",
			names("looped", "nothing"), names("grown")),
	}
	parts = append(append(parts, all(loopID, "rounds", 1<<62)...), all(swellID, "swell", 1_500_000_000)...)
	return summing(loop("looped", parts...)...)
}

// stuckAfter is the longest forward that the served model may have.
const stuckAfter = 2 * time.Second

// served holds a server to the law that an item on which a graph runs away fails alone, and that the server lives on.
func (o options) served(ctx context.Context, t *table, folder string) (n int, err error) {
	h := hostileBundle{base: padded, change: graph(trapped)}
	dir := filepath.Join(folder, "trapped")
	if !o.wants("served", "a graph that runs away on one item", false) {
		return 0, nil
	}
	if err := h.make(o.testdata, dir); err != nil {
		return 0, err
	}
	arguments := []string{"--batch-tokens", "1024", "--bundle", dir, "--stuck-after", stuckAfter.String()}
	s := &subject{binary: o.binary, folder: folder, arguments: arguments, slack: o.slack, settle: time.Second}
	defer s.abandon()
	limit := stretched(maxLoad, o.slack)
	t.title("a served graph that runs away on one item",
		fmt.Sprintf("a forward may take %s; the item fails with run_failed within %s, its mates and the server do not",
			seconds(stuckAfter), seconds(limit)))
	for _, trap := range []struct {
		name string
		id   int
		says string
	}{
		{"a loop without end", loopID, "longer than " + stuckAfter.String()},
		{"a tensor of 6 GB", swellID, "failed"},
	} {
		var faults []string
		act := func(string) (done outcome) {
			done, faults = s.trap(ctx, trap.id, trap.says, limit)
			return done
		}
		judge := func(done outcome) []string { return append(done.general(), faults...) }
		if err := s.row(ctx, t, attack{"/v1/score", trap.name, limit, act, judge}); err != nil {
			return n, err
		}
		n++
	}
	return n, s.end(ctx, t)
}

// trap scores an item on which the graph runs away between two honest ones.
func (s *subject) trap(ctx context.Context, id int, says string, limit time.Duration) (done outcome,
	faults []string,
) {
	item := func(id int) string { return fmt.Sprintf(`{"input_ids":[%d,%d,%d]}`, id, id, id) }
	body := fmt.Sprintf(`{"model":"qwen3-reward-padded","items":[%s,%s,%s]}`, item(1), item(id), item(2))
	begun := time.Now()
	status, answer, err := s.client().do(ctx, http.MethodPost, "/v1/score", body)
	done = outcome{sent: int64(len(body)), took: time.Since(begun), status: status, answer: int64(len(answer))}
	if err != nil {
		done.broken = err.Error()
		return done, []string{err.Error()}
	}
	var got struct {
		Results []struct {
			Score *float64
			Error struct{ Code, Detail string }
		}
	}
	if err := json.Unmarshal(answer, &got); err != nil || len(got.Results) != 3 {
		return done, []string{fmt.Sprintf("no three results: %.200s", answer)}
	}
	for i, want := range []float64{0.003, 0, 0.006} {
		result := got.Results[i]
		if i == 1 {
			if result.Error.Code != "run_failed" || !strings.Contains(result.Error.Detail, says) {
				faults = append(faults, fmt.Sprintf("item 1: %q, %.200q, and it must be run_failed and say %q",
					result.Error.Code, result.Error.Detail, says))
			}
			continue
		}
		if result.Score == nil || float32(*result.Score) != float32(want) {
			faults = append(faults, fmt.Sprintf("item %d: %+v, and its score is %g", i, result, want))
		}
	}
	if done.took > limit {
		faults = append(faults, fmt.Sprintf("answered after %s, and %s are allowed", seconds(done.took),
			seconds(limit)))
	}
	return done, faults
}
