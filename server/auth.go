package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/assay-rm/assay/server/problem"
)

// key is a token, as the server keeps it, and whose it is.
type key struct {
	digest [sha256.Size]byte
	caller *caller
}

// newKeys makes one caller of the tokens of one name. A token without a name is a caller of its own.
func newKeys(tokens []Token, m *metrics) ([]key, error) {
	if err := checkTokens(tokens); err != nil {
		return nil, err
	}
	keys, named := make([]key, len(tokens)), map[string]*caller{}
	for i, token := range tokens {
		who := named[token.Name]
		if who == nil || token.Name == "" {
			who = newCaller(token, m)
			named[token.Name] = who
		}
		keys[i] = key{sha256.Sum256([]byte(token.Token)), who}
	}
	return keys, nil
}

// authorize finds out who asks: by a bearer token, by an API key in a header of its own, as some clients send it, or,
// for clients that can only put credentials into a URL, by the password of basic authentication. Where there are no
// tokens everybody may ask.
func (s *Server) authorize(x *exchange, r *http.Request) error {
	if len(s.keys) == 0 {
		return nil
	}
	// Digests have one length, and all are compared, so that the time does not tell how near a token is to one of them.
	got, found := sha256.Sum256([]byte(sent(r))), -1
	for i := range s.keys {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(got[:], s.keys[i].digest[:]), i, found)
	}
	if found < 0 {
		return problem.New(problem.CodeUnauthorized, "Authorization: the token is missing or another")
	}
	x.caller = s.keys[found].caller
	return nil
}

// sent is the token that a request carries, or nothing.
func sent(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	return r.Header.Get("X-Api-Key")
}
