package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/assay-rm/assay/server"
)

// healthTimeout bounds the question, the probe of every model included.
const healthTimeout = 10 * time.Second

// healthAnswer is the most of an answer that is read.
const healthAnswer = 1 << 20

// healthCommand is `assay health`, the health check of a container.
type healthCommand struct {
	Listen string `env:"ASSAY_LISTEN" default:"${listen}" placeholder:"HOST:PORT" help:"Where the server listens (${default}), as serve was told."`
}

// Run asks a server on this machine whether it is ready, and fails unless it says so. It needs no token.
func (c *healthCommand) Run(ctx context.Context, con *console) error {
	network, address, err := dialled(c.Listen)
	if err != nil {
		return usage("%v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	if err := ready(ctx, network, address); err != nil {
		return fmt.Errorf("the server on %s is not ready: %w", c.Listen, err)
	}
	_, err = fmt.Fprintf(con.out, "the server on %s is ready\n", c.Listen)
	return err
}

// dialled is how a server that listens on an address is reached from its own machine.
func dialled(listen string) (network, address string, err error) {
	if path, ok := server.SocketPath(listen); ok {
		return "unix", path, nil
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", "", fmt.Errorf("--listen %q: must be host:port or unix:PATH: %w", listen, err)
	}
	if host == "" || host == "0.0.0.0" {
		host = "127.0.0.1"
	} else if host == "::" {
		host = "::1"
	}
	return "tcp", net.JoinHostPort(host, port), nil
}

// ready is nil where GET /readyz answers 200, and otherwise says why it does not.
func ready(ctx context.Context, network, address string) error {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/readyz", nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("no answer within %s", short(healthTimeout))
		}
		return errors.Unwrap(err) // the URL says less than the address
	}
	defer response.Body.Close() //nolint:errcheck // read as far as it matters
	if response.StatusCode == http.StatusOK {
		return nil
	}
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.NewDecoder(io.LimitReader(response.Body, healthAnswer)).Decode(&problem) != nil || problem.Detail == "" {
		return fmt.Errorf("GET /readyz answers %s", response.Status)
	}
	return errors.New(problem.Detail)
}
