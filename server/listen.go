package server

import (
	"fmt"
	"net"
	"net/netip"
)

// CheckListen decides whether a server may listen on an address: on the loopback interface always, on another only with a
// token, or when optOut says that the network is trusted. A host name other than localhost counts as reachable by others.
func CheckListen(addr, token string, optOut bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("listen address %q: must be host:port: %w", addr, err)
	}
	if token != "" || optOut || loopback(host) {
		return nil
	}
	return fmt.Errorf("listen address %q can be reached by others, and no token is set; set a token, listen on 127.0.0.1, "+
		"or opt out explicitly", addr)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
