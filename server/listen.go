package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
)

// unixScheme leads an address that is the path of a Unix socket.
const unixScheme = "unix:"

// socketMode lets the server's own user and group connect to a Unix socket.
const socketMode fs.FileMode = 0o660

// CheckListen decides whether a server may listen on an address: on a Unix socket and on the loopback interface always,
// on another only when it is guarded: by a token, or by somebody's word that the network is trusted. A host name other
// than localhost counts as reachable by others.
func CheckListen(addr string, guarded bool) error {
	if path, ok := SocketPath(addr); ok {
		return checkSocket(path)
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("listen address %q: must be host:port or unix:PATH: %w", addr, err)
	}
	if guarded || loopback(host) {
		return nil
	}
	return fmt.Errorf("listen address %q can be reached by others, and no token is set; set a token, listen on 127.0.0.1, "+
		"or allow anonymous clients", addr)
}

// SocketPath is the path of an address unix:PATH; ok is false for every other address.
func SocketPath(addr string) (path string, ok bool) { return strings.CutPrefix(addr, unixScheme) }

// checkSocket refuses paths that the system would cut, or take for a name outside of the file system, where no mode
// protects it.
func checkSocket(path string) error {
	limit := len(syscall.RawSockaddrUnix{}.Path) - 1
	switch {
	case path == "":
		return errors.New("listen address unix: has no path after it")
	case path[0] == '@':
		return fmt.Errorf("listen address unix:%s: the path begins with @, and must be a file's; write unix:./%s", path, path)
	case len(path) > limit:
		return fmt.Errorf("listen address unix:%s: the path has %d bytes, and a socket's may have %d", path, len(path), limit)
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Listen listens on host:port, or on unix:PATH. The file of a Unix socket has mode 0660 and goes when the listener is
// closed; one that a dead server left is replaced. The error is syscall.EADDRINUSE where another process listens.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	path, ok := SocketPath(addr)
	if !ok {
		return new(net.ListenConfig).Listen(ctx, "tcp", addr)
	}
	if err := checkSocket(path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: closed}
	listener, err := config.Listen(ctx, "unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if err = removeStale(ctx, path); err != nil {
			return nil, err
		}
		listener, err = config.Listen(ctx, "unix", path)
	}
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil { // the umask may have taken bits away
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// closed gives a Unix socket its mode before it is bound. The system then makes its file with this mode less the umask,
// so that at no moment others may connect than those whom the mode allows, whatever the umask is.
func closed(_, _ string, socket syscall.RawConn) error {
	var changed error
	err := socket.Control(func(fd uintptr) { changed = syscall.Fchmod(int(fd), uint32(socketMode)) })
	return errors.Join(err, changed)
}

// removeStale removes a socket's file that nobody listens on. Whatever else lies at the path stays.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("listen on unix:%s: %w", path, err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("listen on unix:%s: a file that is no socket is there, and is left alone", path)
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		return errors.Join(fmt.Errorf("listen on unix:%s: %w", path, syscall.EADDRINUSE), conn.Close())
	case !errors.Is(err, syscall.ECONNREFUSED): // busy, or another user's: not known to be dead
		return fmt.Errorf("listen on unix:%s: %w (%w)", path, syscall.EADDRINUSE, err)
	}
	return os.Remove(path)
}
