package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/assay-rm/assay/server/problem"
)

// authorized lets a request through that carries the token, as a bearer token or, for clients that can only put credentials
// into a URL, as the password of basic authentication. Without a configured token every request passes.
func (s *Server) authorized(next http.HandlerFunc) http.HandlerFunc {
	if s.options.Token == "" {
		return next
	}
	want := sha256.Sum256([]byte(s.options.Token))
	return func(w http.ResponseWriter, r *http.Request) {
		// Digests have one length, so that the comparison takes the same time for every token.
		got := sha256.Sum256([]byte(token(r)))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			s.fail(w, r, problem.New(problem.CodeUnauthorized, "Authorization: the token is missing or another"))
			return
		}
		next(w, r)
	}
}

func token(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}
