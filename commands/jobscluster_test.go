package commands

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/assay-rm/assay/server/jobs"
)

// natsCluster is three NATS servers, and their addresses.
func natsCluster(t *testing.T) (nodes []*server.Server, where string) {
	t.Helper()
	var routes []*url.URL
	var addresses []string
	ports := freePorts(t, 6)
	for _, port := range ports[:3] {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)})
	}
	for i := range 3 {
		node, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprintf("node%d", i), Host: "127.0.0.1", Port: ports[3+i], NoLog: true, NoSigs: true,
			JetStream: true, StoreDir: filepath.Join(t.TempDir(), "nats"),
			Cluster: server.ClusterOpts{Name: "jobs", Host: "127.0.0.1", Port: ports[i]}, Routes: routes,
		})
		if err != nil {
			t.Fatal(err)
		}
		node.Start()
		t.Cleanup(func() { node.Shutdown(); node.WaitForShutdown() })
		nodes = append(nodes, node)
		addresses = append(addresses, fmt.Sprintf("nats://127.0.0.1:%d", ports[3+i]))
	}
	where = strings.Join(addresses, ",")
	for { // until they have found each other, or the test's time is over
		store, err := jobs.Open(t.Context(), where, jobs.Limits{Store: 64 << 20}, slog.New(slog.DiscardHandler))
		if err == nil {
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			return nodes, where
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close() //nolint:errcheck // it only held the port
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// TestServersShareJobs: three servers share the jobs of a NATS cluster. The one that took a job is killed, and then one
// of the cluster's servers stops; the others end the job, and nothing is lost or there twice.
func TestServersShareJobs(t *testing.T) {
	scores := scoreJob(6000)
	calm := serveJobs(t, t.TempDir())
	j, err := post(t, calm.url, "scores", scores)
	if err != nil {
		t.Fatal(err)
	}
	want := followed(t, calm.url, j.ID)
	calm.stop(t, syscall.SIGTERM)

	nodes, where := natsCluster(t)
	var servers []*served
	for range 3 {
		servers = append(servers, serve(t, append([]string{"--jobs", where, "--jobs-store", "64MiB"}, jobModel...)...))
	}
	if j, err = post(t, servers[0].url, "scores", scores); err != nil {
		t.Fatal(err)
	}
	begun := func(rows int) keptJob {
		for {
			if j := ask(t, servers[1].url, j.ID); j.Done >= rows {
				return j
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	one := begun(1)
	servers[0].kill(t)
	two := begun(one.Done + 1)
	nodes[0].Shutdown()
	nodes[0].WaitForShutdown()
	got := followed(t, servers[1].url, j.ID)
	complete(t, got, j.Rows)
	if !bytes.Equal(got, want) {
		t.Error("the result is another than that of one server that nobody disturbs")
	}
	if again := followed(t, servers[2].url, j.ID); !bytes.Equal(again, got) {
		t.Error("another server has another result")
	}
	after := ask(t, servers[2].url, j.ID)
	if after.Status != "done" || after.Done != after.Rows {
		t.Errorf("%+v", after)
	}
	t.Logf("one server was killed after %d rows of %d, and a server of the cluster stopped after %d", one.Done, j.Rows, two.Done)
	for _, s := range servers[1:] {
		s.stop(t, syscall.SIGTERM)
	}
}
