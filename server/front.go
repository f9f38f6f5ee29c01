package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Limits of a connection that no option changes.
const (
	maxHeaders = 64 << 10 // bytes of a request's headers
	maxStreams = 1024     // requests in flight on one HTTP/2 connection; more wait at the client

	// linger is how long the server still reads after it has refused a request whose body it did not want, so that a
	// client that is sending it sees the answer and not a broken connection. Then it closes the connection. It never
	// waits longer than BodyTimeout.
	linger = 5 * time.Second
)

// front speaks HTTP/1.1 and, to clients that begin with it, HTTP/2 without TLS. Every state of a connection ends by
// itself:
//
//	state                                    ends after            by
//	nothing, or a part of the headers, came  HeaderTimeout         ReadHeaderTimeout
//	a body, wanted or not, does not end      BodyTimeout           ReadTimeout, which counts from the first byte of the request
//	a refused body does not end              linger, BodyTimeout   exchange.WriteHeader; the shorter
//	an answer is not taken                   WriteTimeout          exchange.WriteHeader
//	an answer of net/http itself, likewise   WriteTimeout          WriteTimeout (malformed requests, headers that are too long)
//	it is older than MaxAge                  its next answer       ageing; never, where MaxAge is zero
//	no request is open                       IdleTimeout           IdleTimeout; on HTTP/2 pings and unfinished headers are none
//	HTTP/2: it takes no byte of a frame      WriteTimeout          WriteByteTimeout
//	a request is being answered              when it is answered   the engine: timeout_ms, or the client leaves
//
// net/http takes the read deadline away when a body has ended, so that BodyTimeout does not end a request that is being
// answered. On HTTP/2 WriteTimeout would, so that newExchange takes it away until there is an answer.
func (s *Server) front() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Protocols:         &protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams, WriteByteTimeout: s.options.WriteTimeout},
		ReadHeaderTimeout: s.options.HeaderTimeout,
		ReadTimeout:       s.options.BodyTimeout,
		WriteTimeout:      s.options.WriteTimeout,
		IdleTimeout:       s.options.IdleTimeout,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          errorLog(s.log),
		// OPTIONS * is a path that no route has; net/http's own handler of it reads a body.
		DisableGeneralOptionsHandler: true,
	}
}

// drain must not see the context that ended: Shutdown would return at once and cut clients off.
func (s *Server) drain(ctx context.Context, front *http.Server, crowd *crowd, ended <-chan error) error {
	s.draining.Store(true)
	s.log.InfoContext(ctx, "draining", "delay", s.options.DrainDelay, "timeout", s.options.DrainTimeout)
	if s.options.DrainDelay > 0 {
		time.Sleep(s.options.DrainDelay)
	}
	timed, cancel := context.WithTimeout(ctx, s.options.DrainTimeout)
	defer cancel()
	refused := crowd.refuse(timed)
	go s.whenQuiet(timed, cancel)
	err := errors.Join(refused, front.Shutdown(timed))
	if err != nil && s.inFlight.Load() == 0 {
		err = front.Close() // nobody waits on what is still connected
	} else if err != nil {
		err = fmt.Errorf("drain: requests were still open after %s: %w", s.options.DrainTimeout, errors.Join(err, front.Close()))
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// quiet is how long no request may be in flight until a drain no longer waits for connections, slow headers among them.
// An HTTP/2 connection that is accepted just when the drain begins is never told of it, and would hold it for as long
// as its client keeps it.
const quiet = 3 * time.Second

// whenQuiet calls stop when no request was in flight for that long, unless ctx ends before.
func (s *Server) whenQuiet(ctx context.Context, stop func()) {
	tick := time.NewTicker(quiet / 10)
	defer tick.Stop()
	since := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if s.inFlight.Load() > 0 {
				since = now
			} else if now.Sub(since) >= quiet {
				stop()
				return
			}
		}
	}
}
