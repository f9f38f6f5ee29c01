//go:build postgres

package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// nobody runs the server where root runs the tests, since PostgreSQL refuses to be root's.
const nobody = 65534

// cluster is a PostgreSQL server of Debian's package with a data directory of its own, on a free port.
type cluster struct {
	root, url string
	port      int
	process   *exec.Cmd
}

// newCluster lays out a cluster and starts it. `make test-state` has put the package under .runtime.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	root, err := os.MkdirTemp("", "assay-postgres") //nolint:usetesting // the folders of t are closed to another user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	c := &cluster{root: root}
	// A user other than root may not be able to look into the checkout.
	if out, err := exec.CommandContext(t.Context(), "cp", "-r", "../../../.runtime/postgresql", filepath.Join(root, "package")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s; rewards/state/postgres/server.sh makes it", err, out)
	}
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Chmod(root, 0o755), os.Chown(root, nobody, nobody)); err != nil { //nolint:gosec // another user looks into it
			t.Fatal(err)
		}
	}
	if out, err := c.program(t.Context(), "initdb", "--username=assay", "--auth=trust", "--encoding=UTF8", "--locale=C", "--pgdata="+c.data()).CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it asks for a free port
	if err != nil {
		t.Fatal(err)
	}
	c.port = listener.Addr().(*net.TCPAddr).Port
	c.url = fmt.Sprintf("postgres://assay@127.0.0.1:%d/postgres", c.port)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	c.start(t)
	t.Cleanup(func() { c.stop(t, syscall.SIGINT) })
	return c
}

func (c *cluster) data() string { return filepath.Join(c.root, "data") }

func (c *cluster) program(ctx context.Context, name string, args ...string) *exec.Cmd {
	libraries := filepath.Join(c.root, "package/usr/lib/x86_64-linux-gnu") + ":" + filepath.Join(c.root, "package/lib/x86_64-linux-gnu")
	cmd := exec.CommandContext(ctx, filepath.Join(c.root, "package/usr/lib/postgresql/15/bin", name), args...)
	cmd.Dir, cmd.Env = c.root, append(os.Environ(), "LD_LIBRARY_PATH="+libraries, "LC_ALL=C", "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return cmd
}

// start runs the server until stop, and waits until it answers.
func (c *cluster) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var said bytes.Buffer
	c.process = c.program(context.WithoutCancel(t.Context()), "postgres", "-D", c.data(), "-p", strconv.Itoa(c.port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "jit=off", "-c", "timezone=GMT", "-c", "log_timezone=GMT")
	c.process.Stdout, c.process.Stderr = &said, &said
	if err := c.process.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		connection, err := pgx.Connect(ctx, c.url)
		if err == nil {
			if err := connection.Close(ctx); err != nil {
				t.Fatal(err)
			}
			return
		}
		select {
		case <-ctx.Done():
			c.stop(t, syscall.SIGQUIT)
			t.Fatalf("the server does not answer: %v; it says %s", err, said.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends the server: SIGINT in order, SIGQUIT as a crash would.
func (c *cluster) stop(t *testing.T, with syscall.Signal) {
	t.Helper()
	if err := c.process.Process.Signal(with); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := c.process.Wait(); err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
}
