package commands

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// TestHealth asks servers that are ready, on each kind of address and although they ask others for a token.
func TestHealth(t *testing.T) {
	bundle := filepath.Join(fixtures, "qwen3-reward-packed")
	socket := "unix:" + filepath.Join(t.TempDir(), "s")
	t.Setenv("ASSAY_TOKEN", "secret")
	for _, listen := range []string{"0.0.0.0:0", socket} {
		s := serve(t, "--no-builtin", "--bundle", bundle, "--listen", listen)
		if listen != socket {
			listen = strings.TrimPrefix(s.url, "http://")
		}
		cmd := assay(t, "health")
		cmd.Env = append(cmd.Env, "ASSAY_LISTEN="+listen)
		out, err := cmd.CombinedOutput()
		if want := "the server on " + listen + " is ready\n"; err != nil || string(out) != want {
			t.Errorf("health of %s: %v, %q; want %q", listen, err, out, want)
		}
	}
}

// TestHealthSaysWhyNot: an answer other than 200 is unhealthy, and the sentence has the server's reason where it gives
// one.
func TestHealthSaysWhyNot(t *testing.T) {
	for _, test := range []struct {
		status     int
		body, want string
	}{
		{503, `{"detail": "the server is draining", "ready": false}`, "the server is draining"},
		{503, "busy", "GET /readyz answers 503 Service Unavailable"},
		{404, "{}", "GET /readyz answers 404 Not Found"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			_, _ = w.Write([]byte(test.body))
		}))
		err := ready(t.Context(), "tcp", s.Listener.Addr().String())
		s.Close()
		if err == nil || err.Error() != test.want {
			t.Errorf("%d %s: %v, want %q", test.status, test.body, err, test.want)
		}
	}
}

// TestDialled holds how an address to listen on becomes one to dial.
func TestDialled(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:8080":    "tcp 127.0.0.1:8080",
		"0.0.0.0:8080":      "tcp 127.0.0.1:8080",
		":8080":             "tcp 127.0.0.1:8080",
		"[::]:8080":         "tcp [::1]:8080",
		"scores.local:80":   "tcp scores.local:80",
		"unix:/run/a.sock":  "unix /run/a.sock",
		"unix:relative/too": "unix relative/too",
	} {
		network, address, err := dialled(listen)
		if got := network + " " + address; err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", listen, got, err, want)
		}
	}
	if _, _, err := dialled("nowhere"); err == nil {
		t.Error("nowhere is dialled")
	}
}
