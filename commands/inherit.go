package commands

import (
	"errors"
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// inherit gives the listening socket that whoever started the process has passed it, as systemd does, and its address
// as --listen writes one; nil where none was passed. Such a socket stays open while one process takes it over from
// another, so that no connection is refused meanwhile: connections wait in it for whoever accepts them first.
func inherit() (listener net.Listener, address string, err error) {
	passed, err := activation.Listeners()
	if err != nil || len(passed) == 0 {
		return nil, "", err
	}
	for _, one := range passed {
		if len(passed) > 1 && one != nil {
			err = errors.Join(err, one.Close())
		}
	}
	switch {
	case len(passed) > 1:
		return nil, "", errors.Join(fmt.Errorf("LISTEN_FDS is %d, and one socket is listened on", len(passed)), err)
	case passed[0] == nil:
		return nil, "", errors.New("LISTEN_FDS: the socket that was passed is none that connections can be accepted from")
	}
	address = passed[0].Addr().String()
	if _, ok := passed[0].(*net.UnixListener); ok {
		address = "unix:" + address
	}
	return passed[0], address, nil
}

// tellManager tells systemd what the process is about to do, where it asked to be told (Type=notify). Nobody else
// listens, and that it cannot be told is no reason to stop.
func tellManager(state string) {
	_, _ = daemon.SdNotify(false, state)
}
