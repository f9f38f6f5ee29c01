package commands

import (
	"os"
	"path/filepath"

	"github.com/assay-rm/assay/commands/bulk/job"
	"github.com/assay-rm/assay/commands/bulk/tables"
)

// partOf is the name of the directory of a run that writes a result.
func partOf(out string) string { return out + ".part" }

// checkPatterns refuses a pattern of --in that means a file of the run itself, whether or not it is there yet: the run
// would write over its own input, or the next run would read what this one has written.
func checkPatterns(patterns []string, out string) error {
	for _, pattern := range patterns {
		for _, name := range []string{out, job.PlanOf(out), partOf(out)} {
			if means(pattern, name) {
				return usage("--in: %q means %s too, which the run to --out %s writes; name --out so that no --in means it", pattern, name, out)
			}
		}
	}
	return nil
}

// means tells whether a pattern means a name, by the name's last part and by the directory that it lies in.
func means(pattern, name string) bool {
	if matches, err := filepath.Match(filepath.Base(pattern), filepath.Base(name)); err != nil || !matches {
		return false
	}
	dirs, err := filepath.Glob(filepath.Dir(pattern))
	if err != nil {
		return false
	}
	for _, dir := range dirs {
		if same(dir, filepath.Dir(name)) {
			return true
		}
	}
	return false
}

// checkInputs refuses an input that is a file of the run itself under another name, as by a link.
func checkInputs(inputs []tables.File, out string) error {
	for i := range inputs {
		path := inputs[i].Path
		if same(path, out) || same(path, job.PlanOf(out)) || same(filepath.Dir(path), partOf(out)) {
			return usage("--in: %s is a file that the run to --out %s writes over", path, out)
		}
	}
	return nil
}

// same tells whether two names are of one file or directory that is there.
func same(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}
