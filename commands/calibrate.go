package commands

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/assay-rm/assay/commands/evaluation"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
)

// copies refuses what a temperature cannot be written for, before anything is scored.
func (c *evalCommand) copies(models []rewards.ModelInfo) error {
	if c.Fit == "" {
		return nil
	}
	if models[0].Manifest.Calibration != nil {
		return fmt.Errorf("model %s has a calibration already: take it out of %s to fit another", models[0].Manifest.Name, c.manifest())
	}
	own, err := os.Stat(c.manifest())
	if err != nil {
		return err
	}
	if there, err := os.Stat(c.Fit); err == nil && os.SameFile(own, there) {
		return errors.New("--fit-temperature writes a copy of the manifest, and names the manifest itself")
	}
	return nil
}

func (c *evalCommand) manifest() string { return filepath.Join(c.Models.Bundle[0], manifest.File) }

// calibrate fits the temperature and writes the copy of the manifest, which is the bundle's with one field more. It
// must be a manifest again.
func (c *evalCommand) calibrate(report *evaluation.Report, jobs []*evaluation.Job) error {
	proof, digest, err := report.Fit(jobs)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.manifest())
	if err != nil {
		return err
	}
	text = append(bytes.TrimRight(text, "\n"), fmt.Sprintf(`
calibration:                  # by assay eval --fit-temperature
  temperature: %v
  pairs: %d
  seed: %d
  data: "sha256:%s"
  log_loss: {before: %v, after: %v, gain: [%v, %v]}
  ece: {before: %v, after: %v, gain: [%v, %v]}
`, proof.Temperature, proof.Fitted+proof.Held, report.Seed, digest,
		proof.LogLoss.Before, proof.LogLoss.After, proof.LogLoss.Gain[0], proof.LogLoss.Gain[1],
		proof.ECE.Before, proof.ECE.After, proof.ECE.Gain[0], proof.ECE.Gain[1])...)
	if _, err := manifest.Parse(text); err != nil {
		return err
	}
	return writeWhole(c.Fit, text)
}
