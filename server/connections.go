package server

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// reservedFiles are open files that connections leave to the rest of the process: libraries, weights, log, listener.
const reservedFiles = 256

// connections is how many connections may be open: the option, or fewer where the process may not open so many files.
func (s *Server) connections(ctx context.Context) int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		s.log.WarnContext(ctx, "the limit of open files is not known", "error", err)
		return s.options.MaxConnections
	}
	most := connectionsWithin(s.options.MaxConnections, files.Cur)
	if most < s.options.MaxConnections {
		s.log.WarnContext(ctx, "fewer connections than asked for, since the process may open few files (ulimit -n)",
			"connections", most, "asked", s.options.MaxConnections, "files", files.Cur)
	}
	return most
}

// connectionsWithin leaves the reserve, or half of the files where there are few.
func connectionsWithin(asked int, files uint64) int {
	room := max(files/2, files-min(files, reservedFiles), 1)
	return int(min(uint64(asked), room))
}

// crowd is a listener that keeps no more than most connections open. At the limit a new connection takes the place of
// the one that has been without a request for longest, which is closed; so nobody keeps others out by connecting and
// being silent. When every connection has a request open, the new one waits until a request or a connection has ended,
// and those behind it wait in the system's queue.
type crowd struct {
	net.Listener
	most int

	mu     sync.Mutex
	room   sync.Cond                  // signalled when a connection has ended or lost its request, and when the listener is closed
	open   map[net.Conn]*list.Element // its place in idle, nil while a request is open
	idle   *list.List                 // connections without a request, longest first
	closed bool

	// The first request of a connection that was accepted is answered, also where the server stops just then; see
	// refuse.
	refuses bool              // the system accepts no more connections
	coming  int               // connections that were accepted, and of which [http.Server] does not know yet
	ended   bool              // none will come any more
	fresh   map[net.Conn]bool // those without a request so far
	settled sync.Cond         // signalled when one of these four changes
}

func newCrowd(listener net.Listener, most int) *crowd {
	c := &crowd{Listener: listener, most: most, open: map[net.Conn]*list.Element{}, idle: list.New(), fresh: map[net.Conn]bool{}}
	c.room.L, c.settled.L = &c.mu, &c.mu
	return c
}

// Accept implements [net.Listener].
func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			c.park()
			return nil, err
		}
		if c.admit(conn) {
			return conn, nil
		}
		_ = conn.Close() // there is no room, and none is waited for any more
	}
}

// admit makes room for a connection, and waits where there is none; it is false where the listener is closed meanwhile.
func (c *crowd) admit(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.open) >= c.most && c.idle.Len() == 0 && !c.refuses && !c.closed {
		c.room.Wait()
	}
	if c.closed || len(c.open) >= c.most && c.idle.Len() == 0 {
		return false
	}
	c.coming++
	if len(c.open) >= c.most {
		oldest, _ := c.idle.Front().Value.(net.Conn)
		c.forget(oldest)
		_ = oldest.Close() // what it held is freed by the goroutine that reads from it
	}
	c.open[conn] = c.idle.PushBack(conn)
	return true
}

// park keeps the error of a listener that refuses connections until the server closes it, which would take it for a
// fault.
func (c *crowd) park() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.refuses && !c.closed {
		c.ended = true
		c.settled.Broadcast()
		c.room.Wait()
	}
}

// freshTime is how long a drain waits for the first requests of connections that were accepted just before. A client
// that connects sends its request at once.
const freshTime = time.Second

// refuse has the system accept no more connections, and returns when every connection that was accepted has brought its
// first request, or was silent for freshTime. [http.Server.Shutdown] would drop requests that it reads while it ends,
// and may end before it knows of a connection that was accepted.
func (c *crowd) refuse(ctx context.Context) error {
	c.mu.Lock()
	c.refuses = true
	c.mu.Unlock()
	c.room.Broadcast()
	err := c.Listener.Close()
	ctx, cancel := context.WithTimeout(ctx, freshTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.settled.Broadcast()
	})()
	c.mu.Lock()
	defer c.mu.Unlock()
	for (!c.ended || c.coming > 0 || len(c.fresh) > 0) && ctx.Err() == nil {
		c.settled.Wait()
	}
	return err
}

// ofConn is the key of a request's connection in its context.
type ofConn struct{}

// remember puts a connection into the context of its requests.
func remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, ofConn{}, conn)
}

// entered hears of every request that a handler has taken up.
func (c *crowd) entered(r *http.Request) {
	conn, ok := r.Context().Value(ofConn{}).(net.Conn)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known(conn)
}

// known says that a connection is no longer without a request.
func (c *crowd) known(conn net.Conn) {
	if c.fresh[conn] {
		delete(c.fresh, conn)
		c.settled.Broadcast()
	}
}

// end says that nobody accepts connections any more.
func (c *crowd) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended, c.coming = true, 0
	c.settled.Broadcast()
}

// Close implements [net.Listener].
func (c *crowd) Close() error {
	c.mu.Lock()
	refused := c.refuses
	c.closed = true
	c.mu.Unlock()
	c.room.Broadcast()
	if refused {
		return nil
	}
	return c.Listener.Close()
}

// changed hears of every connection whether it has a request open; it is a hook of [http.Server].
func (c *crowd) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	place, known := c.open[conn]
	switch state {
	case http.StateNew:
		c.fresh[conn] = true
		c.coming--
		c.settled.Broadcast()
	case http.StateClosed, http.StateHijacked:
		c.known(conn)
	default:
	}
	switch {
	case !known: // it was closed to make room
	case state == http.StateClosed || state == http.StateHijacked:
		c.forget(conn)
		c.room.Signal()
	case state == http.StateActive && place != nil:
		c.idle.Remove(place)
		c.open[conn] = nil
	case state == http.StateIdle && place == nil:
		c.open[conn] = c.idle.PushBack(conn)
		c.room.Signal()
	}
}

// forget takes a connection off both lists.
func (c *crowd) forget(conn net.Conn) {
	if place := c.open[conn]; place != nil {
		c.idle.Remove(place)
	}
	delete(c.open, conn)
}
