//go:build postgres

package postgres

import (
	"strings"
	"syscall"
	"testing"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/state"
	"github.com/assay-rm/assay/rewards/state/storetest"
)

func opened(t *testing.T, url string) state.Store {
	t.Helper()
	store, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestStore(t *testing.T) {
	c := newCluster(t)
	var all []state.Store
	storetest.Check(t, func(t *testing.T) state.Store {
		t.Helper()
		all = append(all, opened(t, c.url))
		return all[len(all)-1]
	})
	for _, store := range all {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCrash: while the server is gone a state fails by its code, and afterwards has what was acknowledged.
func TestCrash(t *testing.T) {
	c := newCluster(t)
	states := state.New(opened(t, c.url), state.Limits{})
	defer states.Close() //nolint:errcheck // nothing is asked of it afterwards
	if _, err := states.Declare(t.Context(), "past", state.Spec{Kind: state.Running}); err != nil {
		t.Fatal(err)
	}
	one := []state.Update{{Values: []float64{1}}}
	if _, err := states.Update(t.Context(), "past", one, 0); err != nil {
		t.Fatal(err)
	}
	c.stop(t, syscall.SIGQUIT)
	if _, err := states.Update(t.Context(), "past", one, 0); err == nil || failure.Of(err).Code != failure.CodeStateFailed {
		t.Errorf("without a server: %v", err)
	}
	c.start(t)
	if _, err := states.Update(t.Context(), "past", one, 0); err != nil {
		t.Errorf("after a crash: %v", err)
	}
	_, readings, err := states.Read(t.Context(), "past", []state.Query{{}})
	if err != nil || readings[0].Numbers["count"].Value != 2 {
		t.Errorf("%+v, %v", readings, err)
	}
}

// TestReplicas: two that start at once make the tables once, and one sees at once what the other has changed.
func TestReplicas(t *testing.T) {
	c := newCluster(t)
	made := make(chan state.Store)
	const replicas = 4
	for range replicas {
		go func() {
			store, err := Open(t.Context(), c.url)
			if err != nil {
				t.Error(err)
			}
			made <- store
		}()
	}
	var all []*state.States
	for range replicas {
		if store := <-made; store != nil {
			all = append(all, state.New(store, state.Limits{}))
		}
	}
	width := state.Spec{Kind: state.Neighbours, Width: 2}
	for i, one := range all {
		if _, err := one.Declare(t.Context(), "seen", width); err != nil {
			t.Fatal(err)
		}
		score := float64(i)
		if _, err := one.Update(t.Context(), "seen", []state.Update{{Key: string(rune('a' + i)), Vector: []float64{1, 0}, Score: &score}}, 0); err != nil {
			t.Fatal(err)
		}
		for _, other := range all {
			_, readings, err := other.Read(t.Context(), "seen", []state.Query{{Vector: []float64{2, 0}}})
			if err != nil || readings[0].Numbers["count"].Value != float64(i+1) {
				t.Errorf("after %d: %+v, %v", i+1, readings, err)
			}
		}
	}
	for _, one := range all {
		if err := one.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestURL: what is no URL, or leads nowhere, is an error without the password.
func TestURL(t *testing.T) {
	for _, url := range []string{"postgres://u:secret@127.0.0.1:1/db", "postgres://u:secret@127.0.0.1:x/db", "secret"} {
		if _, err := Open(t.Context(), url); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}
