package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/assay-rm/assay/server/problem"
)

func TestToken(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{Tokens: []Token{{Token: "s3cret"}}})
	send := func(method, path string, credentials func(*http.Request)) reply {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		credentials(r)
		return serve(s, r)
	}
	bearer := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	for name, test := range map[string]struct {
		credentials func(*http.Request)
		status      int
	}{
		"none":                      {func(*http.Request) {}, 401},
		"bearer":                    {bearer("Bearer s3cret"), 200},
		"lower case":                {bearer("bearer s3cret"), 200},
		"another":                   {bearer("Bearer s3cre"), 401},
		"longer":                    {bearer("Bearer s3crets"), 401},
		"empty":                     {bearer("Bearer "), 401},
		"scheme":                    {bearer("Token s3cret"), 401},
		"no scheme":                 {bearer(""), 401},
		"API key":                   {func(r *http.Request) { r.Header.Set("X-Api-Key", "s3cret") }, 200},
		"API key, another":          {func(r *http.Request) { r.Header.Set("X-Api-Key", "s3cre") }, 401},
		"API key, and nothing else": {func(r *http.Request) { r.Header.Set("Authorization", ""); r.Header.Set("X-Api-Key", "s3cret") }, 200},
		"bearer wins": {func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer other")
			r.Header.Set("X-Api-Key", "s3cret")
		}, 401},
		"url":           {func(r *http.Request) { r.SetBasicAuth("any", "s3cret") }, 200},
		"url, another":  {func(r *http.Request) { r.SetBasicAuth("s3cret", "any") }, 401},
		"url, no token": {func(r *http.Request) { r.SetBasicAuth("any", "") }, 401},
	} {
		response := send("GET", "/v1/models", test.credentials)
		if response.status != test.status {
			t.Errorf("%s: %d, want %d", name, response.status, test.status)
		}
		if test.status == 401 {
			if p := refusal(t, response); p.Code != problem.CodeUnauthorized || response.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %+v", name, p)
			}
		}
	}
	for _, route := range table(s) {
		response := send(route.method, route.path, func(*http.Request) {})
		if refused := response.status == http.StatusUnauthorized; refused == route.open {
			t.Errorf("%s without a token gives %d", route.path, response.status)
		}
	}
}

func TestCheckListen(t *testing.T) {
	for _, test := range []struct {
		addr        string
		guarded, ok bool
	}{
		{"127.0.0.1:8080", false, true},
		{"127.8.8.8:0", false, true},
		{"localhost:8080", false, true},
		{"[::1]:8080", false, true},
		{"[::ffff:127.0.0.1]:8080", false, true},
		{":8080", false, false},
		{"0.0.0.0:8080", false, false},
		{"[::]:8080", false, false},
		{"10.0.0.1:8080", false, false},
		{"example.com:8080", false, false},
		{"localhost.example.com:8080", false, false},
		{":8080", true, true},
		{"0.0.0.0:8080", true, true},
		{"127.0.0.1", false, false},
		{"", true, false},
	} {
		if err := CheckListen(test.addr, test.guarded); (err == nil) != test.ok {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

func TestOptionsAreValidated(t *testing.T) {
	if _, err := New(&fakeEngine{}, Options{Addr: ":1", MaxBody: -1, DrainDelay: -1}); err == nil {
		t.Fatal("accepted")
	} else {
		for _, word := range []string{"MaxBody", "DrainDelay", "token"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%v does not name %s", err, word)
			}
		}
	}
}
