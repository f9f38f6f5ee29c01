package wire

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestFilesOfTheRepositoryAreRead: every golden line and every example of the API's page keeps to the rules.
func TestFilesOfTheRepositoryAreRead(t *testing.T) {
	lines := 0
	read := func(path string, form func() Form) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			lines++
			if err := DecodeLine(line, form(), Limits{}); err != nil {
				t.Fatalf("%s: %v in %s", path, err, line)
			}
		}
	}
	err := filepath.WalkDir("../../models", func(path string, _ fs.DirEntry, err error) error {
		if filepath.Base(path) == "golden.jsonl" {
			read(path, forms["golden"])
		}
		return err
	})
	if err != nil || lines < 1000 {
		t.Errorf("%d lines, %v", lines, err)
	}
	page, err := os.ReadFile("../../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	routes := map[string]string{
		"/v1/score": "score", "/v1/rank": "rank", "/v1/compare": "compare", "/v1/steps": "steps", "/v1/choose": "choose", "/v1/logprobs": "logprobs", "/v1/tokenize": "tokenize",
		"/v1/state/reference": "state", "/v1/state/past": "state", "/v1/state/reference/read": "stateread", "/v1/state/copy/restore": "snapshot",
		"/v1/models/arith-rm": "load",
	}
	examples := regexp.MustCompile("(?s)```json request (\\S+)\n(.*?)```").FindAllSubmatch(page, -1)
	for _, example := range examples {
		if err := DecodeBody(example[2], forms[routes[string(example[1])]](), Limits{}); err != nil {
			t.Errorf("%s: %v in %s", example[1], err, example[2])
		}
	}
	if len(examples) < len(routes) {
		t.Errorf("docs/API.md has %d examples", len(examples))
	}
}

// TestRequestsOfPapersAreRead: every body of docs/PAPERS.md is one of score or of rank.
func TestRequestsOfPapersAreRead(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "PAPERS.md"))
	if err != nil {
		t.Fatal(err)
	}
	bodies := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1)
	for _, body := range bodies {
		form := Form(new(ScoreRequest))
		if bytes.Contains(body[1], []byte(`"responses"`)) {
			form = new(RankRequest)
		}
		if err := DecodeBody(body[1], form, Limits{}); err != nil {
			t.Errorf("%s: %v", body[1], err)
		}
	}
	if len(bodies) < 50 {
		t.Errorf("there are %d bodies", len(bodies))
	}
}
