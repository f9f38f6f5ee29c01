package main

import (
	"fmt"
	"math"
	"strings"
)

// badGraphs are graphs that a reader may follow, and a runtime may compute, for ever.
func badGraphs() []hostileBundle {
	var all []hostileBundle
	one := func(name string, file func() []byte, more ...change) {
		all = append(all, hostileBundle{name: "graph: " + name, base: padded, change: append(graph(file), more...)})
	}
	is := func(file []byte) func() []byte { return func() []byte { return file } }

	one("100,000 branches inside each other", func() []byte { return honestly(nested(100_000)) })
	one("2000 branches inside each other", func() []byte { return honestly(nested(2000)) })
	one("90 branches inside each other", func() []byte { return honestly(nested(90)) })
	one("a function that calls itself", func() []byte { return append(calling(), function(0, 0)...) })
	one("30 functions that call the next twice", func() []byte {
		file := calling()
		for i := range 29 {
			file = append(file, function(i, i+1)...)
		}
		return append(file, function(29, -1)...)
	})
	one("a loop without end, by constants", is(summing(loop("grown", scalar("rounds", math.MaxInt64))...)))
	one("a loop without end, by the run", is(summing(loop("grown",
		node("ReduceMax", names("most"), names("top"), whole("keepdims", 0)), scalar("none", 0), scalar("many",
			1<<62),
		node("Mul", names("top", "none"), names("zero")), node("Add", names("zero", "many"), names("rounds")))...)))
	one("loops of 20,000 rounds, three deep", is(summing(deepLoop("grown", 3)...)))
	one("a scan of 10^12 empty rows", is(swollen(
		integers("empty", 1_000_000_000_000, 0), node("Expand", names("seed", "empty"), names("rows")),
		node("Scan", names("seed", "rows"), names("big"), whole("num_scan_inputs", 1), subgraph("body",
			input("before", float32Type), input("row", float32Type, 0),
			node("Identity", names("before"), names("after")), output("after", float32Type))))))
	shaped := func(name string, dims ...int64) {
		one(name+", by constants", is(swollen(integers("shape", dims...),
			node("ConstantOfShape", names("shape"), names("big")))))
		one(name+", by the run", is(swollen(integers("shape", dims...),
			node("Expand", names("seed", "shape"), names("big")))))
	}
	shaped("a tensor of 400 GB", 100_000, 1_000_000)
	shaped("a tensor of 8 GB", 2000, 1_000_000)
	shaped("a tensor of 2^66 bytes", 1<<32, 1<<32)
	one("a range of 10^12", is(swollen(
		real32("begin", 0), real32("end", 1e12), real32("pace", 1), node("Range", names("begin", "end", "pace"),
			names("big")))))
	one("a tile of 10^12", is(swollen(
		integers("row", 1), integers("times", 1_000_000_000_000), node("Tile", names("row", "times"), names("tiled")),
		node("Cast", names("tiled"), names("big"), whole("to", float32Type)))))
	one("60 doublings, by constants", is(swollen(message(5,
		tensorOf("few", float32Type, []int64{1}, message(9, make([]byte, 4)))), doubled("few", 0, 60))))
	one("60 doublings, by the run", is(swollen(integers("one row", 1),
		node("Reshape", names("seed", "one row"), names("few")), doubled("few", 0, 60))))
	one("31 doublings, by the run", is(swollen(integers("one row", 1),
		node("Reshape", names("seed", "one row"), names("few")), doubled("few", 0, 31))))
	one("a product of 10^13 steps", is(swollen(
		integers("shape", 12_000, 4000), integers("turned", 4000, 12_000),
		node("Expand", names("seed", "turned"), names("wide")), node("Expand", names("seed", "shape"), names("tall")),
		node("MatMul", names("tall", "wide"), names("p")), node("MatMul", names("p", "p"), names("q")), node("MatMul",
			names("q", "p"), names("big")))))
	one("a convolution of 10^14 steps", is(swollen(
		integers("signal", 1, 1, 40_000_000), integers("kernel", 1, 1, 4_000_000),
		node("Expand", names("seed", "signal"), names("x")), node("Expand", names("seed", "kernel"),
			names("w")), node("Conv", names("x", "w"), names("big")))))
	all[len(all)-1].long = true // its one operator cannot be ended, so the whole time of a load passes
	return append(all, badWire()...)
}

// badWire are ONNX files whose bytes, names and weights lie.
func badWire() []hostileBundle {
	var all []hostileBundle
	one := func(name string, file func() []byte) {
		all = append(all, hostileBundle{name: "graph: " + name, base: padded, change: graph(file)})
	}
	is := func(file []byte) func() []byte { return func() []byte { return file } }

	one("truncated", func() []byte { file := honestly(); return file[:len(file)/2] })
	one("random bytes", is([]byte(strings.Repeat("\x3a\x91\x07\xff", mib))))
	one("a length that lies", is([]byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x08, 0x01}))
	one("8 million empty fields", is([]byte(strings.Repeat("\x3a\x00", 8*mib))))
	one("two graphs", is(append(honestly(), honestly()...)))
	one("no graph", is(number(1, 8)))
	one("a name of 10 MiB", is(summing(node("Identity", names("sum"), names(strings.Repeat("a", 10*mib))))))
	one("an operator of 10 MiB", is(summing(node(strings.Repeat("A\n", 5*mib), names("sum"), names("grown")))))
	one("an input of 10 MiB", is(honestly(input(strings.Repeat("a\n", 5*mib), float32Type, 1))))
	one("a million inputs", func() []byte {
		return honestly(repeated(1_000_000, func(i int) []byte { return input(fmt.Sprint("i", i), float32Type, 1) }))
	})
	one("a million outputs", func() []byte {
		return honestly(repeated(1_000_000, func(i int) []byte { return output(fmt.Sprint("o", i), float32Type, 1) }))
	})
	one("a million nodes in a row", func() []byte {
		return summing(node("Identity", names("sum"), names("n0")),
			node("Identity", names("n1000000"), names("grown")),
			repeated(1_000_000, func(i int) []byte {
				return node("Neg", names(fmt.Sprint("n", i)),
					names(fmt.Sprint("n", i+1)))
			}))
	})
	all[len(all)-1].long = true
	one("an input with a million dimensions",
		func() []byte { return honestly(input("x", float32Type, make([]int64, 1_000_000)...)) })
	one("a cycle", is(summing(node("Add", names("sum", "b"), names("a")), node("Add", names("a", "a"), names("b")),
		node("Identity", names("a"), names("grown")))))
	one("a name given twice", is(summing(node("Identity", names("sum"), names("grown")),
		node("Neg", names("sum"), names("grown")))))
	one("an operator that nobody knows", is(summing(node("Launch", names("sum"), names("grown")))))
	one("opset 2^40", is(append(honestly(), message(8, number(2, 1<<40))...)))
	weight := func(dims ...int64) []byte {
		return message(5, tensorOf("weight", float32Type, dims, message(9, make([]byte, 4))))
	}
	one("a weight of 2^60 numbers", is(weighing(weight(1<<30, 1<<30))))
	one("a weight of 2^64 numbers", is(weighing(weight(1<<32, 1<<32))))
	one("a weight of -1 numbers", is(weighing(weight(-1))))
	one("a weight with fewer numbers than it says", is(weighing(weight(1000))))
	one("a weight of 3 GiB that it does not have", is(weighing(weight(800*mib))))
	return append(all, badData()...)
}

// badData are ONNX files whose weights lie elsewhere, or are said to.
func badData() []hostileBundle {
	var all []hostileBundle
	one := func(name string, file []byte, more ...change) {
		is := func() []byte { return file }
		all = append(all, hostileBundle{name: "graph: data " + name, base: padded, change: append(graph(is), more...)})
	}
	for _, lie := range []struct {
		name    string
		entries []string
		more    []change
	}{
		{"outside the bundle", []string{"location", "../../../../../../../../etc/passwd"}, nil},
		{"at an absolute place", []string{"location", "/dev/zero"}, nil},
		{"missing", []string{"location", "none"}, nil},
		{"a named pipe", []string{"location", "data"}, []change{pipe("data")}},
		{"a device", []string{"location", "data"}, []change{device("data")}},
		{"a link out of the bundle", []string{"location", "data"}, []change{link("data", "/dev/zero")}},
		{"shorter than its tensor", []string{"location", "data"}, []change{put("data", text("abcd"))}},
		{
			"of a length that lies",
			[]string{"location", "data", "length", "1000000000000000000"},
			[]change{put("data", text("abcd"))},
		},
		{
			"at an offset that lies",
			[]string{"location", "data", "offset", "-4000000000", "length", "4000"},
			[]change{put("data", text("abcd"))},
		},
		{
			"of 10 GiB beside a tensor of 4 KB",
			[]string{"location", "data", "length", "4000"},
			[]change{sparse("data", huge)},
		},
		{"without a place", []string{"length", "4000"}, nil},
	} {
		one(lie.name, weighing(message(5, elsewhere([]int64{1000}, lie.entries...))), lie.more...)
	}
	away := elsewhere([]int64{1}, "location", "../../../../../../etc/passwd")
	one("outside, in a sparse weight", weighing(message(15, message(1, away), number(3, 1))))
	one("outside, in an attribute", weighing(node("Constant", nil, names("weight"),
		message(5, named(1, "value"), message(5, away), number(20, 4)))))
	one("outside, in a sparse attribute", weighing(node("Constant", nil, names("weight"),
		message(5, named(1, "sparse_value"), message(22, message(1, away), number(3, 1)), number(20, 11)))))
	return all
}
