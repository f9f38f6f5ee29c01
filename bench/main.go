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
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	Settings
	servers            servers
	rivals             rivals
	python, script     string
	graphs             Graphs
	encoder            Graphs
	large, products    string
	operators, assay   string
	about, exporter    string
	results, render    string
	quote              string
	soak, timeout      time.Duration
	only               string
	list, needs, check bool
}

func main() {
	o := options{servers: servers{}}
	flag.Var(o.servers, "server", "an Assay server on this machine, repeated: `NAME=URL[,PID]`, NAME one of "+strings.Join(serverNames, ", "))
	flag.Var(&o.rivals, "rival", "also measure a rival's share of the ideal, repeated: `KIND=URL`, KIND one of "+rivalNames())
	flag.StringVar(&o.only, "load", "", "measure these `NAMES` only (with commas), and write nothing")
	flag.BoolVar(&o.list, "list", false, "list the loads, what is asked of them and the servers that they need")
	flag.BoolVar(&o.needs, "needs", false, "print the names of the servers needed")
	flag.BoolVar(&o.Short, "short", false, "the short form: 3 rounds, 2 of what takes long, a soak of 10 s")
	flag.IntVar(&o.Rounds, "rounds", 0, "counted rounds; 0: 5, or 3 in the short form")
	flag.DurationVar(&o.soak, "soak", 0, "length of the soak; 0: 30m, or 10s in the short form")
	flag.StringVar(&o.graphs.Padded, "padded", "", "the bundle `DIR` of the main server's reward model in the padded layout (required)")
	flag.StringVar(&o.graphs.Packed, "packed", "", "the bundle `DIR` that the main server serves (required)")
	flag.StringVar(&o.graphs.PackedInt8, "packed-int8", "", "the bundle `DIR` of the same model, packed, with weights stored as int8")
	flag.StringVar(&o.graphs.PaddedInt8, "padded-int8", "", "the bundle `DIR` of the same model, padded, with weights stored as int8")
	flag.StringVar(&o.encoder.Packed, "encoder", "", "the bundle `DIR` of the server encoder")
	flag.StringVar(&o.encoder.Padded, "encoder-padded", "", "the bundle `DIR` of the same encoder in the padded layout")
	flag.StringVar(&o.operators, "operators", "", "the bundle `DIR` of the same model of operators of our own, in float32")
	flag.StringVar(&o.large, "large", "", "the `DIR` with the bundles of the large model")
	flag.StringVar(&o.assay, "assay", "", "the `PROGRAM`, whose runs over files are measured")
	flag.StringVar(&o.products, "products", "", "also show the products of this JSON `FILE` in the roofline: what other programs measured")
	flag.BoolVar(&o.graphs.OpenVINO, "openvino", false, "measure OpenVINO too, which the Python must have")
	flag.BoolVar(&o.Before, "before", false, "side by side: every load on the servers and on those named before-… in turn, and the ratios")
	flag.StringVar(&o.python, "python", "python3", "a Python with onnxruntime, tokenizers and numpy")
	flag.StringVar(&o.script, "ideal", "bench/ideal.py", "the script that measures the ideal")
	flag.StringVar(&o.about, "about", "", "a line about the model, for the report")
	flag.StringVar(&o.exporter, "exporter", "", "sha256 over the exporter that made the models, for the report")
	flag.StringVar(&o.quote, "quote", "", "write the figures of these results `FILES` (with commas) into bench/README.md and measure nothing")
	flag.StringVar(&o.results, "results", "bench/results", "where the report is written; empty: nowhere")
	flag.StringVar(&o.render, "render", "", "write the page of this results `FILE` again and measure nothing")
	flag.IntVar(&o.Clients, "clients", 64, "clients of a closed loop")
	flag.IntVar(&o.Threads, "threads", runtime.NumCPU(), "threads of the ideal")
	flag.Uint64Var(&o.Seed, "seed", 1, "of the texts")
	flag.Float64Var(&o.Tolerance, "tolerance", 1e-4, "between a server's score and the padded graph's")
	flag.DurationVar(&o.timeout, "timeout", 2*time.Hour, "the run ends after this, finished or not")
	flag.BoolVar(&o.check, "check", false, "fail when a figure misses what is asked")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := o.do(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// do lists, draws or measures.
func (o options) do(ctx context.Context, out io.Writer) error {
	if o.render != "" {
		return renderFile(o.render)
	}
	if o.quote != "" {
		return quote("bench/README.md", strings.Split(o.quote, ","))
	}
	all := scenarios()
	if o.Before {
		all = besides()
	}
	chosen, err := choose(all, o.only)
	switch {
	case err != nil:
		return err
	case o.list:
		return list(out, chosen)
	case o.needs:
		_, err := fmt.Fprintln(out, strings.Join(needed(chosen), "\n"))
		return err
	}
	if err := o.complete(); err != nil {
		return err
	}
	report, err := o.run(ctx, chosen)
	if err != nil {
		return err
	}
	return o.conclude(report, out)
}

// complete fills in what the form of the run decides, and checks the rest.
func (o *options) complete() error {
	rounds, soak := 5, 30*time.Minute
	if o.Short {
		rounds, soak = 3, 10*time.Second
	}
	if o.Rounds == 0 {
		o.Rounds = rounds
	}
	if o.soak == 0 {
		o.soak = soak
	}
	o.Soak = o.soak.Seconds()
	if o.graphs.Padded == "" || o.graphs.Packed == "" || o.Rounds < 1 || o.Rounds > 100 || o.Clients < 1 || o.Clients > 1024 || o.Soak < 1 {
		return errors.New("want -padded DIR and -packed DIR, -rounds from 1 to 100, -clients from 1 to 1024, -soak from 1s")
	}
	return nil
}

// run measures the scenarios one after the other.
func (o options) run(ctx context.Context, chosen []Scenario) (report Report, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	report = Report{
		Time: time.Now().UTC(), Commit: commit(ctx), Device: thisDevice(), Model: o.about, Exporter: o.exporter, Settings: o.Settings,
		LoadAverage: loadAverage(), Versions: map[string]string{"go": strings.TrimPrefix(runtime.Version(), "go")},
		Servers: map[string]Served{},
	}
	last, file, err := lastCommitted(ctx, o.results, report)
	if err != nil {
		return report, err
	}
	for name, server := range o.servers {
		if report.Servers[name], err = identify(ctx, server); err != nil {
			return report, fmt.Errorf("server %s: %w", name, err)
		}
	}
	ideal, err := StartIdeal(ctx, o.python, o.script, o.graphs, o.Threads)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, ideal.Close()) }()
	maps.Copy(report.Versions, ideal.Info.Versions)
	b := &bench{
		Settings: o.Settings, ideal: ideal, ways: ideal.Info.Ways, servers: o.servers, rivals: o.rivals.targets,
		client: NewClient(maxInFlight), pause: singlePause, progress: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format, args...) },
	}
	if o.encoder.Packed != "" && o.encoder.Padded != "" {
		b.startEncoder = o.starter(o.encoder)
	}
	if o.assay != "" && o.operators != "" {
		b.command, b.bundle = commandOf(o.assay), o.operators
	}
	if o.graphs.OpenVINO {
		b.roofline = func(ctx context.Context) (Roofline, error) {
			return measureRoofline(ctx, o.python, filepath.Join(filepath.Dir(o.script), "roofline.py"), o.Threads, o.products)
		}
	}
	if o.large != "" {
		in := func(name string) string { return filepath.Join(o.large, name) }
		b.startLarge = o.starter(Graphs{Padded: in("large-padded"), Packed: in("large-packed"), PaddedInt8: in("large-padded-int8")})
	}
	defer b.client.Close()
	if err := b.calibrate(); err != nil {
		return report, err
	}
	for _, scenario := range chosen {
		result := b.measure(ctx, scenario)
		if ctx.Err() != nil {
			return report, fmt.Errorf("%s: %w", scenario.Name, ctx.Err())
		}
		fmt.Fprintf(os.Stderr, "%s: %s in %.0f s %s\n", result.Name, result.Verdict(), result.Seconds, result.Note())
		report.Results = append(report.Results, result)
	}
	report.Seconds = time.Since(report.Time).Seconds()
	if !o.Before && file != "" {
		report.tighten(last)
		fmt.Fprintf(os.Stderr, "asked besides: %g of the figures of %s\n", ratchet, file)
	}
	return report, nil
}

// starter starts another model's ideal, of as many engines as the first one's.
func (o options) starter(graphs Graphs) startIdeal {
	graphs.OpenVINO = o.graphs.OpenVINO
	return func(ctx context.Context) (Ideal, func() error, error) {
		ideal, err := StartIdeal(ctx, o.python, o.script, graphs, o.Threads)
		if err != nil {
			return nil, nil, err
		}
		return ideal, ideal.Close, nil
	}
}

// conclude prints and writes the report, and judges it.
func (o options) conclude(report Report, out io.Writer) error {
	if err := report.Print(out); err != nil {
		return err
	}
	if o.results != "" && o.only == "" {
		path, err := report.Save(o.results)
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "\nwritten to", path, "and its page beside it")
	}
	if names := report.with("wrong", "failed"); len(names) > 0 {
		return fmt.Errorf("wrong or not finished: %s", strings.Join(names, ", "))
	}
	if names := report.with("miss", "skipped", "void"); o.check && len(names) > 0 {
		return fmt.Errorf("below what is asked, or not measured: %s", strings.Join(names, ", "))
	}
	return nil
}
