package main

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The servers that scenarios ask for. Which are given decides which scenarios can run.
const (
	serverMain    = "main"     // the reward model in the packed layout, and the process reward model
	serverNoCache = "no-cache" // the same process reward model, started with --cache 0
	serverInt8    = "int8"     // the same reward model, stored as int8
	serverNull    = "null"     // a model whose graph does next to nothing
	serverCrowd   = "crowd"    // the reward model for nine callers, each with a token
	serverRecipe  = "recipe"   // the reward model under three names, and a recipe over them

	serverFloat32  = "ops-float32"   // the reward model of operators of our own, computed in float32,
	serverBfloat16 = "ops-bfloat16"  // in bfloat16,
	serverOpsInt8  = "ops-int8"      // or in bfloat16 with products of int8
	largeFloat32   = "large-float32" // a model of Qwen3-0.6B's sizes, likewise
	largeBfloat16  = "large-bfloat16"
	largeInt8      = "large-int8"

	serverEncoder       = "encoder"        // an encoder in the packed layout
	serverEncoderPadded = "encoder-padded" // the same in the padded one
	serverOneText       = "encoder-1"      // the packed one again, told how many tokens a forward has: one text's,
	serverEightTexts    = "encoder-8"      // eight texts'
	serverAllTexts      = "encoder-75"     // or those of a whole request
)

var serverNames = []string{
	serverMain, serverNoCache, serverInt8, serverNull, serverCrowd, serverRecipe,
	serverFloat32, serverBfloat16, serverOpsInt8, largeFloat32, largeBfloat16, largeInt8,
	serverEncoder, serverEncoderPadded, serverOneText, serverEightTexts, serverAllTexts,
}

// allServers are those names, and each once more for the binary before.
func allServers() []string {
	names := slices.Clone(serverNames)
	for _, name := range serverNames {
		names = append(names, beforePrefix+name)
	}
	return names
}

// Server is an Assay server under measurement: its address, and its process where CPU time or memory is read (0: not
// known).
type Server struct {
	URL string
	PID int
}

// servers is the flag -server NAME=URL[,PID], repeated.
type servers map[string]Server

// String implements flag.Value.
func (servers) String() string { return "" }

// Set implements flag.Value.
func (s servers) Set(text string) error {
	name, address, _ := strings.Cut(text, "=")
	address, process, known := strings.Cut(address, ",")
	if !slices.Contains(allServers(), name) {
		return fmt.Errorf("server %q: want one of %s", name, strings.Join(allServers(), ", "))
	}
	base, err := loopback(address)
	if err != nil {
		return err
	}
	server := Server{URL: base}
	if known {
		if server.PID, err = strconv.Atoi(process); err != nil || server.PID < 1 {
			return fmt.Errorf("server %s: process %q: want its id", name, process)
		}
	}
	s[name] = server
	return nil
}

// loopback gives the address without a slash at its end. It must be on this machine: a benchmark is no tool to load
// others'.
func loopback(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "http" || (u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return "", fmt.Errorf("%q: want http:// and a loopback address", base)
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}
