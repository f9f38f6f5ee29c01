package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/client"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/record"
	"github.com/assay-rm/assay/server/wire"
)

// recordsFlight is how many recorded requests are asked at once.
const recordsFlight = 16

// recordedItems is more than a server lets any request have.
const recordedItems = 1 << 24

// isDirectory tells whether --verify names records, and not a result.
func isDirectory(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// verifyRecords asks again what a server has recorded, of every command, and tells which answers differ.
func verifyRecords(ctx context.Context, con *console, flags *offlineFlags) (err error) {
	engine, _, stop, err := flags.answerer(ctx, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	v := &verifying{engine: engine, page: page.New(con.out)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(recordsFlight)
	read := record.Read(flags.Bulk.Verify, func(text []byte) error {
		line := slices.Clone(text)
		group.Go(func() error { return v.line(ctx, line) })
		return ctx.Err()
	})
	if err := errors.Join(group.Wait(), read, v.page.Flush()); err != nil {
		return bulk.Explained(err)
	}
	if v.without > 0 {
		fmt.Fprintf(con.err, "assay: %d of %d records do not have all texts, and were not asked again\n", v.without, v.records) //nolint:errcheck // beside the result
	}
	if v.differ > 0 {
		return fmt.Errorf("%d of %d recorded answers differ", v.differ, v.records)
	}
	_, err = fmt.Fprintf(con.out, "%s: the same digests, and the same bits of %d recorded answers\n", flags.Bulk.Verify, v.records-v.without)
	return err
}

// verifying counts records while they are asked again.
type verifying struct {
	engine bulk.Engine

	mu                       sync.Mutex
	page                     *page.Page
	records, without, differ int
}

// line asks one record again.
func (v *verifying) line(ctx context.Context, text []byte) error {
	var of record.Line
	if err := json.Unmarshal(text, &of); err != nil {
		return fmt.Errorf("a record cannot be read: %w", err)
	}
	ofGroup := of.Asks != rewards.Score && of.Asks != rewards.Steps
	if of.Digests != nil || ofGroup && len(of.Refused) > 0 {
		v.count("", true)
		return nil
	}
	how, err := v.differs(ctx, &of)
	if err != nil {
		return fmt.Errorf("request %s: %w", of.ID, err)
	}
	if how != "" {
		how = fmt.Sprintf("request %s of %s: %s", of.ID, of.At, how)
	}
	v.count(how, false)
	return nil
}

func (v *verifying) count(how string, without bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.records++
	if without {
		v.without++
	}
	if how == "" {
		return
	}
	if v.differ++; v.differ <= mostShown {
		v.page.Line("%s", how)
	}
}

// differs says how an answer differs from the recorded one, the digest first.
func (v *verifying) differs(ctx context.Context, of *record.Line) (string, error) {
	request, err := requestOf(of)
	if err != nil {
		return "", err
	}
	answer, err := v.engine.Ask(ctx, request)
	if err != nil {
		why := failure.Of(err)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case why.Code == client.CodeUnreachable || passing(why) || broken(why): // it is no answer, so it does not differ from one
			return "", fmt.Errorf("%s: %w", why.Code, err)
		}
		return fmt.Sprintf("is refused now: %s: %s", why.Code, why.Detail), nil
	}
	is, err := json.Marshal(formOf(&answer))
	if err != nil {
		return "", err
	}
	var records [2]map[string]any
	for i, text := range [][]byte{of.Answer, is} {
		if records[i], err = object(text); err != nil {
			return "", err
		}
		lasting(records[i])
		results, _ := records[i]["results"].([]any)
		for _, at := range of.Refused {
			if at < len(results) {
				results[at] = nil // why it could not be read is not recorded
			}
		}
	}
	if was, is := records[0]["digest"], records[1]["digest"]; was != is {
		return fmt.Sprintf("digest was %s and is %s", was, is), nil
	}
	return differencesOf(records[0], records[1]), nil
}

// lasting takes out of an answer what is of the moment, of its batch, or of who asked.
func lasting(of any) {
	switch of := of.(type) {
	case []any:
		for _, one := range of {
			lasting(one)
		}
	case map[string]any:
		for _, name := range []string{"usage", "timings", "ignored", "id", "metadata", "shared_tokens", "cached_tokens"} {
			delete(of, name)
		}
		for _, one := range of {
			lasting(one)
		}
	}
}

// requestOf is what a record asks.
func requestOf(of *record.Line) (rewards.Request, error) {
	switch of.Path {
	case "/v1/score":
		return recorded(of.Request, new(wire.ScoreRequest), native.ScoreRequest)
	case "/v1/rank":
		return recorded(of.Request, new(wire.RankRequest), native.RankRequest)
	case "/v1/compare":
		return recorded(of.Request, new(wire.CompareRequest), native.CompareRequest)
	case "/v1/steps":
		return recorded(of.Request, new(wire.StepsRequest), native.StepsRequest)
	}
	return rewards.Request{}, fmt.Errorf("%q is no question that is recorded", of.Path)
}

func recorded[F wire.Form](text []byte, form F, request func(F) (rewards.Request, error)) (rewards.Request, error) {
	if err := wire.DecodeBody(text, form, wire.Limits{Items: recordedItems}); err != nil {
		if why, ok := errors.AsType[*wire.Error](err); ok {
			return rewards.Request{}, problem.Refused(why)
		}
		return rewards.Request{}, err
	}
	return request(form)
}

// formOf is the body of an answer.
func formOf(a *rewards.Answer) any {
	switch a.Question { //nolint:exhaustive // those that are recorded
	case rewards.Score:
		return native.ScoreAnswer(a)
	case rewards.Rank:
		return native.RankAnswer(a)
	case rewards.Steps:
		return native.StepsAnswer(a)
	}
	return native.CompareAnswer(a)
}
