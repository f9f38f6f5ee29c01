package commands

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/order"
	"github.com/assay-rm/assay/server"
	"github.com/assay-rm/assay/server/client"
	"github.com/assay-rm/assay/server/wire"
)

// processCPU is the time that this process has computed, in user and system. On a machine that others use too it says
// more than the time that has passed.
func processCPU(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkBulk is how much of the ideal a run over a file reaches: rows that are in memory already, asked of the
// engine in the best order by as many as ask in a run, against the same rows of a file, answered into a file, by the
// models of this process and by a server over loopback. Rounds alternate; each is one iteration.
func BenchmarkBulk(b *testing.B) {
	const rows = 4096
	var text strings.Builder
	items, keys := make([]encode.Item, rows), make([]order.Key, rows)
	for i := range items {
		prompt, response := fmt.Sprintf("What is %d + %d?", i%61, i%47), fmt.Sprintf("%d + %d = %d. The answer is %d.", i%61, i%47, i, i)
		items[i] = encode.Item{Prompt: &prompt, Response: &response}
		keys[i] = order.Item(&items[i])
		fmt.Fprintf(&text, "{\"prompt\":%q,\"response\":%q}\n", prompt, response)
	}
	dir := b.TempDir()
	in, out := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "out.jsonl")
	if err := os.WriteFile(in, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	flags := offlineModels{Runtime: runtimeFlags{ONNXRuntime: filepath.Join("..", ".runtime", "lib", "libonnxruntime.so.1.27.0"), BatchTokens: 1024}, Model: "arith-rm"}
	loaded, err := flags.load(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer loaded.stop() //nolint:errcheck // a test's own
	engine := loaded.engine()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own
	if err != nil {
		b.Fatal(err)
	}
	s, err := server.New(serving{engine, loaded.registry}, server.Options{})
	if err != nil {
		b.Fatal(err)
	}
	go s.Serve(b.Context(), listener) //nolint:errcheck // it ends with the test
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	ideal := func() error {
		group, ctx := errgroup.WithContext(b.Context())
		group.SetLimit(localFlight)
		for _, batch := range order.Plan(keys, order.Batch{Questions: itemChunk, Bytes: batchBytes}) {
			some := make([]encode.Item, len(batch))
			for i, at := range batch {
				some[i] = items[at]
			}
			group.Go(func() error {
				_, err := engine.Ask(ctx, rewards.Request{Question: rewards.Score, Model: "arith-rm", Items: some})
				return err
			})
		}
		return group.Wait()
	}
	away, err := client.New(client.Options{URL: "http://" + listener.Addr().String(), Flight: awayItems / itemChunk, GiveUp: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	run := func(of bulk.Engine) func() error {
		return func() error {
			c := &scoreCommand{Offline: offlineFlags{Models: flags, Truncate: "error", Bulk: bulkFlags{In: []string{in}, Out: out, Restart: true}}}
			plan, err := c.Offline.plan("score", nil, c.Offline.Bulk.In)
			if err != nil {
				return err
			}
			dir, err := c.Offline.Bulk.directory(plan)
			if err != nil {
				return err
			}
			_, err = answerWith[wire.Item, rewards.Result, *wire.Item](b.Context(), &console{out: null, err: null}, &c.Offline, c, dir, out, of, localFlight)
			return err
		}
	}
	var seconds, cpu [3]float64
	for b.Loop() {
		for i, do := range []func() error{ideal, run(engine), run(away)} {
			start, before := time.Now(), processCPU(b)
			if err := do(); err != nil {
				b.Fatal(err)
			}
			seconds[i] += time.Since(start).Seconds()
			cpu[i] += (processCPU(b) - before).Seconds()
		}
	}
	b.ReportMetric(seconds[0]/seconds[1], "local/ideal")
	b.ReportMetric(seconds[0]/seconds[2], "remote/ideal")
	b.ReportMetric(cpu[0]/cpu[1], "local/ideal-cpu")
	b.ReportMetric(cpu[0]/cpu[2], "remote/ideal-cpu")
	b.ReportMetric(float64(rows*b.N)/seconds[0], "ideal-rows/s")
}
