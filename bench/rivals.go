package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// rivalKinds are the protocols that can be measured beside Assay, each as it asks for raw scores of texts.
var rivalKinds = map[string]func(base string) Target{
	"openrlhf": openRLHF, "tei": tei, "vllm": vllmClassify, "vllm-pooling": vllmPooling, "infinity": infinity,
}

// rivals is the flag -rival KIND=URL, repeated.
type rivals struct{ targets []Target }

// String implements flag.Value.
func (*rivals) String() string { return "" }

// Set implements flag.Value.
func (r *rivals) Set(text string) error {
	kind, address, _ := strings.Cut(text, "=")
	make, known := rivalKinds[kind]
	if !known {
		return fmt.Errorf("rival %q: want one of %s", kind, rivalNames())
	}
	base, err := loopback(address)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(r.targets, func(t Target) bool { return t.Name == kind }) {
		return fmt.Errorf("rival %s: given twice", kind)
	}
	target := make(base)
	target.Name = kind
	r.targets = append(r.targets, target)
	return nil
}

// openRLHF is OpenRLHF's remote reward contract.
func openRLHF(base string) Target {
	return Target{
		URL:    base + "/get_reward",
		Encode: func(texts []string) ([]byte, error) { return json.Marshal(map[string]any{"query": texts}) },
		Decode: func(body []byte) ([]Answer, error) {
			var got struct{ Rewards []float64 }
			err := json.Unmarshal(body, &got)
			return scored(got.Rewards), err
		},
	}
}

// tei is text-embeddings-inference. A flat list would be a pair, so every text is a list of its own. Texts are cut in
// silence by default; they are not to be.
func tei(base string) Target {
	return Target{
		URL: base + "/predict",
		Encode: func(texts []string) ([]byte, error) {
			inputs := make([][]string, len(texts))
			for i, text := range texts {
				inputs[i] = []string{text}
			}
			return json.Marshal(map[string]any{"inputs": inputs, "raw_scores": true, "truncate": false})
		},
		Decode: func(body []byte) ([]Answer, error) {
			var got [][]struct{ Score float64 }
			if err := json.Unmarshal(body, &got); err != nil {
				return nil, err
			}
			var answers []Answer
			for i, labels := range got {
				if len(labels) != 1 {
					return nil, fmt.Errorf("text %d: %d labels, want one", i, len(labels))
				}
				answers = append(answers, Answer{Score: labels[0].Score})
			}
			return answers, nil
		},
	}
}

// vllmClassify is vLLM's classification route.
func vllmClassify(base string) Target { return vllm(base, "/classify") }

// vllmPooling is vLLM's pooling route.
func vllmPooling(base string) Target { return vllm(base, "/pooling") }

func vllm(base, route string) Target {
	return Target{
		URL: base + route,
		Encode: func(texts []string) ([]byte, error) {
			return json.Marshal(map[string]any{"input": texts, "use_activation": false, "add_special_tokens": false})
		},
		Decode: func(body []byte) ([]Answer, error) {
			var got struct {
				Data []struct {
					Index       int
					Probs, Data []float64
				}
			}
			if err := json.Unmarshal(body, &got); err != nil {
				return nil, err
			}
			answers := make([]Answer, len(got.Data))
			for i, d := range got.Data {
				row := append(d.Probs, d.Data...)
				if d.Index != i || len(row) != 1 {
					return nil, fmt.Errorf("text %d: index %d, %d values, want one", i, d.Index, len(row))
				}
				answers[i] = Answer{Score: row[0]}
			}
			return answers, nil
		},
	}
}

// infinity is Infinity, which scores with a one-label model as a pair of query and document only, and strips both: its
// tokens are about the same as the text's, its scores may not be.
func infinity(base string) Target {
	return Target{
		URL: base + "/rerank",
		Encode: func(texts []string) ([]byte, error) {
			query, err := sharedPrompt(texts)
			if err != nil {
				return nil, err
			}
			documents := make([]string, len(texts))
			for i, text := range texts {
				documents[i] = strings.TrimPrefix(text, query)
			}
			return json.Marshal(map[string]any{"query": query, "documents": documents, "raw_scores": true})
		},
		Decode: func(body []byte) ([]Answer, error) {
			var got struct {
				Results []struct {
					Index int
					Score float64 `json:"relevance_score"`
				}
			}
			if err := json.Unmarshal(body, &got); err != nil {
				return nil, err
			}
			answers := make([]Answer, len(got.Results))
			for _, r := range got.Results {
				if r.Index < 0 || r.Index >= len(answers) {
					return nil, fmt.Errorf("index %d of %d results", r.Index, len(answers))
				}
				answers[r.Index] = Answer{Score: r.Score}
			}
			return answers, nil
		},
	}
}

// sharedPrompt is the conversation that all the texts begin with; of a lone text without one, its first word.
func sharedPrompt(texts []string) (string, error) {
	before, _, found := strings.Cut(texts[0], assistantTurn)
	if found {
		before += assistantTurn
	} else if len(texts) == 1 {
		before, _, _ = strings.Cut(texts[0], " ")
	}
	for _, text := range texts {
		if !strings.HasPrefix(text, before) || (!found && len(texts) > 1) {
			return "", fmt.Errorf("%d texts without a prompt in common cannot be one request", len(texts))
		}
	}
	return before, nil
}

func scored(scores []float64) []Answer {
	answers := make([]Answer, len(scores))
	for i, s := range scores {
		answers[i] = Answer{Score: s}
	}
	return answers
}

func rivalNames() string { return strings.Join(slices.Sorted(maps.Keys(rivalKinds)), ", ") }
