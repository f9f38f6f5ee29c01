package server

import (
	"context"
	"net/http"
	"testing"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/server/wire"
)

// fakeLoader loads every model but "broken", and remembers what it was asked.
type fakeLoader struct{ asked []string }

func (l *fakeLoader) Load(_ context.Context, name, folder, expect string) (Loaded, error) {
	l.asked = append(l.asked, "load "+name+" "+folder+" "+expect)
	if name == "broken" {
		return Loaded{}, fault.New(fault.CodeBundle, "bundle broken: it does not hold")
	}
	return Loaded{Digest: "sha256:2", Revision: 2, Before: "sha256:1", Changed: true}, nil
}

func (l *fakeLoader) Unload(_ context.Context, name string) (Loaded, error) {
	l.asked = append(l.asked, "unload "+name)
	return Loaded{Digest: "sha256:2", Revision: 2, Changed: true}, nil
}

func TestLoadsOverHTTP(t *testing.T) {
	loader := &fakeLoader{}
	s := newServer(t, &fakeEngine{}, Options{Loader: loader})
	loaded := made[wire.LoadAnswer](t, s, "/v1/models/m", `{"bundle":"m-2","expect_digest":"sha256:2"}`)
	if loaded.Model != "m" || loaded.Digest != "sha256:2" || loaded.Revision != 2 || loaded.Before != "sha256:1" || !loaded.Changed {
		t.Errorf("%+v", loaded)
	}
	made[wire.LoadAnswer](t, s, "/v1/models/m", "")
	if p := refusal(t, do(t, s, "POST", "/v1/models/broken", "{}")); p.Code != "bad_bundle" || p.Status != 422 {
		t.Errorf("%+v", p)
	}
	gone := decoded[wire.UnloadAnswer](t, do(t, s, "DELETE", "/v1/models/m", ""))
	if gone.Unloaded != "m" || gone.Digest != "sha256:2" || gone.Revision != 2 {
		t.Errorf("%+v", gone)
	}
	want := []string{"load m m-2 sha256:2", "load m  ", "load broken  ", "unload m"}
	if len(loader.asked) != len(want) {
		t.Fatalf("asked %q", loader.asked)
	}
	for i := range want {
		if loader.asked[i] != want[i] {
			t.Errorf("asked %q, want %q", loader.asked[i], want[i])
		}
	}
}

// TestWhoMayLoad: a token without models=write changes nothing, and neither does anybody where the server cannot.
func TestWhoMayLoad(t *testing.T) {
	loader := &fakeLoader{}
	s := newServer(t, &fakeEngine{}, Options{Loader: loader, Tokens: []Token{{Token: "w", Name: "trainer", Loads: true}, {Token: "r", Name: "viewer"}}})
	none := newServer(t, &fakeEngine{}, Options{})
	for _, test := range []struct {
		server *Server
		token  string
		status int
	}{{s, "w", http.StatusOK}, {s, "r", http.StatusForbidden}, {s, "", http.StatusUnauthorized}, {none, "", http.StatusForbidden}} {
		for _, method := range []string{"POST", "DELETE"} {
			got := do(t, test.server, method, "/v1/models/m", "", "Authorization", "Bearer "+test.token)
			if got.status != test.status {
				t.Errorf("%s by %q: %d %s", method, test.token, got.status, got.body)
			}
		}
	}
	if len(loader.asked) != 2 {
		t.Errorf("asked %q", loader.asked)
	}
	open := newServer(t, &fakeEngine{}, Options{Loader: loader})
	for site, status := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200} {
		if got := do(t, open, "POST", "/v1/models/m", "", "Sec-Fetch-Site", site); got.status != status {
			t.Errorf("a page of %s: %d %s", site, got.status, got.body)
		}
	}
}
