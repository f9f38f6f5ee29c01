package server

import (
	"net/http"
	"testing"
)

// TestABodyIsTakenAlikeWithoutTheEngine: what a protocol answers by itself asks of a body what a question does, its
// type and a caller who may ask; and a request without a body needs neither.
func TestABodyIsTakenAlikeWithoutTheEngine(t *testing.T) {
	const body = `{"ids":[[1,20]]}`
	s := newServer(t, &fakeEngine{}, Options{Tokens: []Token{{Token: "a1", Name: "a", Rate: 3}}})
	send := func(path, body, media string) int {
		return do(t, s, http.MethodPost, path, body, "Content-Type", media, "Authorization", "Bearer a1").status
	}
	if status := send("/decode", body, "text/plain"); status != http.StatusUnsupportedMediaType {
		t.Errorf("a body of text: %d", status)
	}
	if status := send("/decode", body, "application/json"); status != http.StatusOK {
		t.Errorf("a body: %d", status)
	}
	for range 2 { // each has three tokens
		byToken(t, s, "a1")
	}
	if status := send("/decode", body, "application/json"); status != http.StatusTooManyRequests {
		t.Errorf("a body of a caller over its rate: %d", status)
	}
	if status := send("/v2/repository/index", "", "text/plain"); status != http.StatusOK {
		t.Errorf("no body: %d", status)
	}
}
