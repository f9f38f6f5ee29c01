// Package job answers every row of files once, whatever stops it in between. Rows are read in windows; those of a
// window are asked in the order that is best for throughput, and each answer is appended to the window's log as soon as
// it is there. A run that was stopped goes on with the rows that no log has. At the end the logs, each put back into
// the rows' order, become one file.
//
//	Plan       what a run is of; one that goes on must be of the same
//	Directory  where a run keeps its plan and its logs
//	Run        rows → questions → records → logs → one file
package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/assay-rm/assay/commands/bulk/tables"
)

// Plan says what a run is of. Its JSON stands beside the result too, without the times of the files.
type Plan struct {
	Assay   string            `json:"assay"` // version
	Command string            `json:"command"`
	Options map[string]string `json:"options,omitempty"` // by flag, those that change what is asked
	Inputs  []tables.File     `json:"inputs"`
	Window  Window            `json:"window"`

	// Who answered; empty until the first answer.
	Model  string `json:"model,omitempty"`
	Digest string `json:"digest,omitempty"`

	// Of a run that has ended.
	Rows   int64 `json:"rows,omitempty"`
	Failed int64 `json:"failed,omitempty"`
}

// Window is how much is read before the next: so many rows, or of so many bytes, whichever is reached first.
type Window struct {
	Rows  int `json:"rows"`
	Bytes int `json:"bytes"`
}

// differs says how two plans differ, empty where they do not. Who answered is held to by the answers.
func (p *Plan) differs(from *Plan) string {
	all := p.asks(from)
	all = say(all, "the version", from.Assay, p.Assay)
	all = say(all, "the window", fmt.Sprint(from.Window), fmt.Sprint(p.Window))
	for i := range min(len(from.Inputs), len(p.Inputs)) {
		switch was, is := from.Inputs[i], p.Inputs[i]; {
		case was.Path != is.Path:
			all = say(all, fmt.Sprintf("input file %d", i+1), was.Path, is.Path)
		case was != is && was.Size == is.Size && was.Ends == is.Ends:
			all = say(all, is.Path, "of "+was.Changed, "of "+is.Changed)
		}
	}
	return strings.Join(all, "; ")
}

// Again says how a plan is not that of the same questions about the same content as a run that has ended; empty: it is.
func (p *Plan) Again(ended *Plan) string { return strings.Join(p.asks(ended), "; ") }

// asks says how two plans are of other questions, or of other content.
func (p *Plan) asks(from *Plan) (all []string) {
	all = say(all, "the command", from.Command, p.Command)
	options := maps.Clone(from.Options)
	if options == nil {
		options = map[string]string{}
	}
	maps.Copy(options, p.Options)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		all = say(all, "--"+name, from.Options[name], p.Options[name])
	}
	all = say(all, "the number of input files", strconv.Itoa(len(from.Inputs)), strconv.Itoa(len(p.Inputs)))
	for i := range min(len(from.Inputs), len(p.Inputs)) {
		switch was, is := from.Inputs[i], p.Inputs[i]; {
		case was.Size != is.Size:
			all = append(all, fmt.Sprintf("%s has changed: it had %d bytes and has %d", is.Path, was.Size, is.Size))
		case was.Ends != is.Ends:
			all = append(all, is.Path+" has changed: its first or last 64 KiB are others")
		}
	}
	return all
}

// say adds what differs.
func say(all []string, what, was, is string) []string {
	if was == is {
		return all
	}
	return append(all, fmt.Sprintf("%s was %s and is %s", what, orNone(was), orNone(is)))
}

func orNone(value string) string {
	if value == "" {
		return "left out"
	}
	return value
}

// Directory is where a run keeps its plan and its logs until it has ended. One process at a time has it.
type Directory struct {
	path string
	lock *os.File
	plan Plan
}

const (
	planFile = "plan.json"
	lockFile = "lock"
)

// Open makes the directory of a run, or finds that of one that was stopped. The error says how the plan of that one
// differs, or that another process has it.
func Open(path string, plan Plan) (*Directory, error) {
	if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // as the result's
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE, 0o644) //nolint:gosec // as the result's
	if err != nil {
		return nil, err
	}
	if err := hold(lock, path); err != nil {
		return nil, err
	}
	d := &Directory{path, lock, plan}
	stored, err := ReadPlan(filepath.Join(path, planFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
		err = d.begin()
	case err == nil:
		how := plan.differs(&stored)
		if how != "" && stored.Digest == "" { // nobody has answered yet
			err = d.begin()
			break
		}
		if how != "" {
			err = fmt.Errorf("%s has another run that was stopped: %s. Give the same again to go on, or --restart to begin anew", path, how)
		}
		d.plan = stored
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

// hold locks a directory for this process, as long as the file is open, and closes the file where another has it.
func hold(lock *os.File, path string) error {
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("another process works in %s: %w", path, err), lock.Close())
	}
	return nil
}

// ReadPlan reads a plan, of a run or beside a result.
func ReadPlan(name string) (plan Plan, err error) {
	text, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return plan, err
	}
	if err := json.Unmarshal(text, &plan); err != nil {
		return plan, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	return plan, nil
}

// Inputs are the files of the run.
func (d *Directory) Inputs() []tables.File { return d.plan.Inputs }

// Digest is that of who answers; empty: nobody did yet.
func (d *Directory) Digest() string { return d.plan.Digest }

// Answered keeps who answers. It is called once, before the first answer is kept.
func (d *Directory) Answered(model, digest string) error {
	d.plan.Model, d.plan.Digest = model, digest
	return d.save()
}

// begin keeps the plan of a new run. Logs without a plan are of no run that is known.
func (d *Directory) begin() error {
	for _, pattern := range []string{"*.log", "*.rows"} {
		names, err := filepath.Glob(filepath.Join(d.path, pattern))
		for _, name := range names {
			err = errors.Join(err, os.Remove(name))
		}
		if err != nil {
			return err
		}
	}
	return d.save()
}

func (d *Directory) save() error {
	return writeWhole(filepath.Join(d.path, planFile), &d.plan)
}

// writeWhole writes a plan so that there is the old file or the new one, whatever happens in between.
func writeWhole(name string, plan *Plan) error {
	text, err := json.MarshalIndent(plan, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644) //nolint:gosec // as the result's
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(name+".new", name), syncDir(filepath.Dir(name)))
}

// syncDir brings the names in a directory to the disk.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Close lets another process have the directory.
func (d *Directory) Close() error { return d.lock.Close() }

// Remove removes the directory of a run that has ended, and closes it.
func (d *Directory) Remove() error { return errors.Join(remove(d.path), d.lock.Close()) }

// Discard removes the directory of a run that was stopped, if there is one. The error says that a process works in it.
func Discard(path string) error {
	lock, err := os.Open(filepath.Join(path, lockFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return remove(path)
	case err != nil:
		return err
	}
	if err := hold(lock, path); err != nil {
		return err
	}
	return errors.Join(remove(path), lock.Close())
}

// remove takes a directory its name first, so that nobody goes on from what is half removed.
func remove(path string) error {
	old := path + ".old"
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(path, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.RemoveAll(old)
}
