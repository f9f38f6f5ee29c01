package models

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// idle is a model of that name whose queue nobody runs.
func idle(name string, kind manifest.Kind) *Model {
	return &Model{info: Info{Manifest: manifest.Manifest{Name: name, Kind: kind}}, batcher: batching.New(nil, batching.Options{})}
}

// closed tells whether a model takes no more items.
func closed(m *Model) bool {
	return errors.Is(m.batcher.Admits(context.Background(), Caller{}, 1, 1), ErrClosed)
}

// TestAModelClosesWithItsLastHolder: whatever is added, replaced, removed, acquired and released, in any order, a model
// answers as long as somebody holds it or finds it, and is closed when nobody does either.
func TestAModelClosesWithItsLastHolder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		registry, err := NewRegistry()
		if err != nil {
			t.Fatal(err)
		}
		served, held := map[string]*Model{}, map[*Model]int{}
		var releases []func()
		all, revisions := map[*Model]bool{}, map[string]int{}
		numbered := func(t *rapid.T, m *Model) {
			if revisions[m.name()]++; m.info.Revision != revisions[m.name()] {
				t.Fatalf("%q has the revision %d after %d", m.name(), m.info.Revision, revisions[m.name()]-1)
			}
		}
		name := rapid.SampledFrom([]string{"a", "b", "c"})
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				m := idle(name.Draw(t, "name"), manifest.KindReward)
				if err := registry.Add(m); (err == nil) != (served[m.name()] == nil) {
					t.Fatalf("%q beside %v: %v", m.name(), served, err)
				} else if err == nil {
					served[m.name()], all[m] = m, true
					numbered(t, m)
				}
			},
			"replace": func(t *rapid.T) {
				m := idle(name.Draw(t, "name"), manifest.KindReward)
				if err := registry.Replace(m); (err == nil) != (served[m.name()] != nil) {
					t.Fatalf("%q beside %v: %v", m.name(), served, err)
				} else if err == nil {
					served[m.name()], all[m] = m, true
					numbered(t, m)
				}
			},
			"remove": func(t *rapid.T) {
				name := name.Draw(t, "name")
				if err := registry.Remove(name); (err == nil) != (served[name] != nil) {
					t.Fatalf("%q beside %v: %v", name, served, err)
				}
				delete(served, name)
			},
			"acquire": func(t *rapid.T) {
				name := name.Draw(t, "name")
				m, release, err := registry.Acquire(name, manifest.KindReward)
				if m != served[name] || (err == nil) != (m != nil) {
					t.Fatalf("%q is %v, not %v: %v", name, m, served[name], err)
				}
				if err == nil {
					held[m]++
					releases = append(releases, func() { release(); held[m]-- })
				}
			},
			"release": func(t *rapid.T) {
				if len(releases) == 0 {
					t.Skip("nobody holds a model")
				}
				i := rapid.IntRange(0, len(releases)-1).Draw(t, "holder")
				releases[i]()
				releases = slices.Delete(releases, i, i+1)
			},
			"": func(t *rapid.T) {
				for m := range all {
					wanted := held[m] > 0 || served[m.name()] == m
					if closed(m) == wanted {
						t.Fatalf("%q with %d holders is closed: %v", m.name(), held[m], closed(m))
					}
				}
				if len(registry.All()) != len(served) {
					t.Fatalf("%d models are listed, and %d served", len(registry.All()), len(served))
				}
			},
		})
	})
}

// TestModelsComeAndGoWhileAsked: under the race detector, whoever acquires a model finds it open until the release.
func TestModelsComeAndGoWhileAsked(t *testing.T) {
	registry, err := NewRegistry(idle("m", manifest.KindReward))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 500 {
				m, release, err := registry.Acquire("", manifest.KindReward)
				if err != nil || closed(m) {
					t.Errorf("%v; closed while held", err)
					return
				}
				release()
			}
		})
	}
	for range 500 {
		if err := registry.Replace(idle("m", manifest.KindReward)); err != nil {
			t.Fatal(err)
		}
	}
	group.Wait()
}

// TestARegistrySaysWhatThereIs: the sentence names what was asked for, shortened, and what is loaded.
func TestARegistrySaysWhatThereIs(t *testing.T) {
	registry, err := NewRegistry(idle("one", manifest.KindReward), idle("two", manifest.KindReward), idle("steps", manifest.KindProcess))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewRegistry(idle("one", manifest.KindReward), idle("one", manifest.KindProcess)); err == nil || !strings.Contains(err.Error(), `two bundles are named "one"`) {
		t.Error(err)
	}
	for _, test := range []struct {
		name string
		kind manifest.Kind
		code string
		want string
	}{
		{"", manifest.KindProcess, "", ""},
		{"two", manifest.KindReward, "", ""},
		{"", manifest.KindReward, fault.CodeModel, "2 reward models are loaded, so the request must name one: one, two, steps"},
		{"", manifest.KindPair, fault.CodeModel, "no pair model is loaded; loaded: one, two, steps"},
		{"three", manifest.KindReward, fault.CodeModel, `no model is named "three"; loaded: one, two, steps`},
		{strings.Repeat("\x01", 1<<20), manifest.KindReward, fault.CodeModel, "loaded: one, two, steps"},
		{"steps", manifest.KindReward, fault.CodeKind, `model "steps" is a process model, and this question needs one of kind reward`},
	} {
		_, release, err := registry.Acquire(test.name, test.kind)
		var known *fault.Error
		switch {
		case test.code == "" && err != nil:
			t.Errorf("%q: %v", test.name, err)
		case test.code == "":
			release()
		case !errors.As(err, &known) || known.Code != test.code || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 600:
			t.Errorf("%.20q: %v, want %s", test.name, err, test.want)
		}
	}
}
