package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	Settings
	url, model, rival      string
	python, script, padded string
	about, results         string
	timeout                time.Duration
	check                  bool
	only                   string
}

func main() {
	var o options
	flag.StringVar(&o.url, "url", "http://127.0.0.1:8080", "the Assay server, on this machine")
	flag.StringVar(&o.model, "model", "", "the model's name there; may be empty where it serves one reward model")
	flag.StringVar(&o.rival, "rival", "", "also measure a server of OpenRLHF's reward contract at this address")
	flag.StringVar(&o.padded, "padded", "", "the bundle of the same model in the padded layout (required)")
	flag.StringVar(&o.python, "python", "python3", "a Python with onnxruntime, tokenizers and numpy")
	flag.StringVar(&o.script, "ideal", "bench/ideal.py", "the script that measures the ideal")
	flag.StringVar(&o.about, "about", "", "a line about the model, for the report")
	flag.StringVar(&o.results, "results", "bench/results", "where the report is written; empty: nowhere")
	flag.StringVar(&o.only, "load", "", "measure this load only")
	flag.IntVar(&o.Rounds, "rounds", 5, "counted rounds per load")
	flag.IntVar(&o.Clients, "clients", 64, "requests in flight")
	flag.IntVar(&o.Threads, "threads", runtime.NumCPU(), "threads of the ideal")
	flag.Uint64Var(&o.Seed, "seed", 1, "of the texts")
	flag.Float64Var(&o.Tolerance, "tolerance", 1e-4, "between a server's score and the padded graph's")
	flag.DurationVar(&o.timeout, "timeout", 20*time.Minute, "the run ends after this, finished or not")
	flag.BoolVar(&o.check, "check", false, "fail when Assay's share of the ideal is below the one asked for")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures every load, prints the table, writes the report, and fails when Assay gave a wrong score.
func run(ctx context.Context, o options) (err error) {
	if o.padded == "" || o.Rounds < 1 || o.Rounds > 100 || o.Clients < 1 || o.Clients > 1024 {
		return errors.New("want -padded DIR, -rounds from 1 to 100, -clients from 1 to 1024")
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	targets, err := o.targets()
	if err != nil {
		return err
	}
	report := Report{
		Time: time.Now().UTC(), Commit: commit(ctx), Device: thisDevice(), Model: o.about, Settings: o.Settings,
		LoadAverage: loadAverage(),
	}
	ideal, err := StartIdeal(ctx, o.python, o.script, o.padded, o.Threads)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ideal.Close()) }()
	report.Versions = map[string]string{"go": strings.TrimPrefix(runtime.Version(), "go")}
	maps.Copy(report.Versions, ideal.Info.Versions)

	b := bench{Settings: o.Settings, ideal: ideal, budgets: ideal.Info.Budgets, targets: targets, client: NewClient(o.Clients)}
	b.progress = func(format string, args ...any) { fmt.Fprintf(os.Stderr, format, args...) }
	defer b.client.Close()
	if err := b.calibrate(); err != nil {
		return err
	}
	for _, load := range loads {
		if o.only != "" && o.only != load.Name {
			continue
		}
		result, err := b.measure(ctx, load)
		if err != nil {
			return err
		}
		report.Loads = append(report.Loads, result)
	}
	return o.conclude(report, os.Stdout)
}

// targets are the servers to measure.
func (o options) targets() ([]Target, error) {
	assay, err := assayTarget(o.url, o.model)
	if err != nil || o.rival == "" {
		return []Target{assay}, err
	}
	rival, err := rivalTarget(o.rival)
	return []Target{assay, rival}, err
}

// conclude prints and writes the report, and judges it.
func (o options) conclude(report Report, out io.Writer) error {
	if err := report.Print(out); err != nil {
		return err
	}
	unsteady := report.Unsteady()
	if len(unsteady) > 0 {
		fmt.Fprintf(os.Stderr, "\nnot written: other work disturbed the ideal on %s; measure again when the machine is quiet (load average before: %.2f)\n",
			strings.Join(unsteady, ", "), report.LoadAverage)
	}
	if o.results != "" && o.only == "" && len(unsteady) == 0 {
		path, err := report.Save(o.results)
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "\nwritten to", path)
	}
	if wrong := report.Wrong("assay"); wrong > 0 {
		return fmt.Errorf("%d scores differ from the padded graph's by more than %g", wrong, o.Tolerance)
	}
	if missed := report.Missed("assay"); o.check && len(missed) > 0 {
		return fmt.Errorf("below the share asked for: %s", strings.Join(missed, ", "))
	}
	return nil
}
