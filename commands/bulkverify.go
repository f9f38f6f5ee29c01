package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/bulk/job"
	"github.com/assay-rm/assay/commands/bulk/tables"
	"github.com/assay-rm/assay/commands/page"
)

// verifyFile answers the input of a result again and tells what differs: who answers, and then the rows.
func verifyFile[Q, R any, P bulk.Form[Q]](ctx context.Context, con *console, flags *offlineFlags, v scaled[Q, R]) (err error) {
	stored := flags.Bulk.Verify
	ended, err := job.ReadPlan(job.PlanOf(stored))
	if err != nil {
		return fmt.Errorf("--verify: a result has beside it what it was made of: %w", err)
	}
	in := flags.Bulk.In
	if len(in) == 0 {
		for _, file := range ended.Inputs {
			in = append(in, file.Path)
		}
	}
	plan, err := flags.plan(v.terms().command, v.terms().options, in)
	if err != nil {
		return err
	}
	if how := plan.Again(&ended); how != "" {
		return usage("--verify: what made %s asked something else: %s", stored, how)
	}
	// A directory of its own beside the result, so that no file of the user's is touched, and a verification that was
	// killed stands in no other's way.
	own, err := os.MkdirTemp(filepath.Dir(stored), filepath.Base(stored)+".verify-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(own)) }()
	again := filepath.Join(own, filepath.Base(stored))
	dir, err := job.Open(partOf(again), plan)
	if err != nil {
		return err
	}
	done, err := answerFiles[Q, R, P](ctx, con, flags, v, dir, again)
	if err != nil {
		return err
	}
	p := page.New(con.out)
	if done.Digest != ended.Digest {
		p.Line("digest: %s has %s of %s, and now %s of %s answers", stored, ended.Digest, ended.Model, done.Digest, done.Model)
	}
	differ, err := compareFiles(p, stored, again, len(done.Inputs) > 1)
	if err = errors.Join(err, p.Flush()); err != nil {
		return err
	}
	if differ > 0 || done.Digest != ended.Digest {
		return fmt.Errorf("%d of %d rows differ from %s", differ, done.Rows, stored)
	}
	_, err = fmt.Fprintf(con.out, "%s: the same digest, and the same bits of all %d rows\n", stored, done.Rows)
	return err
}

// mostShown is how many rows are shown that differ.
const mostShown = 20

// compareFiles counts the rows that two results do not have alike, and shows the first.
func compareFiles(p *page.Page, stored, again string, several bool) (differ int, err error) {
	all, err := tables.NewColumns(nil, func([]byte) ([]string, error) { return nil, nil })
	if err != nil {
		return 0, err
	}
	var from [2]*tables.Rows
	for i, name := range []string{stored, again} {
		files, err := tables.Find([]string{name})
		if err != nil {
			return 0, err
		}
		from[i] = tables.Read(files, all)
		defer from[i].Close() //nolint:errcheck // it was only read
	}
	for both := int64(0); ; both++ { // rows that both have
		was, first := from[0].Next()
		is, second := from[1].Next()
		switch {
		case errors.Is(first, io.EOF) && errors.Is(second, io.EOF):
			return differ, nil
		case errors.Is(first, io.EOF) || errors.Is(second, io.EOF):
			shorter := stored
			if second != nil {
				shorter = "its input"
			}
			return differ, fmt.Errorf("%s and its input have different numbers of rows: %s ends after row %d", stored, shorter, both)
		case first != nil || second != nil:
			return differ, errors.Join(first, second)
		}
		how, err := differences(was.Text(), is.Text(), several)
		if err != nil {
			return differ, fmt.Errorf("row %d: %w", was.Number, err)
		}
		if how == "" {
			continue
		}
		if differ++; differ <= mostShown {
			p.Line("row %d: %s", was.Number, how)
		}
	}
}

// differences says how two records differ, empty where they do not. Where there are several files, they may lie
// elsewhere now, so their names are not compared.
func differences(was, is []byte, several bool) (string, error) {
	if bytes.Equal(was, is) {
		return "", nil
	}
	var records [2]map[string]any
	for i, text := range [][]byte{was, is} {
		var err error
		if records[i], err = object(text); err != nil {
			return "", err
		}
		if several {
			delete(records[i], "file")
		}
	}
	return differencesOf(records[0], records[1]), nil
}

// object reads a JSON object, whose numbers stay as they are written.
func object(text []byte) (of map[string]any, err error) {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	err = in.Decode(&of)
	return of, err
}

// differencesOf is differences of records that are read.
func differencesOf(was, is map[string]any) string {
	var all []string
	differing(&all, "", was, is)
	if len(all) > 4 {
		all = append(all[:4], fmt.Sprintf("and %d more", len(all)-4))
	}
	return strings.Join(all, ", ")
}

// differing adds each value that differs, by its path.
func differing(all *[]string, path string, was, is any) {
	switch was := was.(type) {
	case map[string]any:
		is, ok := is.(map[string]any)
		if !ok {
			break
		}
		names := maps.Clone(was)
		maps.Copy(names, is)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			differing(all, strings.TrimPrefix(path+"."+name, "."), was[name], is[name])
		}
		return
	case []any:
		is, ok := is.([]any)
		if !ok || len(is) != len(was) {
			break
		}
		for i := range was {
			differing(all, fmt.Sprintf("%s[%d]", path, i), was[i], is[i])
		}
		return
	case json.Number:
		if is, ok := is.(json.Number); ok {
			a, first := was.Float64()
			b, second := is.Float64()
			if first == nil && second == nil && math.Float64bits(a) == math.Float64bits(b) {
				return
			}
			*all = append(*all, fmt.Sprintf("%s was %s (%016x) and is %s (%016x)", path, was, math.Float64bits(a), is, math.Float64bits(b)))
			return
		}
	default:
		if was == is {
			return
		}
	}
	*all = append(*all, fmt.Sprintf("%s was %s and is %s", path, brief(was), brief(is)))
}

// brief is a value in few words.
func brief(value any) string {
	if value == nil {
		return "not there"
	}
	text, _ := json.Marshal(value) //nolint:errchkjson // it was read of JSON
	return page.OneLine(string(text), 80)
}
