package server

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"syscall"
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
}

func newCrowd(listener net.Listener, most int) *crowd {
	c := &crowd{Listener: listener, most: most, open: map[net.Conn]*list.Element{}, idle: list.New()}
	c.room.L = &c.mu
	return c
}

// Accept implements [net.Listener].
func (c *crowd) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.open) >= c.most && c.idle.Len() == 0 && !c.closed {
		c.room.Wait()
	}
	if c.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	if len(c.open) >= c.most {
		oldest, _ := c.idle.Front().Value.(net.Conn)
		c.forget(oldest)
		_ = oldest.Close() // what it held is freed by the goroutine that reads from it
	}
	c.open[conn] = c.idle.PushBack(conn)
	return conn, nil
}

// Close implements [net.Listener].
func (c *crowd) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.room.Broadcast()
	return c.Listener.Close()
}

// changed hears of every connection whether it has a request open; it is a hook of [http.Server].
func (c *crowd) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	place, known := c.open[conn]
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
