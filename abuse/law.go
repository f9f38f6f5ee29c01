package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The law. Times are multiplied by the slack of the run, since a machine that is busy with something else is slow, too.
const (
	growthFixed   = 256 << 20 // bytes that memory may grow by, whatever is sent
	growthPerByte = 24        // and for each byte that is sent
	maxAnswer     = 16 << 20  // bytes of an answer, headers included
	maxProblem    = 4 << 10   // and of one that is a single problem, whatever was sent
	maxRefusal    = 2 * time.Second
	endGrace      = 3 * time.Second // for an end behind its due; net/http gives first settings 2 s of its own
)

// outcome is what one attack did to the server.
type outcome struct {
	sent   int64         // bytes that left the client
	growth int64         // of the server's resident memory, at its peak
	took   time.Duration // until the answer was there whole, or the connection was ended
	status int           // of the answer; 0: none came
	answer int64         // bytes of the answer, or of all answers on a connection
	broken string        // why there is no whole answer; empty: there is one
}

// allowed is how many bytes memory may grow by.
func (o outcome) allowed() int64 { return growthFixed + growthPerByte*o.sent }

// general are the faults that any attack can show.
func (o outcome) general() []string {
	var faults []string
	if o.growth > o.allowed() {
		faults = append(faults, fmt.Sprintf("memory grew by %s, and %s are allowed", size(o.growth),
			size(o.allowed())))
	}
	return faults
}

// judge lists how the answer to a hostile body breaks the law.
func (h hostile) judge(o outcome, slack float64) []string {
	want, most := h.want, max(h.told, maxAnswer)
	if h.brief {
		most = maxProblem
	}
	faults := o.general()
	bound := stretched(maxRefusal, slack)
	switch {
	case o.broken != "":
		return append(faults, "no whole answer: "+o.broken)
	case len(want) > 0 && !slices.Contains(want, o.status):
		faults = append(faults, fmt.Sprintf("status %d, and the law says %s", o.status, statuses(want)))
	case len(want) == 0 && o.status >= 500 && o.status != 503 && o.status != 504:
		faults = append(faults, fmt.Sprintf("status %d: the server calls itself at fault", o.status))
	}
	if o.status >= 400 && o.took > bound {
		faults = append(faults, fmt.Sprintf("refused after %s, and %s are allowed", seconds(o.took), seconds(bound)))
	}
	if o.answer > most {
		faults = append(faults, fmt.Sprintf("an answer of %s, and %s are allowed", size(o.answer), size(most)))
	}
	return faults
}

// judge lists how the end of a rude connection breaks the law. What is broken says that the server did not end it.
func (r rude) judge(o outcome) []string {
	faults := o.general()
	if o.broken != "" {
		faults = append(faults, o.broken)
	}
	if len(r.want) > 0 && !slices.Contains(r.want, o.status) {
		faults = append(faults, fmt.Sprintf("status %d, and the law says %s", o.status, statuses(r.want)))
	}
	return faults
}

func stretched(d time.Duration, slack float64) time.Duration {
	return time.Duration(float64(d) * slack)
}

func statuses(want []int) string {
	words := make([]string, len(want))
	for i, status := range want {
		words[i] = strconv.Itoa(status)
	}
	return strings.Join(words, " or ")
}

// size writes bytes for a person: 512 B, 62 KiB, 1.2 GiB.
func size(n int64) string {
	units := []string{"KiB", "MiB", "GiB"}
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	value := float64(n)
	for i, unit := range units {
		value /= 1 << 10
		if value < 1000 || i == len(units)-1 {
			if value < 10 {
				return fmt.Sprintf("%.1f %s", value, unit)
			}
			return fmt.Sprintf("%.0f %s", value, unit)
		}
	}
	return ""
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
