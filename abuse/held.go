package main

import (
	"net"
	"os"
	"strconv"
	"strings"
)

// stillHeld are the peers whose connections the server has not closed, as the kernel sees it. A client cannot see it
// where it does not read: what the server sent before it closed is still under way then.
func stillHeld(address string, peers []*peer) ([]*peer, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return nil, err
	}
	held := heldPorts(string(text), port)
	var open []*peer
	for _, p := range peers {
		if _, own, err := net.SplitHostPort(p.LocalAddr().String()); err == nil && held[own] {
			open = append(open, p)
		}
	}
	return open, nil
}

// heldPorts finds in the kernel's table the clients' ports of the connections that the process which listens at a port
// has not closed. A connection that nobody has accepted yet has no inode, either, but is in a state that a closed one
// cannot be in.
func heldPorts(table, listener string) map[string]bool {
	const established, received, closeWait = "01", "03", "08"
	held := map[string]bool{}
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 10 || portOf(fields[1]) != listener {
			continue
		}
		state, inode := fields[3], fields[9]
		if inode != "0" || state == established || state == received || state == closeWait {
			held[portOf(fields[2])] = true
		}
	}
	return held
}

// portOf is the port of an address in the table, such as 0100007F:1F90, in decimal.
func portOf(address string) string {
	_, digits, _ := strings.Cut(address, ":")
	port, err := strconv.ParseUint(digits, 16, 16)
	if err != nil {
		return "" // the table's title
	}
	return strconv.FormatUint(port, 10)
}
