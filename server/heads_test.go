package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/wire"
)

const features = `"features":{"length":400,"citations":3,"age_days":90,"readability":60,"spam":0.1}`

func TestRoutesOfModelsWithHeadGraphs(t *testing.T) {
	s := realServer(t, "../heads/judge", "../heads/user-rows", "../heads/preference")
	for _, test := range []struct {
		path, body string
		status     int
		words      []string // in the answer
	}{
		{"/v1/score", `{"model":"judge","items":[{` + features + `}]}`, 200, []string{`"transforms":["sigmoid","weights","mean 0.5 std 0.25"]`, `"scores":{"honesty":`, `"tokens":5,`}},
		{"/v1/score", `{"model":"judge","explain":"gradient","items":[{` + features + `},{"text":"a"}]}`, 200, []string{`"gradient":{"age_days":`, `"bad_item"`, "an item of it has no other form"}},
		{"/v1/score", `{"model":"judge","items":[{"features":{"length":1,"citations":1,"age_days":1,"readability":1}}]}`, 422, []string{`"bad_item"`, "features.spam is missing"}},
		{"/v1/score", `{"model":"judge","items":[{"features":{"spam":1e300,"length":1,"citations":1,"age_days":1,"readability":1}}]}`, 422, []string{`"bad_item"`, "features.spam is 1e+300"}},
		{"/v1/score", `{"model":"judge","items":[{"features":{"spam":null}}]}`, 422, []string{`"invalid_field"`, "items[0].features"}},
		{"/v1/score", `{"model":"judge","items":[{"features":{"spam":"1"}}]}`, 422, []string{`"invalid_field"`, "features"}},
		{"/v1/score", `{"model":"judge","items":[{"features":{"spam":1,"spam":2}}]}`, 422, []string{`"invalid_field"`, "items[0].features.spam: given twice"}},
		{"/v1/score", `{"model":"judge","explain":"shap","items":[{` + features + `}]}`, 422, []string{`"invalid_field"`, "explain"}},
		{"/v1/score", `{"model":"user-rows","explain":"gradient","items":[{"text":"a","user":[0,0,0,0]}]}`, 422, []string{`"invalid_field"`, `explain: a gradient is by features, and model \"user-rows\" reads tokens`}},
		{"/v1/score", `{"model":"user-rows","items":[{"text":"a","user":[0,0.5,-1,0]},{"text":"a"},{"text":"a","user":[1]}]}`, 200, []string{`"score":`, "user has 0 numbers", "user has 1 numbers"}},
		{"/v1/score", `{"model":"user-rows","items":[{` + features + `}]}`, 422, []string{`"bad_item"`, "features are for models that read them"}},
		{"/v1/score", `{"model":"user-rows","items":[{"text":"a","user":[0,null,1,0]}]}`, 422, []string{`"invalid_field"`, "items[0].user[1]"}},
		{"/v1/score", `{"model":"user-rows","items":[{"text":"a","user":[null],"user":[0,0,1,0]}]}`, 422, []string{`"invalid_field"`, "items[0].user[0]: expected number, got null"}},
		{"/v1/score", `{"model":"user-rows","items":[{"input_ids":[5,null,9],"user":[0,0,1,0]}]}`, 422, []string{`"invalid_field"`, "items[0].input_ids[1]"}},
		{"/v1/rank", `{"user":[0,null,0,0],"model":"user-rows","prompt":"2+2?","responses":["4","5"]}`, 422, []string{`"invalid_field"`, "user[1]"}},
		{"/v1/compare", `{"model":"user-rows","pairs":[{"prompt":"2+2?","chosen":"4","rejected":"5","user":[1,null,0,0]}]}`, 422, []string{`"invalid_field"`, "pairs[0].user[1]"}},
		{"/v1/rank", `{"user":[1,0,0,0],"model":"user-rows","prompt":"2+2?","responses":["4","5"]}`, 200, []string{`"best":`}},
		{"/v1/rank", `{"model":"judge","prompt":"2+2?","responses":["4","5"]}`, 422, []string{`"wrong_kind"`, "a feature reward model answers score"}},
		{"/v1/compare", `{"model":"user-rows","pairs":[{"prompt":"2+2?","chosen":"4","rejected":"5","user":[1,0,0,0]}]}`, 200, []string{`"probability":`}},
		{"/v1/compare", `{"model":"preference","prompt":"2+2?","responses":["4","5"]}`, 200, []string{`"preference":[[0.5,`}},
		{"/v1/tokenize", `{"model":"judge","items":[{` + features + `}]}`, 422, []string{`"wrong_kind"`}},
	} {
		got := do(t, s, "POST", test.path, test.body)
		if got.status != test.status {
			t.Errorf("%s %s: %d %s", test.path, test.body, got.status, got.body)
		}
		for _, word := range test.words {
			if !strings.Contains(string(got.body), word) {
				t.Errorf("%s %s: no %s in %s", test.path, test.body, word, got.body)
			}
		}
	}
	if got := do(t, s, "GET", "/readyz", ""); got.status != http.StatusOK {
		t.Errorf("readyz: %d %s", got.status, got.body)
	}
	loaded := decoded[wire.ModelsAnswer](t, do(t, s, "GET", "/v1/models", "")).Models
	if !cmp.Equal(loaded[0].Features, []string{"length", "citations", "age_days", "readability", "spam"}) || loaded[1].User != 4 || loaded[2].Features != nil {
		t.Errorf("%+v", loaded)
	}
	for _, line := range []string{`assay_items_total{model="judge",outcome=`, `assay_queue_items{model="judge"} 0`, `assay_runs_total{model="judge"} `} {
		if got := do(t, s, "GET", "/metrics", ""); !strings.Contains(string(got.body), line) {
			t.Errorf("no %s in the metrics", line)
		}
	}
}

// TestTheSchemaShowsFeatures: an object of numbers, and what explain may be.
func TestTheSchemaShowsFeatures(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					Type                        any
					Enum                        []string
					Items, AdditionalProperties any
				}
			}
		}
	}
	if err := json.Unmarshal(do(t, s, "GET", "/openapi.json", "").body, &document); err != nil {
		t.Fatal(err)
	}
	item := document.Components.Schemas["Item"].Properties
	if f := item["features"]; f.Type != "object" || !cmp.Equal(f.AdditionalProperties, map[string]any{"type": "number", "format": "double"}) || item["user"].Type == nil {
		t.Errorf("%+v", f)
	}
	for name, of := range map[string]any{"user": map[string]any{"type": "number", "format": "double"}, "input_ids": map[string]any{"type": "integer", "format": "int64"}} {
		if list := item[name]; list.Type != "array" || !cmp.Equal(list.Items, of) {
			t.Errorf("%s: %+v", name, list)
		}
	}
	if explain := document.Components.Schemas["ScoreRequest"].Properties["explain"]; !cmp.Equal(explain.Enum, []string{"gradient"}) {
		t.Errorf("%+v", explain)
	}
}

// TestAModelOfFeaturesKeepsTheQueuesPromises: a full queue, a deadline that has passed, and the drain.
func TestAModelOfFeaturesKeepsTheQueuesPromises(t *testing.T) {
	m, err := models.Open(t.Context(), models.Dir("../models/testdata/heads/judge"), models.Options{MaxItems: 2})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := models.NewRegistry(m)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, served{rewards.New(registry), registry}, Options{})
	item := `{` + features + `}`
	ask := func(items, timeout string) reply {
		return do(t, s, "POST", "/v1/score", `{`+timeout+`"items":[`+items+`]}`)
	}
	// Nothing runs yet: what is asked waits.
	if got := ask(item, `"timeout_ms":1,`); got.status != 504 || !strings.Contains(string(got.body), `"deadline_exceeded"`) {
		t.Errorf("a deadline that passes in the queue: %d %s", got.status, got.body)
	}
	waiting := make(chan reply, 2)
	for _, one := range []string{item, `{"features":{"length":1,"citations":1,"age_days":1,"readability":1,"spam":1}}`} {
		go func() { waiting <- ask(one, "") }()
	}
	for m.Stats().Items < 2 {
		time.Sleep(time.Millisecond)
	}
	if p := refusal(t, ask(item, "")); p.Code != failure.CodeQueueFull || p.Status != 429 {
		t.Errorf("a full queue: %+v", p)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := m.Run(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	for range cap(waiting) {
		if got := <-waiting; got.status != 200 || strings.Count(string(got.body), `"score":`) != 1 {
			t.Errorf("what waited: %d %s", got.status, got.body)
		}
	}
	m.Close()
	running.Wait()
	if p := refusal(t, ask(item, "")); p.Code != failure.CodeClosed {
		t.Errorf("after the drain: %+v", p)
	}
}
