package commands

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/bulk/job"
	"github.com/assay-rm/assay/commands/bulk/tables"
	"github.com/assay-rm/assay/rewards/order"
	"github.com/assay-rm/assay/server/client"
	"github.com/assay-rm/assay/server/wire"
)

// bulkFlags say which files are answered, and into which one.
type bulkFlags struct {
	In     []string          `group:"Files" sep:"none" placeholder:"FILE" help:"Answer the rows of this file, or of those that a pattern means, as data/*.parquet, and write --out. Repeat it for more. It may end in .jsonl, .ndjson or .json (also with .gz or .zst), .parquet, .arrow or .feather."`
	Out    string            `group:"Files" placeholder:"FILE" help:"The file of answers, in one of the same formats. A run that is stopped goes on when the same command is given again."`
	Map    map[string]string `group:"Files" mapsep:"," placeholder:"FIELD=COLUMN" help:"Which columns are which fields, as in prompt=question,response=answer."`
	Verify string            `group:"Files" placeholder:"FILE" help:"Answer the input of FILE again, which a run with the same flags has written, and tell the rows that differ. --in is needed where the input lies elsewhere now."`

	URL       string        `group:"Files" name:"url" placeholder:"URL" help:"Ask this server, as http://host:8080, instead of loading models. ASSAY_TOKEN or --token-file has its token."`
	TokenFile string        `group:"Files" placeholder:"FILE" help:"File of the one token that --url needs."`
	Flight    int           `group:"Files" placeholder:"N" help:"Of --url: how many requests are asked at once; 4 of many items and 16 of one line each when left out."`
	GiveUp    time.Duration `group:"Files" default:"10m" help:"Of --url: how long one request is asked again, where the server is busy or gone, before the run stops."`

	Restart bool `group:"Files" help:"Begin anew, whatever a stopped run has done and whether --out is there."`
}

// Validate is called by the parser.
func (f *bulkFlags) Validate() error {
	switch {
	case f.Verify != "" && (f.Out != "" || f.Restart):
		return usage("--verify writes nothing: --out and --restart do not go with it")
	case f.Verify == "" && (len(f.In) > 0) != (f.Out != ""):
		return usage("--in and --out go together: rows of files are answered into a file")
	case !f.given() && (len(f.Map) > 0 || f.Restart || f.URL != ""):
		return usage("--map, --restart and --url are of --in and --out")
	case f.URL == "" && (f.TokenFile != "" || f.Flight != 0):
		return usage("--token-file and --flight are of --url")
	case f.Flight < 0 || f.Flight > mostFlight:
		return usage("--flight is %d, and must be from 1 to %d", f.Flight, mostFlight)
	case f.GiveUp <= 0:
		return usage("--give-up is %s, and must be positive", f.GiveUp)
	case f.Out != "":
		return asUsage(tables.CheckOutput(f.Out))
	}
	return nil
}

// given tells whether rows of files are to be answered.
func (f *bulkFlags) given() bool { return len(f.In) > 0 || f.Verify != "" }

func asUsage(err error) error {
	if err != nil {
		return usage("--out: %v", err)
	}
	return nil
}

// What is read before the next, and asked at once. A window has many batches, so that there is a choice, and few enough
// rows to be held in memory twice.
const (
	windowRows  = 1 << 14
	windowBytes = 32 << 20
	batchBytes  = 1 << 20
)

// How many batches are asked at once: one runs, one waits, and two are tokenized. Of a server, as many requests as have
// so many items together.
const (
	localFlight = 4
	awayItems   = 1024
	mostFlight  = 256
)

// runFiles answers all rows of the files.
func runFiles[Q, R any, P bulk.Form[Q]](ctx context.Context, con *console, flags *offlineFlags, v scaled[Q, R]) error {
	if err := checkPatterns(flags.Bulk.In, flags.Bulk.Out); err != nil {
		return err
	}
	plan, err := flags.plan(v.terms().command, v.terms().options, flags.Bulk.In)
	if err != nil {
		return err
	}
	if err := checkInputs(plan.Inputs, flags.Bulk.Out); err != nil {
		return err
	}
	dir, err := flags.Bulk.directory(plan)
	if err != nil {
		return err
	}
	done, err := answerFiles[Q, R, P](ctx, con, flags, v, dir, flags.Bulk.Out)
	if err != nil {
		return err
	}
	if done.Failed > 0 {
		return fmt.Errorf("%d of %d rows failed; %s says of each why", done.Failed, done.Rows, flags.Bulk.Out)
	}
	return nil
}

// plan is that of a run with these flags.
func (f *offlineFlags) plan(command string, options map[string]string, in []string) (job.Plan, error) {
	files, err := tables.Find(in)
	if err != nil {
		return job.Plan{}, fmt.Errorf("--in: %w", err)
	}
	return job.Plan{
		Assay: version(), Command: command, Options: f.changing(options), Inputs: files, Window: job.Window{Rows: windowRows, Bytes: windowBytes},
	}, nil
}

// answerFiles does the run of a directory, which it closes.
func answerFiles[Q, R any, P bulk.Form[Q]](
	ctx context.Context, con *console, flags *offlineFlags, v scaled[Q, R], dir *job.Directory, out string,
) (done job.Plan, err error) {
	defer dir.Close() //nolint:errcheck // of a run that has ended it is closed
	engine, flight, stop, err := flags.answerer(ctx, v.terms().most)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	return answerWith[Q, R, P](ctx, con, flags, v, dir, out, engine, flight)
}

// answerWith is answerFiles with an engine that is there, of which so many batches are asked at once.
func answerWith[Q, R any, P bulk.Form[Q]](
	ctx context.Context, con *console, flags *offlineFlags, v scaled[Q, R], dir *job.Directory, out string, engine bulk.Engine, flight int,
) (done job.Plan, err error) {
	of, files := v.terms(), dir.Inputs()
	decode := func(text []byte) ([]string, error) { return wire.DecodeSample(text, P(new(Q)), wire.Limits{}) }
	columns, err := tables.NewColumns(flags.Bulk.Map, decode)
	if err != nil {
		return done, usage("--map: %v", err)
	}
	w := &work[Q, R, P]{engine: newPinned(engine, dir), view: v, terms: of, files: files}
	shown := &shownStatus{con: con, tokens: &w.engine.tokens, terminal: terminal(con.err)}
	run := job.Run{
		Dir: dir, Rows: tables.Read(files, columns), Work: w, Batch: order.Batch{Questions: of.most, Bytes: batchBytes}, Flight: flight,
		Report: shown.report, Each: shown.each(), Out: out, Columns: slices.Concat(headColumns, of.columns, []tables.Column{errorColumn}),
	}
	done, err = run.Do(ctx)
	shown.end()
	if err != nil && shown.rows > 0 {
		fmt.Fprintln(con.err, flags.Bulk.stopped()) //nolint:errcheck // a hint
	}
	if err != nil {
		return done, bulk.Explained(err)
	}
	passed := slices.Sorted(slices.Values(slices.Concat(columns.Passed(), slices.Collect(maps.Keys(w.ignored)))))
	if passed = slices.Compact(passed); len(passed) > 0 {
		fmt.Fprintf(con.err, "assay: passed over, as no model reads it: %s\n", strings.Join(passed, ", ")) //nolint:errcheck // beside the answers
	}
	return done, nil
}

// stopped says how a run that was stopped goes on.
func (f *bulkFlags) stopped() string {
	switch {
	case f.Verify != "":
		return "assay: the verification was stopped, and nothing of it is kept: the same command begins anew"
	case f.Restart:
		return "assay: the run was stopped, and nothing of it is lost: the same command without --restart goes on"
	}
	return "assay: the run was stopped, and nothing of it is lost: the same command goes on"
}

// directory opens that of the run. An output without a run is one that has ended.
func (f *bulkFlags) directory(plan job.Plan) (*job.Directory, error) {
	path := partOf(f.Out)
	if f.Restart {
		if err := job.Discard(path); err != nil {
			return nil, err
		}
		return job.Open(path, plan)
	}
	_, there := os.Stat(f.Out)
	if _, err := os.Stat(path); there == nil && err != nil {
		return nil, fmt.Errorf("%s is there already, whole: --restart writes it anew", f.Out)
	}
	return job.Open(path, plan)
}

// answerer is who is asked, a server or the models of this process, and how many batches at once.
func (f *offlineFlags) answerer(ctx context.Context, most int) (engine bulk.Engine, flight int, stop func() error, err error) {
	if f.Bulk.URL == "" {
		engine, stop, err = f.engine(ctx)
		return engine, localFlight, stop, err
	}
	token, err := f.Bulk.token()
	if err != nil {
		return nil, 0, nil, err
	}
	flight = f.Bulk.Flight
	if flight == 0 {
		flight = max(1, awayItems/most)
	}
	away, err := client.New(client.Options{URL: f.Bulk.URL, Token: token, Flight: flight, GiveUp: f.Bulk.GiveUp})
	if err != nil {
		return nil, 0, nil, usage("--url: %v", err)
	}
	return away, flight, away.Close, nil
}

// token is that of the server; empty: none.
func (f *bulkFlags) token() (string, error) {
	if f.TokenFile == "" {
		return strings.TrimSpace(os.Getenv("ASSAY_TOKEN")), nil
	}
	text, err := os.ReadFile(f.TokenFile)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	words := strings.Fields(string(text))
	if len(words) != 1 {
		return "", fmt.Errorf("--token-file: %s has %d words, and must have one token", f.TokenFile, len(words))
	}
	return words[0], nil
}

// changing are the flags that change answers, by name, those left out that are as they are by themselves.
func (f *offlineFlags) changing(beside map[string]string) map[string]string {
	all := map[string]string{"model": f.Models.Model, "recipe": strings.Join(f.Recipe.Recipe, " ")}
	if f.Truncate != "error" {
		all["truncate"] = string(f.Truncate)
	}
	for _, field := range slices.Sorted(maps.Keys(f.Bulk.Map)) {
		all["map"] = strings.TrimPrefix(all["map"]+","+field+"="+f.Bulk.Map[field], ",")
	}
	maps.Copy(all, beside)
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

// given is a flag that was given, empty where it was not.
func given(is bool, value string) string {
	if is {
		return value
	}
	return ""
}

// shownStatus tells how far a run is: on a terminal in one line that changes, else in a line now and then.
type shownStatus struct {
	con      *console
	tokens   interface{ Load() int64 }
	terminal bool
	begun    bool  // a line is on the terminal
	rows     int64 // that were done at the last report
}

func (s *shownStatus) each() time.Duration {
	if s.terminal {
		return time.Second
	}
	return 30 * time.Second
}

func (s *shownStatus) report(of job.Status) {
	s.rows = of.Rows
	seconds := max(of.Took.Seconds(), 1e-3)
	now := float64(of.Rows - of.Before)
	text := fmt.Sprintf("assay: %d rows", of.Rows)
	if of.All > 0 {
		text += fmt.Sprintf(", %.1f %%", min(100, 100*float64(of.Rows)/of.All))
	}
	text += fmt.Sprintf("; %.0f rows/s, %.0f tokens/s", now/seconds, float64(s.tokens.Load())/seconds)
	if of.Failed > 0 {
		text += "; " + strconv.FormatInt(of.Failed, 10) + " failed"
	}
	if left := of.All - float64(of.Rows); now > 0 && left >= 1 {
		text += "; " + time.Duration(left/now*float64(of.Took)).Round(time.Second).String() + " left"
	}
	if !s.terminal {
		fmt.Fprintln(s.con.err, text) //nolint:errcheck // beside the answers
		return
	}
	s.begun = true
	fmt.Fprintf(s.con.err, "\r\x1b[K%s", text) //nolint:errcheck // beside the answers
}

// end ends the line on the terminal.
func (s *shownStatus) end() {
	if s.begun {
		fmt.Fprintln(s.con.err) //nolint:errcheck // beside the answers
	}
}
