package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
)

// Roofline is what this machine's memory and its products of matrices reach, as roofline.py writes it.
type Roofline struct {
	Threads  int        `json:"threads"`
	Memory   Memory     `json:"memory"`
	Products []Products `json:"products"`
}

// Memory is its bandwidth in GB/s: of reading, and of copying, where bytes read and written both count.
type Memory struct {
	Read float64 `json:"read"`
	Copy float64 `json:"copy"`
}

// Products are those of one engine in one precision. A file of -products is a JSON list of them.
type Products struct {
	Name   string    `json:"name"`
	Bytes  float64   `json:"bytes"` // that a weight has in memory
	Points []Product `json:"points"`
}

// Product is one of a matrix of rows × inner by weights of inner × columns.
type Product struct {
	Rows    int     `json:"rows"`
	Inner   int     `json:"inner"`
	Columns int     `json:"columns"`
	GFLOPS  float64 `json:"gflops"` // 2 · rows · inner · columns operations a product, in 10⁹ a second
}

// intensity is the operations for each byte of weights, which are read once: 2 · rows ÷ bytes of a weight.
func (p Products) intensity(of Product) float64 { return 2 * float64(of.Rows) / p.Bytes }

// shape names the weights.
func (p Product) shape() string { return fmt.Sprintf("%d × %d", p.Inner, p.Columns) }

// top is the fastest point.
func (p Products) top() Product {
	return slices.MaxFunc(p.Points, func(a, b Product) int {
		if a.GFLOPS < b.GFLOPS {
			return -1
		}
		return 1
	})
}

// check says what is wrong with a series, which may be of a file.
func (p Products) check() error {
	if p.Name == "" || p.Bytes <= 0 || len(p.Points) == 0 {
		return fmt.Errorf("products %q: want a name, the bytes of a weight and points", p.Name)
	}
	for i, point := range p.Points {
		if point.Rows < 1 || point.Inner < 1 || point.Columns < 1 || point.GFLOPS <= 0 {
			return fmt.Errorf("products %q: point %d: want rows, inner, columns and gflops above 0", p.Name, i)
		}
	}
	return nil
}

// measureRoofline runs the script, and takes what other programs measured from a file, where one is given.
func measureRoofline(ctx context.Context, python, script string, threads int, file string) (Roofline, error) {
	var r Roofline
	cmd := exec.CommandContext(ctx, python, script, "--threads", strconv.Itoa(threads))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, fmt.Errorf("roofline: %s: %w", script, err)
	}
	if file != "" {
		var more []Products
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &more)
		}
		if err != nil {
			return r, fmt.Errorf("roofline: %s: %w", file, err)
		}
		r.Products = append(r.Products, more...)
	}
	for _, p := range r.Products {
		if err := p.check(); err != nil {
			return r, fmt.Errorf("roofline: %w", err)
		}
	}
	if r.Memory.Read <= 0 || r.Memory.Copy <= 0 || len(r.Products) == 0 {
		return r, fmt.Errorf("roofline: %s: want the memory's bandwidth and products", script)
	}
	return r, nil
}

var rooflineScenario = Scenario{
	Name: "roofline", About: "products of matrices by size and precision, and the memory's bandwidth, each measured by itself",
	run: func(ctx context.Context, b *bench) (Result, error) {
		if b.roofline == nil {
			return Result{}, errors.New("no -openvino was given, whose products it shows")
		}
		r, err := b.roofline(ctx)
		if err != nil {
			return Result{}, err
		}
		result := Result{Roofline: &r, Series: []Series{{Name: "memory read", Unit: "GB/s", Rate: r.Memory.Read}, {Name: "memory copied", Unit: "GB/s", Rate: r.Memory.Copy}}}
		for _, p := range r.Products {
			top := p.top()
			result.Series = append(result.Series, Series{Name: fmt.Sprintf("%s, %d rows by %s", p.Name, top.Rows, top.shape()), Unit: "GF/s", Rate: top.GFLOPS})
		}
		return result, nil
	},
}
