package protocols

import (
	"math"
	"slices"
	"strings"

	"github.com/assay-rm/assay/server/wire"
)

// gymTask is the number of a row that says of which task it is.
const gymTask = "_ng_task_index"

// tellGymMetrics describes the numbers of rows, of each task and of all, under the names that Gym logs.
func tellGymMetrics(c *Call) (Reply, error) {
	var form wire.GymVerifiedRows
	if err := c.Decode(&form); err != nil {
		return Reply{}, err
	}
	all, tasks, order := gymColumns{}, map[float64]gymColumns{}, []float64{}
	for _, row := range form.Rows {
		task := 0.0
		for _, number := range row {
			if number.Name == gymTask {
				task = number.Value
			}
		}
		if tasks[task] == nil {
			tasks[task] = gymColumns{}
			order = append(order, task)
		}
		for _, number := range row {
			if !strings.HasPrefix(number.Name, "_ng_") {
				all.add(number)
				tasks[task].add(number)
			}
		}
	}
	slices.Sort(order)
	answer := wire.GymMetrics{Groups: make([]map[string]float64, len(order)), Agent: all.describe(), Key: map[string]float64{}}
	for i, task := range order {
		answer.Groups[i] = tasks[task].describe()
		answer.Groups[i][gymTask] = task
	}
	for name, value := range answer.Agent {
		if strings.HasPrefix(name, "mean/") {
			answer.Key[name] = value
		}
	}
	return Reply{Body: answer}, nil
}

// gymColumns are the values of each number over some rows.
type gymColumns map[string][]float64

func (c gymColumns) add(of wire.GymNumber) { c[of.Name] = append(c[of.Name], of.Value) }

// describe gives what there is to know of each column. The deviation is that of a sample, over n − 1, and 0 of one
// value. What overflows is left out.
func (c gymColumns) describe() map[string]float64 {
	of := map[string]float64{}
	put := func(name string, value float64) {
		if !math.IsNaN(value) && !math.IsInf(value, 0) {
			of[name] = value
		}
	}
	for name, values := range c {
		slices.Sort(values)
		n, sum, squares := float64(len(values)), 0.0, 0.0
		for _, x := range values {
			sum += x
		}
		mean := sum / n
		for _, x := range values {
			squares += (x - mean) * (x - mean)
		}
		middle := len(values) / 2
		median := values[middle]
		if len(values)%2 == 0 {
			median = values[middle-1]/2 + median/2
		}
		put("mean/"+name, mean)
		put("max/"+name, values[len(values)-1])
		put("min/"+name, values[0])
		put("median/"+name, median)
		put("std/"+name, math.Sqrt(squares/max(n-1, 1)))
	}
	return of
}
