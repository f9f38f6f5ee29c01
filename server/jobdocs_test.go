package server

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/assay-rm/assay/server/jobs"
)

// TestLimitsOfTheJobsPage holds the page's limits to the defaults, and its metrics to those that there are.
func TestLimitsOfTheJobsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/JOBS.md")
	if err != nil {
		t.Fatal(err)
	}
	of := jobs.DefaultLimits()
	for _, row := range []string{
		fmt.Sprintf("| bytes of a job's body, as it is sent and as it is decoded | %d GiB (`--max-job`) |", of.Bytes>>30),
		fmt.Sprintf("| rows of a job | %d |", of.Rows),
		fmt.Sprintf("| bytes of the first line | %d KiB |", of.Head>>10),
		fmt.Sprintf("| bytes of a row | %d MiB;", of.Row>>20),
		fmt.Sprintf("| jobs that are kept, and those of one caller | %d; %d |", of.Jobs, of.Each),
		fmt.Sprintf("| bytes of all rows and of all results, compressed | %d GiB each, half of `--jobs-store`;", of.Store>>31),
		fmt.Sprintf("| a job that has ended | is kept for %.0f h (`--jobs-keep`), and nothing for longer than %.0f h after it was sent |", of.Keep.Hours(), jobs.MostKept.Hours()),
		fmt.Sprintf("| jobs that arrive at once | each takes %d MiB of the room for bodies |", uploadRoom>>20),
		fmt.Sprintf("Rows are kept in chunks of %d items, or of %d rows of responses,", jobItems, jobGroups),
		fmt.Sprintf("Its chunk is tried\n  %d times.", runTries),
		"| `assay_jobs{status}` |", "| `assay_jobs_waiting_rows` |", "| `assay_job_rows_total{outcome}` |",
	} {
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/JOBS.md lacks %q", row)
		}
	}
}
