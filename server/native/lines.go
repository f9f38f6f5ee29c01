package native

import (
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// Responses puts the one group of a line into a request; responses that could not be read are refused in it.
func Responses(r *rewards.Request, line *wire.GroupLine) {
	r.Groups = []rewards.Group{Group(&line.Prompted, line.Responses)}
	for i, why := range line.Refused {
		refuse(r, i, problem.Refused(why))
	}
}

// Compared makes a request of a line to compare: of its responses, or of its pair.
func Compared(r *rewards.Request, line *wire.CompareLine) error {
	switch {
	case line.Chosen == nil && line.Rejected == nil:
		Responses(r, &line.GroupLine)
		return nil
	case line.Responses != nil:
		return failure.New(failure.CodeInvalidField, "responses: given together with chosen or rejected")
	case line.Chosen == nil:
		return failure.New(failure.CodeInvalidField, "chosen: is missing")
	case line.Rejected == nil:
		return failure.New(failure.CodeInvalidField, "rejected: is missing")
	}
	r.Question, r.Groups = rewards.Pairs, []rewards.Group{Group(&line.Prompted, []string{*line.Chosen, *line.Rejected})}
	return nil
}
