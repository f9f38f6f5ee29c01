package server

import (
	"fmt"
	"net/http"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/protocols"
)

// What on_error of a request of the native API may be; left out, an answer all of whose items failed with one status
// has that status.
const (
	onErrorItem = "item" // an answer is one whatever its items have
	onErrorFail = "fail" // one failed item fails the request
)

// statusOf is the status of an answer, or why the request fails, as it asks for it.
func statusOf(given *rewards.Answer, onError string) (int, error) {
	switch onError {
	case onErrorItem:
		return http.StatusOK, nil
	case onErrorFail:
		return http.StatusOK, firstFailed(given)
	}
	return problem.Status(given.Errors()), nil
}

// firstFailed is the problem of the first item that failed, led by its place in the request; nil: none did.
func firstFailed(given *rewards.Answer) error {
	list := map[rewards.Question]string{
		rewards.Rank: "responses", rewards.Compare: "responses", rewards.Pairs: "pairs", rewards.Embed: "input",
	}[given.Question]
	if list == "" {
		list = "items"
	}
	at := 0
	for err := range given.Errors() {
		if err != nil {
			return protocols.Failed(err, fmt.Sprintf("%s[%d]", list, at))
		}
		at++
	}
	return nil
}
