package manifest

import "io/fs"

// stage is a graph that has some of the layers, and hands what they leave to the next.
type stage struct {
	File   string `yaml:"file"`
	Layers int    `yaml:"layers"`
}

// maxStages is the most stages that a graph may be cut into.
const maxStages = 16

// Files are those of the stages, in order; of a graph that is not cut there is one.
func (g *Graph) Files() []string {
	if g.Stages == nil {
		return []string{g.File}
	}
	files := make([]string, len(g.Stages))
	for i, stage := range g.Stages {
		files[i] = stage.File
	}
	return files
}

// LayersOf gives the first layer of a stage, and the one behind its last.
func (g *Graph) LayersOf(stage int) (from, to int) {
	if g.Stages == nil {
		return 0, g.Layers
	}
	for _, before := range g.Stages[:stage] {
		from += before.Layers
	}
	return from, from + g.Stages[stage].Layers
}

// checkStages checks that the stages have all layers together, each in a file of its own.
func (s *spec) checkStages(check checker) {
	g := s.Graph
	if g.Stages == nil {
		return
	}
	check(g.Compute != "", "graph.compute is missing, and graph.stages needs it")
	check(!g.Bidirectional(), "graph.stages does not go with graph.attention bidirectional")
	if n := len(g.Stages); n < 2 || n > maxStages {
		check(false, "graph.stages has %d stages, and must have 2 to %d", n, maxStages)
		return
	}
	check(g.File == g.Stages[0].File, "graph.file is %q, and graph.stages begins with %q: give one of them", g.File, g.Stages[0].File)
	layers, seen := 0, map[string]bool{g.HeadFile(): true}
	for i, stage := range g.Stages {
		check(stage.File != "" && fs.ValidPath(stage.File), "graph.stages[%d].file %q leaves the bundle", i, stage.File)
		check(!seen[stage.File], "graph.stages[%d].file %q is the file of another graph", i, stage.File)
		check(stage.Layers > 0 && stage.Layers <= g.Layers, "graph.stages[%d].layers is %d, and must be from 1 to graph.layers, %d", i, stage.Layers, g.Layers)
		layers, seen[stage.File] = layers+stage.Layers, true
	}
	check(layers == g.Layers, "graph.stages has %d layers, and graph.layers is %d", layers, g.Layers)
}
