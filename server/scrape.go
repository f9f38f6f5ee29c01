package server

import (
	"bytes"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrapes answers GET /metrics. Gathering takes a processor for a moment, so it is done for one scrape at a time, and
// not at all for a client that left while it waited: 5,000 streams that are opened and reset at once cost next to
// nothing. The answer is written outside the turn, so a client that does not take it holds nobody else.
type scrapes struct {
	gather http.Handler
	turn   chan struct{} // holds one
}

func newScrapes(registry *prometheus.Registry) *scrapes {
	return &scrapes{gather: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), turn: make(chan struct{}, 1)}
}

func (s *scrapes) serve(x *exchange, r *http.Request) error {
	answer, err := s.render(x.Header(), r)
	if err != nil {
		return err
	}
	x.WriteHeader(answer.status)
	_, _ = x.Write(answer.body.Bytes()) // a client that left meanwhile is no problem of the server's
	return nil
}

// render waits for its turn and gathers. Its error is the context's, of a client that left.
func (s *scrapes) render(header http.Header, r *http.Request) (*scraped, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-r.Context().Done():
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer := &scraped{header: header, status: http.StatusOK}
	s.gather.ServeHTTP(answer, r)
	return answer, nil
}

// scraped is an answer that is written to memory first.
type scraped struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (s *scraped) Header() http.Header         { return s.header }
func (s *scraped) WriteHeader(status int)      { s.status = status }
func (s *scraped) Write(p []byte) (int, error) { return s.body.Write(p) }
