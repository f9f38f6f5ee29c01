package server

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/assay-rm/assay/rewards/state"
	"github.com/assay-rm/assay/rewards/state/bolt"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// newStates opens states in a file of their own.
func newStates(tb testing.TB) *state.States {
	tb.Helper()
	store, err := bolt.Open(filepath.Join(tb.TempDir(), "state.db"))
	if err != nil {
		tb.Fatal(err)
	}
	states := state.New(store, state.Limits{})
	tb.Cleanup(func() {
		if err := states.Close(); err != nil {
			tb.Error(err)
		}
	})
	return states
}

// made sends a body that must be taken.
func made[T any](t *testing.T, s *Server, path, body string) T {
	t.Helper()
	got := do(t, s, "POST", path, body)
	if got.status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, got.status, got.body)
	}
	return decoded[T](t, got)
}

func TestStatesOverHTTP(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{State: newStates(t)})
	info := made[wire.StateInfo](t, s, "/v1/state/reference", `{"kind":"quantiles","capacity":4,"quantile":0.5}`)
	if info.Name != "reference" || info.Spec.Keys != 1024 || info.Spec.Keep != "sample" || info.Keys != 0 || info.Version < 1 {
		t.Errorf("%+v", info)
	}
	after := made[wire.StateInfo](t, s, "/v1/state/reference",
		fmt.Sprintf(`{"updates":[{"prompt":"12 + 30?","values":[1,2,3]},{"key":"b","values":[5]}],"expect_version":%d}`, info.Version))
	if after.Keys != 2 || after.Version <= info.Version || after.Bytes <= 0 {
		t.Errorf("%+v", after)
	}
	again := do(t, s, "POST", "/v1/state/reference", fmt.Sprintf(`{"updates":[{"key":"b","values":[5]}],"expect_version":%d}`, info.Version))
	if p := refusal(t, again); p.Code != "state_conflict" || p.Status != 409 {
		t.Errorf("%+v", p)
	}
	got := decoded[wire.StateAnswer](t, do(t, s, "GET", "/v1/state/reference?key=b&key=nobody&prompt=12+%2B+30%3F&quantile=1", ""))
	if len(got.Readings) != 3 || *got.Readings[0].Numbers["quantile"] != 5 || got.Readings[0].Numbers["sample_deviation"] != nil ||
		got.Readings[1].Numbers["quantile"] != nil || *got.Readings[1].Numbers["count"] != 0 || *got.Readings[2].Numbers["quantile"] != 3 {
		t.Errorf("%+v", got.Readings)
	}
	if k := got.Readings[2].Key; k != "sha256:48ae0ed16cb5708ab41edea68b36914a0b337ef7e84e93551c72e7b4c8ae8cd1" {
		t.Errorf("key %q", k)
	}
	read := made[wire.StateAnswer](t, s, "/v1/state/reference/read", `{"queries":[{"prompt":"12 + 30?"},{"key":"b","quantile":0}]}`)
	if *read.Readings[0].Numbers["quantile"] != 2 || *read.Readings[1].Numbers["quantile"] != 5 || read.Version != after.Version {
		t.Errorf("%+v", read)
	}

	taken := do(t, s, "GET", "/v1/state/reference/snapshot", "")
	if forgot := made[wire.StateInfo](t, s, "/v1/state/reference", `{"forget":["b","nobody"]}`); forgot.Keys != 1 {
		t.Errorf("%+v", forgot)
	}
	if reset := made[wire.StateInfo](t, s, "/v1/state/reference", `{"reset":true}`); reset.Keys != 0 || reset.Bytes != 0 {
		t.Errorf("%+v", reset)
	}
	for _, name := range []string{"reference", "copy"} {
		back := made[wire.StateInfo](t, s, "/v1/state/"+name+"/restore", string(taken.body))
		if back.Name != name || back.Keys != 2 || back.Bytes != after.Bytes || back.Spec.Capacity != 4 {
			t.Errorf("%+v of %s", back, taken.body)
		}
	}
	if all := decoded[wire.StatesAnswer](t, do(t, s, "GET", "/v1/state", "")); len(all.States) != 2 || all.States[0].Name != "copy" {
		t.Errorf("%+v", all)
	}
	if gone := decoded[wire.StateGone](t, do(t, s, "DELETE", "/v1/state/copy", "")); gone.Deleted != "copy" {
		t.Errorf("%+v", gone)
	}
	if p := refusal(t, do(t, s, "GET", "/v1/state/copy", "")); p.Code != "unknown_state" || p.Status != 404 {
		t.Errorf("%+v", p)
	}
}

func TestStatesAreRefused(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{State: newStates(t), MaxBody: 1 << 20})
	made[wire.StateInfo](t, s, "/v1/state/past", `{"kind":"running","keys":1}`)
	made[wire.StateInfo](t, s, "/v1/state/seen", `{"kind":"neighbours","width":2}`)
	for _, test := range []struct {
		method, path, body string
		status             int
		code, detail       string
	}{
		{"POST", "/v1/state/past", `{"kind":"running","keys":2}`, 409, "state_conflict", `state "past" is declared otherwise`},
		{"POST", "/v1/state/other", `{"kind":"running","width":2}`, 422, "invalid_field", `width: a state of kind running has no such parameter`},
		{"POST", "/v1/state/other", `{"updates":[{"values":[1]}]}`, 404, "unknown_state", `no state is named "other"`},
		{"POST", "/v1/state/a%2Fb", `{"kind":"running"}`, 422, "invalid_field", `name: "a/b" is none`},
		{"POST", "/v1/state/past", `{"updates":[{"key":"a","values":[1]},{"key":"b","values":[1]}]}`, 413, "state_full", `state "past" would have 2 keys, and may have 1`},
		{"POST", "/v1/state/past", `{"updates":[{"label":1}]}`, 422, "invalid_field", `updates[0]: label: a state of kind running takes no label`},
		{"POST", "/v1/state/past", `{"updates":[{"values":[` + strings.Repeat("1,", 4096) + `1]}]}`, 413, "too_many_items", `updates[0].values: more than 4096, the limit of a request`},
		{"POST", "/v1/state/past", `{"updates":[` + strings.Repeat(`{"values":[1]},`, 256) + `{"values":[1]}]}`, 413, "too_many_items", `updates: more than 256, the limit of a request`},
		{"POST", "/v1/state/past", `{"reset":true,"pad":"` + strings.Repeat("a", 1<<20) + `"}`, 413, "body_too_large", `the body has`},
		{"POST", "/v1/state/past/restore", `{"spec":{"kind":"running","keys":1},"cells":[{"key":"a","value":{"count":-1}}]}`, 422, "invalid_field", `cells[0]: value: count -1`},
		{"POST", "/v1/state/seen/read", `{"queries":[{"vector":[1]}]}`, 422, "invalid_field", `queries[0]: vector: has 1 numbers, and the state's width is 2`},
		{"GET", "/v1/state/past?keys=a", ``, 422, "unknown_field", `keys: unknown field of the query string`},
		{"GET", "/v1/state/past?quantile=x", ``, 422, "invalid_field", `quantile: "x" is no number`},
		{"GET", "/v1/state/past?quantile=0.5", ``, 422, "invalid_field", `queries[0]: quantile: a state of kind running is read without it`},
		{"GET", "/v1/state/past?" + strings.Repeat("key=a&", 257), ``, 413, "too_many_items", `key: 257 are asked about, and one request may ask about 256`},
		{"DELETE", "/v1/state/past?key=a", ``, 422, "unknown_field", `key: unknown field of the query string`},
		{"DELETE", "/v1/state/past?expect_version=-1", ``, 422, "invalid_field", `expect_version: "-1" is no version`},
		{"DELETE", "/v1/state/past?expect_version=1000", ``, 409, "state_conflict", `state "past" has version`},
		{"PUT", "/v1/state/past", ``, 405, "method_not_allowed", ``},
		{"GET", "/v1/state/past/nothing", ``, 404, "not_found", ``},
	} {
		p := refusal(t, do(t, s, test.method, test.path, test.body))
		if p.Status != test.status || p.Code != test.code || !strings.HasPrefix(p.Detail, test.detail) {
			t.Errorf("%s %.60s %.60s: %+v, want %d %s %s", test.method, test.path, test.body, p, test.status, test.code, test.detail)
		}
	}
	if info := decoded[wire.StateAnswer](t, do(t, s, "GET", "/v1/state/past", "")); info.Keys != 0 {
		t.Errorf("something was changed: %+v", info)
	}
	without := newServer(t, &fakeEngine{}, Options{})
	for _, path := range []string{"/v1/state", "/v1/state/past", "/v1/state/past/snapshot"} {
		if p := refusal(t, do(t, without, "GET", path, "")); p.Code != "unknown_state" || !strings.Contains(p.Detail, "--state") {
			t.Errorf("%+v", p)
		}
	}
}

// TestWhoMayChangeStates: whoever is let in may read; only a token that says so may change.
func TestWhoMayChangeStates(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{State: newStates(t), Tokens: []Token{{Token: "w", Name: "trainer", Writes: true}, {Token: "r", Name: "viewer"}}})
	ask := func(token, method, path, body string) reply {
		return do(t, s, method, path, body, "Authorization", "Bearer "+token)
	}
	changes := []struct{ method, path, body string }{
		{"POST", "/v1/state/past", `{"kind":"running"}`},
		{"POST", "/v1/state/past", `{"updates":[{"values":[1]}]}`},
		{"POST", "/v1/state/past/restore", `{"spec":{"kind":"running"},"cells":[]}`},
		{"POST", "/v1/state/past", `{"reset":true}`},
	}
	for _, change := range changes {
		if p := refusal(t, ask("r", change.method, change.path, change.body)); p.Code != problem.CodeForbidden || p.Status != 403 || !strings.Contains(p.Detail, `"viewer"`) {
			t.Errorf("%+v", p)
		}
		if got := ask("w", change.method, change.path, change.body); got.status != 200 {
			t.Errorf("%s: %d %s", change.path, got.status, got.body)
		}
	}
	for _, token := range []string{"r", "w"} {
		for _, path := range []string{"/v1/state", "/v1/state/past", "/v1/state/past/snapshot"} {
			if got := ask(token, "GET", path, ""); got.status != 200 {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
		if got := ask(token, "POST", "/v1/state/past/read", `{"queries":[{}]}`); got.status != 200 {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if p := refusal(t, ask("r", "DELETE", "/v1/state/past", "")); p.Code != problem.CodeForbidden {
		t.Errorf("%+v", p)
	}
	if got := ask("w", "DELETE", "/v1/state/past", ""); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestUpdatesAtOnce: requests that change one state at once lose nothing.
func TestUpdatesAtOnce(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{State: newStates(t)})
	made[wire.StateInfo](t, s, "/v1/state/past", `{"kind":"running"}`)
	const clients, rounds = 8, 10
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range rounds {
				if got := do(t, s, "POST", "/v1/state/past", `{"updates":[{"values":[1,3]}]}`); got.status != 200 {
					t.Errorf("%d %s", got.status, got.body)
				}
			}
		})
	}
	all.Wait()
	got := decoded[wire.StateAnswer](t, do(t, s, "GET", "/v1/state/past", "")).Readings[0].Numbers
	if *got["count"] != 2*clients*rounds || *got["mean"] != 2 || *got["deviation"] != 1 {
		t.Errorf("%v updates, mean %v", *got["count"], *got["mean"])
	}
}
