package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/client"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// Entry is what the engine was asked, and what it answered.
type Entry struct {
	ID      string    // of the request
	At      time.Time // when it was answered
	Route   string    // that it came by
	Caller  string
	Request rewards.Request
	Answer  rewards.Answer
	Kept    *wire.Kept // ids and metadata of its items; nil: none

	held int64 // bytes in the queue
}

// Line is the JSON line of an entry.
type Line struct {
	ID      string           `json:"id"`
	At      string           `json:"at"`
	Route   string           `json:"route"`
	Caller  string           `json:"caller,omitempty"`
	Asks    rewards.Question `json:"asks"`
	Path    string           `json:"path"`              // of the native API
	Request json.RawMessage  `json:"request"`           // its body there
	Refused []int            `json:"refused,omitempty"` // items or responses that could not be read, and are empty in the body
	Digests []string         `json:"digests,omitempty"` // sha256 of each item, prompt or pair, where the texts are left out
	Answer  json.RawMessage  `json:"answer"`
}

// Recorded tells whether a question is recorded: those that give scores are.
func Recorded(q rewards.Question) bool {
	switch q { //nolint:exhaustive // the others give none
	case rewards.Score, rewards.Rank, rewards.Compare, rewards.Pairs, rewards.Steps:
		return true
	}
	return false
}

// line is the entry as JSON. The model has its name, so that the same is asked again.
func (e *Entry) line(texts bool) ([]byte, error) {
	asked := e.Request
	asked.Model, asked.Kind, asked.Expect, asked.Refused = e.Answer.Model, "", "", nil
	if asked.Recipe != "" {
		asked.Model = ""
	}
	path, form, err := client.Body(&asked)
	if err != nil {
		return nil, err
	}
	of := Line{ID: e.ID, At: e.At.UTC().Format(time.RFC3339Nano), Route: e.Route, Caller: e.Caller, Asks: asked.Question, Path: path}
	for i := range e.Request.Refused {
		of.Refused = append(of.Refused, i)
	}
	slices.Sort(of.Refused)
	if !texts {
		of.Digests = withoutTexts(form)
	}
	if of.Request, err = json.Marshal(form); err != nil {
		return nil, err
	}
	if of.Answer, err = e.answer(texts); err != nil {
		return nil, err
	}
	text, err := json.Marshal(of)
	return append(text, '\n'), err
}

// answer is the body of the answer in the native API. Without texts it has no detail of a problem and no final answer
// of a vote, which may quote them, and no metadata.
func (e *Entry) answer(texts bool) ([]byte, error) {
	kept := e.Kept
	if kept != nil && !texts {
		kept = &wire.Kept{Group: plain(e.Kept.Group)}
		for _, tag := range e.Kept.Each {
			kept.Each = append(kept.Each, plain(tag))
		}
	}
	switch e.Answer.Question { //nolint:exhaustive // those that are recorded
	case rewards.Score:
		return body(native.ScoreAnswer(&e.Answer), kept, texts)
	case rewards.Rank:
		form := native.RankAnswer(&e.Answer)
		if !texts {
			form.Selected.Answer, form.Selected.Votes = nil, nil
		}
		return body(form, kept, texts)
	case rewards.Steps:
		return body(native.StepsAnswer(&e.Answer), kept, texts)
	}
	return body(native.CompareAnswer(&e.Answer), kept, texts)
}

// plain is a tag without its metadata.
func plain(tag *wire.Tag) *wire.Tag {
	if tag == nil || tag.ID == nil {
		return nil
	}
	return &wire.Tag{ID: tag.ID}
}

func body(form interface{ Keep(kept *wire.Kept) }, kept *wire.Kept, texts bool) ([]byte, error) {
	if kept != nil {
		form.Keep(kept)
	}
	text, err := json.Marshal(form)
	if err != nil || texts {
		return text, err
	}
	var of any
	if err := json.Unmarshal(text, &of); err != nil {
		return nil, err
	}
	withoutDetails(of)
	return json.Marshal(of)
}

// withoutDetails takes the details out of problems, wherever they are.
func withoutDetails(of any) {
	switch of := of.(type) {
	case []any:
		for _, one := range of {
			withoutDetails(one)
		}
	case map[string]any:
		for name, one := range of {
			if problem, ok := one.(map[string]any); ok && name == "error" {
				delete(problem, "detail")
			}
			withoutDetails(one)
		}
	}
}

// withoutTexts takes out of a body what is scored, and gives the digest of each.
func withoutTexts(form any) (digests []string) {
	switch of := form.(type) {
	case *wire.ScoreRequest:
		digests, of.Items = all(of.Items), nil
	case *wire.StepsRequest:
		digests, of.Items = all(of.Items), nil
	case *wire.RankRequest:
		digests = append([]string{digest(of.Prompted)}, all(of.Responses)...)
		of.Prompted, of.Responses, of.Answers, of.Given = wire.Prompted{}, nil, nil, nil
	case *wire.CompareRequest:
		if of.Pairs == nil {
			digests = append([]string{digest(of.Prompted)}, all(of.Responses)...)
		} else {
			digests = all(of.Pairs)
		}
		of.Prompted, of.Responses, of.Given, of.Pairs = wire.Prompted{}, nil, nil, nil
	}
	return digests
}

func all[T any](of []T) []string {
	digests := make([]string, len(of))
	for i := range of {
		digests[i] = digest(of[i])
	}
	return digests
}

// digest is the sha256 of what is scored, as JSON.
func digest(of any) string {
	text, _ := json.Marshal(of) //nolint:errchkjson // it was decoded of JSON
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
