package commands

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// served is a server in a process of its own.
type served struct {
	url    string
	ready  string // the line on stdout
	cmd    *exec.Cmd
	stderr bytes.Buffer // to be read after wait
}

// serve starts `assay serve` on a free port and returns when it says that it is ready. The process ends with the test.
func serve(t *testing.T, args ...string) *served {
	t.Helper()
	return serveWith(t, nil, args...)
}

// serveWith is serve with more variables in its environment.
func serveWith(t *testing.T, environment []string, args ...string) *served {
	t.Helper()
	s := &served{cmd: assay(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)}
	s.cmd.Env = append(s.cmd.Env, environment...)
	s.start(t)
	return s
}

// start starts the process and returns when it says that it is ready. It ends with the test.
func (s *served) start(t *testing.T) {
	t.Helper()
	s.cmd.Stderr = &s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
		}
	})
	lines := bufio.NewReader(out)
	if s.ready, err = lines.ReadString('\n'); err != nil {
		_ = s.cmd.Wait()
		t.Fatalf("no ready line: %v; stderr: %s", err, s.stderr.String())
	}
	s.url = regexp.MustCompile(`http://[^ ]+`).FindString(s.ready)
}

// assay is the command in a process of its own: this binary, called by that name.
func assay(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "assay")
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
	cmd.Env = append(os.Environ(), "ASSAY_ONNXRUNTIME="+runtimeFile(t), batchTokens)
	return cmd
}

// stop sends the signal and waits; the status must be 0.
func (s *served) stop(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Fatalf("after %v: %v; stderr: %s", signal, err, s.stderr.String())
	}
}

func TestServeSaysWhatIsReady(t *testing.T) {
	s := serve(t, "--bundle", filepath.Join(fixtures, "qwen3-reward-packed"))
	want := regexp.MustCompile(`^assay is ready on (http://127\.0\.0\.1:\d+) with arith-rm \(reward\), arith-prm \(process\), ` +
		`qwen3-reward-packed \(reward\); http://127\.0\.0\.1:\d+/docs says how to ask\n$`)
	if !want.MatchString(s.ready) {
		t.Errorf("ready line %q", s.ready)
	}
	if status := get(t, s.url+"/readyz", ""); status != http.StatusOK {
		t.Errorf("readyz: %d", status)
	}
	s.stop(t, os.Interrupt)
	for line := range strings.Lines(s.stderr.String()) { // not a terminal: JSON lines
		if !json.Valid([]byte(line)) {
			t.Errorf("log line is not JSON: %s", line)
		}
	}
}

func TestServeAsksForItsToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--no-builtin", "--bundle", filepath.Join(fixtures, "qwen3-reward-packed"), "--token-file", file)
	if status := get(t, s.url+"/v1/models", ""); status != http.StatusUnauthorized {
		t.Errorf("without the token: %d", status)
	}
	if status := get(t, s.url+"/v1/models", "Bearer secret"); status != http.StatusOK {
		t.Errorf("with the token: %d", status)
	}
	s.stop(t, syscall.SIGTERM)
}

// TestServeLosesNothing stops a server under load. Every request that the server took up, by its own log, must have
// reached its client whole; every other must have failed at the connection, so that the client knows to ask elsewhere.
func TestServeLosesNothing(t *testing.T) {
	s := serve(t, "--no-builtin", "--bundle", filepath.Join(fixtures, "qwen3-reward-packed"), "--log-level", "debug")
	var (
		mu       sync.Mutex
		answered = map[string]bool{} // by request id
		clients  sync.WaitGroup
	)
	warm := make(chan struct{}, 1024)
	for client := range 8 {
		clients.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("client-%d-%d", client, n)
				if err := scoreOnce(t, s.url, id); err != nil {
					if errors.Is(err, errAnswer) {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				answered[id] = true
				mu.Unlock()
				select {
				case warm <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 100 { // the load is there
		<-warm
	}
	s.stop(t, syscall.SIGTERM)
	clients.Wait()
	taken := 0
	for line := range strings.Lines(s.stderr.String()) {
		var entry struct {
			Msg, Request string
			Status       int
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Msg != "request" {
			continue
		}
		taken++
		if entry.Status != http.StatusOK || !answered[entry.Request] {
			t.Errorf("request %s was taken up with status %d, and its client has an answer: %v", entry.Request, entry.Status, answered[entry.Request])
		}
	}
	if taken != len(answered) {
		t.Errorf("the server took up %d requests, and the clients have %d answers", taken, len(answered))
	}
}

// errAnswer marks an answer that is not what it should be.
var errAnswer = errors.New("answer")

// scoreOnce asks for one score over a connection of its own.
func scoreOnce(t *testing.T, url, id string) error {
	t.Helper()
	body := fmt.Sprintf(`{"items":[{"prompt":"%s","response":"42"}]}`, id)
	request := newRequest(t, http.MethodPost, url+"/v1/score", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Request-Id", id)
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(response.Body)
	var answer struct{ Results []struct{ Score *float64 } }
	if err != nil || response.StatusCode != http.StatusOK || json.Unmarshal(text, &answer) != nil ||
		len(answer.Results) != 1 || answer.Results[0].Score == nil {
		return errors.Join(fmt.Errorf("%w to %s: %d, %s", errAnswer, id, response.StatusCode, text), err)
	}
	return nil
}

func newRequest(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// get asks over a connection of its own and gives the status.
func get(t *testing.T, url, authorization string) int {
	t.Helper()
	request := newRequest(t, http.MethodGet, url, nil)
	request.Header.Set("Authorization", authorization)
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only the status counts
	return response.StatusCode
}

// A server that is told to stop before it is ready, or just then, has not failed.
func TestServeStopsWhileLoading(t *testing.T) {
	cmd := assay(t, "serve", "--listen", "127.0.0.1:0")
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(log)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, `"msg":"loaded"`) {
		t.Errorf("first line %q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	rest, err := io.ReadAll(lines)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		t.Errorf("%v: %s", err, rest)
	}
}

// TestServeOnASocket: the ready line names the socket, a second server is refused, one that was killed leaves no
// obstacle, and one that stops leaves no file.
func TestServeOnASocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "assay.sock")
	args := []string{"--no-builtin", "--bundle", filepath.Join(fixtures, "qwen3-reward-packed"), "--listen", "unix:" + socket}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	ready := func() {
		t.Helper()
		response, err := client.Do(newRequest(t, http.MethodGet, "http://localhost/readyz", nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("readyz: %d, %v", response.StatusCode, err)
		}
	}
	killed := serve(t, args...)
	if want := "assay is ready on unix:" + socket + " with qwen3-reward-packed (reward); curl --unix-socket "; !strings.HasPrefix(killed.ready, want) {
		t.Errorf("ready line %q", killed.ready)
	}
	ready()
	second := assay(t, append([]string{"serve"}, args...)...)
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), "address_in_use: unix:"+socket) {
		t.Errorf("beside a live server: %v, %s", err, out)
	}
	if err := killed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.cmd.Wait()
	s := serve(t, args...)
	ready()
	s.stop(t, syscall.SIGTERM)
	if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}
