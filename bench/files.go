package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	filesFew, filesMany = 128, 640 // rows of the two files of a round
	filesHere           = 0.97     // of the ideal, asked of the command with the model in its own process,
	filesRemote         = 0.95     // and of the command that asks a server on the loopback interface
)

// filesScenario scores files of rows with `assay score --in --out`. A run begins by proving its model and ends by
// giving its memory back, which no rate is to hold. So the clock runs from the moment that the log of its answers is
// there until the command has ended, and the rate is of the rows by which a small and a large file differ, in the time
// by which they differ.
var filesScenario = Scenario{
	Name: "files", Asked: "≥ 0.97 of the ideal here, ≥ 0.95 by a server", Servers: []string{serverFloat32},
	About: fmt.Sprintf("JSON lines of %d and of %d rows, lengths log-normal around 150 tokens, scored by `assay score --in --out`: the rate between the two",
		filesFew, filesMany),
	run: func(ctx context.Context, b *bench) (result Result, err error) {
		if b.command == nil {
			return Result{}, errors.New("no -assay or no -operators was given")
		}
		folder, err := os.MkdirTemp("", "bench-files-")
		if err != nil {
			return Result{}, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
		f := &files{bench: b, folder: folder, ways: waysIn(inFloat32, b.ways)}
		f.sides = []filesSide{
			{name: "rows here", flags: []string{"--bundle", b.bundle}, asked: filesHere},
			{name: "rows by a server", flags: []string{"--url", b.servers[serverFloat32].URL, "--model", serverFloat32}, asked: filesRemote},
		}
		for n := range b.Rounds + 1 {
			if err := f.round(ctx, n); err != nil {
				return Result{}, fmt.Errorf("round %d: %w", n, err)
			}
		}
		return f.result(), nil
	},
}

// files is the load under way.
type files struct {
	*bench
	folder string
	ways   []string
	best   []float64 // tokens/s of the ideal, round by round
	sides  []filesSide
	wrong  int
}

// filesSide is one way to score a file.
type filesSide struct {
	name  string
	flags []string
	asked float64
	rates []float64 // tokens/s of the rows by which the files differ
	start []float64 // seconds of a run before its log is there
}

// fileRun is one run over a file.
type fileRun struct {
	start   float64 // seconds until its log is there
	seconds float64 // from then until its end
	tokens  int
}

// round measures the ideal on rows like the large file's, then each side on a small and a large file of its own. Round
// 0 finds the best way of each engine, on a small file's rows; from then on the ideal is the best engine of a round.
func (f *files) round(ctx context.Context, n int) error {
	rows := f.writer("files", n).logNormal(filesMany, 150, 0.5)
	if n == 0 {
		pass, _, err := f.raw(rows[:filesFew])
		if err == nil {
			f.ways = bestWays(f.ways, pass)
		}
		return err
	}
	pass, tokens, err := f.raw(rows)
	if err != nil {
		return err
	}
	f.best = append(f.best, float64(tokens)/slices.Min(pass))
	f.progress("files %d/%d: ideal %.0f tokens/s", n, f.Rounds, f.best[n-1])
	for i := range f.sides {
		side := &f.sides[(i+n)%len(f.sides)]
		few, err := f.run(ctx, side, n, filesFew)
		if err != nil {
			return err
		}
		many, err := f.run(ctx, side, n, filesMany)
		if err != nil {
			return err
		}
		if many.seconds <= few.seconds {
			return fmt.Errorf("%s: %d rows took %.2f s, and %d took %.2f s", side.name, filesFew, few.seconds, filesMany, many.seconds)
		}
		rate := float64(many.tokens-few.tokens) / (many.seconds - few.seconds)
		side.rates, side.start = append(side.rates, rate), append(side.start, few.start, many.start)
		f.progress(", %s %.3f", side.name, rate/f.best[n-1])
	}
	f.progress("\n")
	return nil
}

// raw runs texts in every way: the seconds of each, and the texts' tokens.
func (f *files) raw(texts []string) (seconds []float64, sum int, err error) {
	tokens, err := f.ideal.Load(texts)
	for _, t := range tokens {
		sum += t
	}
	for _, way := range f.ways {
		pass, failed := f.ideal.Run(way)
		seconds, err = append(seconds, pass.Seconds), errors.Join(err, failed)
	}
	return seconds, sum, err
}

// run has the command score a file of so many rows that no other run has, and compares the first scores with the
// ideal's, which computes those rows too.
func (f *files) run(ctx context.Context, side *filesSide, n, rows int) (fileRun, error) {
	texts := f.writer(fmt.Sprintf("files %s %d", side.name, rows), n).logNormal(rows, 150, 0.5)
	in, out := filepath.Join(f.folder, "rows.jsonl"), filepath.Join(f.folder, "scores.jsonl")
	if err := writeRows(in, texts); err != nil {
		return fileRun{}, err
	}
	run, err := f.command(ctx, out, append([]string{"score", "--activation", "none", "--in", in, "--out", out, "--restart"}, side.flags...)...)
	if err != nil {
		return run, fmt.Errorf("%s: %w", side.name, err)
	}
	answers, err := readScores(out)
	if err != nil {
		return run, fmt.Errorf("%s: %w", side.name, err)
	}
	if len(answers) != rows {
		return run, fmt.Errorf("%s: %d answers to %d rows", side.name, len(answers), rows)
	}
	run.tokens = int(tokensOf(answers))
	tokens, err := f.ideal.Load(texts[:filesFew])
	if err != nil {
		return run, err
	}
	pass, err := f.ideal.Run(f.ways[0])
	if err != nil {
		return run, err
	}
	checked, err := compare(answers[:filesFew], pass.Scores, tokens, f.Tolerance)
	f.wrong += checked.Wrong
	return run, err
}

// timedRun runs the command, whose answers go to a log in the directory until its end.
func timedRun(command *exec.Cmd, directory string) (fileRun, error) {
	var said bytes.Buffer
	command.Stderr = &said
	start := time.Now()
	if err := command.Start(); err != nil {
		return fileRun{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	var run fileRun
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			run.seconds = time.Since(start).Seconds() - run.start
			if err != nil {
				err = fmt.Errorf("%w: %s", err, said.String())
			} else if run.start == 0 {
				err = fmt.Errorf("no log was seen in %s", directory)
			}
			return run, err
		case <-ticker.C:
			if logs, _ := filepath.Glob(filepath.Join(directory, "*.log")); run.start == 0 && len(logs) > 0 {
				run.start = time.Since(start).Seconds()
				ticker.Stop()
			}
		}
	}
}

// writeRows writes texts as JSON lines.
func writeRows(path string, texts []string) error {
	var lines []byte
	for _, text := range texts {
		line, err := json.Marshal(map[string]string{"text": text})
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	return os.WriteFile(path, lines, 0o600)
}

// readScores reads the command's answers, which are in the order of the rows.
func readScores(path string) ([]Answer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	var answers []Answer
	for lines := json.NewDecoder(bufio.NewReader(file)); ; {
		var row struct {
			Row    int      `json:"row"`
			Score  *float64 `json:"score"`
			Tokens int      `json:"tokens"`
		}
		switch err := lines.Decode(&row); {
		case errors.Is(err, io.EOF):
			return answers, nil
		case err != nil:
			return answers, fmt.Errorf("%s: %w", path, err)
		case row.Score == nil || row.Row != len(answers)+1:
			return answers, fmt.Errorf("%s: record %d is of row %d, or has no score", path, len(answers)+1, row.Row)
		}
		answers = append(answers, Answer{Score: *row.Score, Tokens: row.Tokens})
	}
}

// result judges each side's share of the ideal.
func (f *files) result() Result {
	result := Result{Series: []Series{newSeries("ideal "+strings.Join(f.ways, ", "), tokensPerSecond, f.best)}, Void: disturbed("the ideal's tokens/s", f.best)}
	for _, side := range f.sides {
		shares := make([]float64, len(side.rates))
		for n, rate := range side.rates {
			shares[n] = rate / f.best[n]
		}
		series := newSeries(side.name, tokensPerSecond, side.rates)
		series.Share = median(shares)
		result.Series = append(result.Series, series, newSeries(side.name+": until the first log", "s", side.start))
		result.Checks = append(result.Checks, ratioCheck(side.name+": "+ofIdeal, shares, side.asked))
		// A rate is of a difference, so a disturbance of either file's run moves it far.
		result.Void = cmp.Or(result.Void, disturbed(side.name+": tokens/s", side.rates))
	}
	result.Checks = append(result.Checks, Check{What: wrong, Figure: float64(f.wrong), AtMost: true, Must: true})
	return result
}

// command runs the program over a file whose answers go to out.
type command func(ctx context.Context, out string, flags ...string) (fileRun, error)

// commandOf runs this program.
func commandOf(program string) command {
	return func(ctx context.Context, out string, flags ...string) (fileRun, error) {
		cmd := exec.CommandContext(ctx, program, flags...)
		cmd.WaitDelay = 5 * time.Second
		return timedRun(cmd, out+".part")
	}
}
