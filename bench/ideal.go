package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// An Ideal is what servers are compared with. It holds the texts of the last Load.
type Ideal interface {
	// Load takes the texts of a round and says how many tokens each has.
	Load(texts []string) (tokens []int, err error)
	// Run scores them in one of its ways: an engine, and the tokens of a batch, "packed 1024".
	Run(way string) (IdealPass, error)
	// Single scores text i of them alone.
	Single(way string, i int) (IdealPass, error)
}

// IdealPass is one run over a round's texts.
type IdealPass struct {
	Seconds float64   `json:"seconds"`
	Scores  []float64 `json:"scores"`
}

// time is how long it took.
func (p IdealPass) time() time.Duration { return time.Duration(p.Seconds * float64(time.Second)) }

// IdealInfo is how the ideal describes itself.
type IdealInfo struct {
	Ways     []string          `json:"ways"`
	Threads  int               `json:"threads"`
	Versions map[string]string `json:"versions"`
}

// Graphs are the bundles of one checkpoint that the ideal runs, by directory. Padded and Packed must be given.
type Graphs struct {
	Padded, Packed         string
	PaddedInt8, PackedInt8 string // weights stored as int8
	OpenVINO               bool   // runs Padded with OpenVINO too
}

// arguments are the script's.
func (g Graphs) arguments() []string {
	given := []string{g.Padded, g.Packed}
	if g.PaddedInt8 != "" {
		given = append(given, "--padded-int8", g.PaddedInt8)
	}
	if g.PackedInt8 != "" {
		given = append(given, "--packed-int8", g.PackedInt8)
	}
	if g.OpenVINO {
		given = append(given, "--openvino")
	}
	return given
}

// Process is ideal.py in a child process, asked and answering in JSON lines. It is not safe for concurrent use.
type Process struct {
	Info   IdealInfo
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	answer *json.Decoder
}

// StartIdeal starts the script and waits for its first line. The child ends with ctx or Close.
func StartIdeal(ctx context.Context, python, script string, graphs Graphs, threads int) (*Process, error) {
	cmd := exec.CommandContext(ctx, python, append(append([]string{script}, graphs.arguments()...), "--threads", strconv.Itoa(threads))...)
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = 5 * time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("ideal: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("ideal: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("ideal: %w", err)
	}
	p := &Process{cmd: cmd, stdin: stdin, answer: json.NewDecoder(bufio.NewReader(stdout))}
	if err := p.answer.Decode(&p.Info); err != nil {
		return nil, errors.Join(fmt.Errorf("ideal: %s: no first line: %w", strings.Join(cmd.Args, " "), err), p.Close())
	}
	return p, nil
}

// Load implements Ideal.
func (p *Process) Load(texts []string) ([]int, error) {
	var got struct {
		Tokens []int `json:"tokens"`
	}
	if err := p.ask(map[string]any{"texts": texts}, &got); err != nil {
		return nil, err
	}
	if len(got.Tokens) != len(texts) {
		return nil, fmt.Errorf("ideal: %d token counts for %d texts", len(got.Tokens), len(texts))
	}
	return got.Tokens, nil
}

// Run implements Ideal.
func (p *Process) Run(way string) (IdealPass, error) {
	var got IdealPass
	err := p.ask(map[string]any{"run": way}, &got)
	return got, err
}

// Single implements Ideal.
func (p *Process) Single(way string, i int) (IdealPass, error) {
	var got IdealPass
	err := p.ask(map[string]any{"run": way, "only": i}, &got)
	if err == nil && len(got.Scores) != 1 {
		err = fmt.Errorf("ideal: %d scores for one text", len(got.Scores))
	}
	return got, err
}

// Close ends the child by ending its input, and waits for it.
func (p *Process) Close() error {
	return errors.Join(p.stdin.Close(), p.cmd.Wait())
}

func (p *Process) ask(request, answer any) error {
	if err := json.NewEncoder(p.stdin).Encode(request); err != nil {
		return fmt.Errorf("ideal: %w", err)
	}
	if err := p.answer.Decode(answer); err != nil {
		return fmt.Errorf("ideal: no answer: %w", err)
	}
	return nil
}
