package commands

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// kills is how often a run, or the server of a job, is killed: ASSAY_KILLS=50, as make test-kills sets it, or a few
// times.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("ASSAY_KILLS")
	if text == "" {
		return 6
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// killed is a command whose runs are killed, and what it makes when it is not.
type killed struct {
	dir  string
	args []string
	out  string
}

func (k *killed) start(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "assay", append(k.args, "--out", k.out)...)
	cmd.Dir = k.dir
	cmd.Env = append(os.Environ(), "ASSAY_ONNXRUNTIME="+runtimeFile(t), batchTokens)
	said := &bytes.Buffer{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, said
}

// whole runs the command to its end, and gives its result and how long it took.
func (k *killed) whole(t *testing.T) ([]byte, time.Duration) {
	t.Helper()
	start := time.Now()
	cmd, said := k.start(t)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	took := time.Since(start)
	result, err := os.ReadFile(filepath.Join(k.dir, k.out))
	if err != nil {
		t.Fatal(err)
	}
	return result, took
}

// TestAKilledRunLosesNothing: a run that is killed at random moments, again and again, ends with the bytes of one that
// nobody disturbed, whatever its format and its kind of model.
func TestAKilledRunLosesNothing(t *testing.T) {
	dir := t.TempDir()
	chance := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)) //nolint:gosec // moments
	var features, texts bytes.Buffer
	for n := range 50000 {
		fmt.Fprintf(&features, "{\"features\":{\"length\":%d,\"citations\":%d,\"age_days\":%d,\"readability\":0.5,\"spam\":%g},\"id\":%d}\n",
			chance.IntN(999), chance.IntN(9), chance.IntN(999), chance.Float64(), n)
	}
	for n := range 3000 {
		a, b := chance.IntN(30), chance.IntN(30)
		fmt.Fprintf(&texts, "{\"prompt\":\"What is %d + %d?\",\"response\":\"%d\",\"id\":%d}\n", a, b, a+b+chance.IntN(2), n)
	}
	for name, text := range map[string][]byte{"features.jsonl": features.Bytes(), "texts.jsonl": texts.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bundle := func(path string) string {
		full, err := filepath.Abs(filepath.Join(fixtures, path))
		if err != nil {
			t.Fatal(err)
		}
		return full
	}
	for _, k := range []killed{
		{dir, []string{"score", "--bundle", bundle("../heads/judge"), "--in", "features.jsonl"}, "features.parquet"},
		{dir, []string{"score", "--bundle", bundle("qwen3-reward-packed"), "--in", "texts.jsonl"}, "texts.jsonl.zst"},
	} {
		want, took := k.whole(t)
		ended, again := 0, func() {
			if err := os.Remove(filepath.Join(dir, k.out)); err != nil {
				t.Fatal(err)
			}
		}
		again()
		for n := 0; n < kills(t); {
			cmd, said := k.start(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(chance.Float64()*1.05*float64(took)))
			stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() }) //nolint:errcheck // it may have ended
			err := cmd.Wait()
			stop()
			cancel()
			switch {
			case err == nil:
				ended++
				if got, err := os.ReadFile(filepath.Join(dir, k.out)); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%s: after %d kills the result differs: %v", k.out, n, err)
				}
				again()
			case cmd.ProcessState.ExitCode() == -1:
				n++
				if _, err := os.Stat(filepath.Join(dir, k.out)); err == nil {
					if _, err := os.Stat(filepath.Join(dir, k.out+".part")); err != nil { // killed after its end
						ended++
						if got, err := os.ReadFile(filepath.Join(dir, k.out)); err != nil || !bytes.Equal(got, want) {
							t.Fatalf("%s: after %d kills the result differs: %v", k.out, n, err)
						}
						again()
					}
				}
			default:
				t.Fatalf("%s: %v: %s", k.out, err, said)
			}
		}
		if got, _ := k.whole(t); !bytes.Equal(got, want) {
			t.Fatalf("%s: after all kills the result differs", k.out)
		}
		t.Logf("%s: %d kills over %d runs of %s", k.out, kills(t), ended+1, took.Round(time.Millisecond))
	}
}
