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
	"time"
)

// An Ideal is what servers are compared with. It holds the texts of the last Load.
type Ideal interface {
	// Load takes the texts of a round and says how many tokens each has.
	Load(texts []string) (tokens []int, err error)
	// Run scores them in batches of so many padded tokens.
	Run(budget int) (IdealPass, error)
	// Single scores text i of them alone.
	Single(i int) (IdealPass, error)
}

// IdealPass is one run over a round's texts.
type IdealPass struct {
	Seconds float64   `json:"seconds"`
	Scores  []float64 `json:"scores"`
}

// IdealInfo is how the ideal describes itself.
type IdealInfo struct {
	Budgets  []int             `json:"budgets"`
	Threads  int               `json:"threads"`
	Versions map[string]string `json:"versions"`
}

// Process is ideal.py in a child process, asked and answering in JSON lines. It is not safe for concurrent use.
type Process struct {
	Info   IdealInfo
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	answer *json.Decoder
}

// StartIdeal starts the script with the padded bundle and waits until its graph is loaded. The child ends with ctx or Close.
func StartIdeal(ctx context.Context, python, script, bundle string, threads int) (*Process, error) {
	cmd := exec.CommandContext(ctx, python, script, bundle, "--threads", strconv.Itoa(threads))
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
		return nil, errors.Join(fmt.Errorf("ideal: %s %s %s: no first line: %w", python, script, bundle, err), p.Close())
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
func (p *Process) Run(budget int) (IdealPass, error) {
	var got IdealPass
	err := p.ask(map[string]any{"budget": budget}, &got)
	return got, err
}

// Single implements Ideal.
func (p *Process) Single(i int) (IdealPass, error) {
	var got IdealPass
	err := p.ask(map[string]any{"single": i}, &got)
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
