package main

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// honestly gives the sum as it is; the parts stand beside it.
func honestly(parts ...[]byte) []byte {
	return summing(append(parts, node("Identity", names("sum"), names("grown")))...)
}

// repeated puts n parts one behind the other.
func repeated(n int, part func(i int) []byte) []byte {
	var all []byte
	for i := range n {
		all = append(all, part(i)...)
	}
	return all
}

// nested is a node with a branch in which such a node is, and so on. Each level is a beginning in front of the next,
// whose length must be known first, so the beginnings are found from the innermost out.
func nested(depth int) []byte {
	beginnings := make([][]byte, depth)
	length := 0
	for i := range depth {
		wrap := func(field protowire.Number, front ...[]byte) {
			var content []byte
			for _, part := range front {
				content = append(content, part...)
			}
			content = append(content, beginnings[i]...)
			head := protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.BytesType),
				uint64(len(content)+length)) //nolint:gosec // a length
			beginnings[i] = append(head, content...)
		}
		wrap(6)                                                 // the attribute's graph
		wrap(5, named(1, "then_branch"), number(20, 5))         // the node's attribute
		wrap(1, named(1, "yes"), named(2, "x"), named(4, "If")) // the graph's node
		length += len(beginnings[i])
	}
	all := make([]byte, 0, length)
	for i := range beginnings {
		all = append(all, beginnings[depth-1-i]...)
	}
	return all
}

// calling is a graph that calls the function F0 on the sum.
func calling() []byte {
	file := summing(node("F0", names("sum"), names("grown"), named(7, "own")))
	return append(file, message(8, named(1, "own"), number(2, 1))...)
}

// function is the function with that number, which calls the one with the other number twice, or nothing when that is
// negative.
func function(own, calls int) []byte {
	body := node("Identity", names("x"), names("y"))
	if calls >= 0 {
		called := fmt.Sprint("F", calls)
		body = append(node(called, names("x"), names("m"), named(7, "own")),
			node(called, names("m"), names("y"), named(7, "own"))...)
	}
	// A FunctionProto's nodes are its field 7, a graph's field 1.
	var nodes []byte
	for len(body) > 0 {
		_, _, tag := protowire.ConsumeTag(body)
		content, length := protowire.ConsumeBytes(body[tag:])
		nodes = append(nodes, message(7, content)...)
		body = body[tag+length:]
	}
	return message(25, named(1, fmt.Sprint("F", own)), named(4, "x"), named(5, "y"), nodes,
		message(9, number(2, 18)), message(9, named(1, "own"), number(2, 1)), named(10, "own"))
}

// loop gives the sum after so many rounds as "rounds" says, which the parts give. A round changes nothing.
func loop(result string, parts ...[]byte) [][]byte {
	return append(parts, yes("yes"), node("Loop", names("rounds", "yes", "sum"), names(result), subgraph("body",
		input("round", int64Type), input("go", boolType), input("before", float32Type, -1, 1),
		node("Identity", names("go"), names("more")), node("Identity", names("before"), names("after")),
		output("more", boolType), output("after", float32Type, -1, 1))))
}

// deepLoop is a loop of 20,000 rounds, in each of which is one, and so on. No part of it is without end.
func deepLoop(result string, depth int) [][]byte {
	var inner []byte
	for level := range depth {
		name := func(what string) string { return fmt.Sprint(what, level) }
		inside := node("Identity", names(name("before")), names(name("after")))
		if level > 0 {
			inside = inner
		}
		next := fmt.Sprint("before", level+1)
		given := fmt.Sprint("after", level+1)
		if level == depth-1 {
			next, given = "sum", result
		}
		inner = node("Loop", names("rounds", "yes", next), names(given), subgraph("body",
			input(name("round"), int64Type), input(name("go"), boolType), input(name("before"), float32Type, -1, 1),
			node("Identity", names(name("go")), names(name("more"))), inside,
			output(name("more"), boolType), output(name("after"), float32Type, -1, 1)))
	}
	return [][]byte{scalar("rounds", 20_000), yes("yes"), inner}
}

// doubled puts a tensor behind itself along an axis, n times over, and gives it as "big".
func doubled(from string, axis int64, n int) []byte {
	return repeated(n, func(i int) []byte {
		in, out := fmt.Sprint("d", i), fmt.Sprint("d", i+1)
		if i == 0 {
			in = from
		}
		if i == n-1 {
			out = "big"
		}
		return node("Concat", names(in, in), names(out), whole("axis", axis))
	})
}
