// Package rewards turns what models read into rewards.
//
// [Engine.Ask] answers every question: how good is this response, which of these is best, which is preferred and how
// surely, which step goes wrong, how likely is each token, what does the model see. There is one path, and each line of
// it is one function:
//
//	check      proves what can be known of the request without its model
//	resolve    finds the source that answers, by its name or by the kind of model
//	recipe     says what must be read of which source; a plain model is the simplest recipe
//	gather     asks every source for admission, and reads then
//	answer     makes results of the readings, in the way that was asked
//
// What a kind of model answers, and what its readings mean, is a row of one table (kinds.go). The arithmetic is package
// ops's, the codes of errors are package failure's, and what a protocol makes of all of them is not known here.
//
// Three promises hold for every answer. There is one result for each item, response or pair, in the request's order,
// with a score or with an error, never both. The raw output of the graph stands beside every score of a reward model,
// and every transform between the two is named. A number is always finite: what is not becomes an error of its item.
package rewards
