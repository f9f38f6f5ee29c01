// Package rewards turns what models read into rewards.
//
// An [Engine] answers five questions over the models of a registry: [Engine.Score] (how good is this response), [Engine.Rank]
// (which of these responses is best), [Engine.Compare] (which is preferred, and how surely), [Engine.Steps] (which step goes
// wrong) and [Engine.Tokenize] (what does the model see). The requests and answers carry the JSON form of the wire, so a
// server and a command line share one path. The operators between a reading and a reward are pure functions.
//
// Three promises hold for every answer. There is one result per item, in input order, with a score or with a [Problem], never
// both. The raw output of the graph stands beside every score, and every transform between the two is named. A number is
// always finite: what is not becomes a problem of its item.
package rewards
