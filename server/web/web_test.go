package web

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// mostScript is how many bytes all scripts of the page may have together.
const mostScript = 60_000

// TestThePageIsSmall: whoever opens it over a slow line does not wait, and whoever reads it has read it soon.
func TestThePageIsSmall(t *testing.T) {
	scripts := 0
	for name, file := range Files() {
		if path.Ext(name) == ".js" {
			scripts += len(file.Content)
			if lines := strings.Count(string(file.Content), "\n"); lines > 250 {
				t.Errorf("%s has %d lines, and a file may have 250", name, lines)
			}
		}
	}
	if scripts == 0 || scripts >= mostScript {
		t.Errorf("the scripts have %d bytes, and less than %d are allowed", scripts, mostScript)
	}
}

// TestThePageNeedsNobodyElse: it names no other host, and makes no markup of text. (The name space of SVG looks like an
// address and is none.)
func TestThePageNeedsNobodyElse(t *testing.T) {
	elsewhere := regexp.MustCompile(`(https?:)?//[a-z]+\.[a-z]`)
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\son[a-z]+=|\sstyle=`)
	for name, file := range Files() {
		text := strings.ReplaceAll(string(file.Content), "http://www.w3.org/2000/svg", "")
		if found := elsewhere.FindString(text); found != "" {
			t.Errorf("%s refers to another host: %s", name, found)
		}
		if found := markup.FindString(text); found != "" {
			t.Errorf("%s has %q", name, found)
		}
		if file.Media == "" {
			t.Errorf("%s has no media type", name)
		}
	}
}

// TestEveryFileIsUsed: what a file names is there, and every file is named by another.
func TestEveryFileIsUsed(t *testing.T) {
	named, files := map[string]bool{Document: true}, Files()
	reference := regexp.MustCompile(`(?:from|import|src=|href=)\s*"(?:\./|web/)([a-z]+\.(?:js|css))"`)
	for _, file := range files {
		for _, match := range reference.FindAllSubmatch(file.Content, -1) {
			named[string(match[1])] = true
		}
	}
	for name := range named {
		if _, there := files[name]; !there {
			t.Errorf("%s is named, and not there", name)
		}
	}
	for name := range files {
		if !named[name] {
			t.Errorf("%s is there, and no file names it", name)
		}
	}
}
