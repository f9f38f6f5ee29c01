// Package wire is the JSON that clients and files speak: the forms of requests and answers, and the one strict decoder
// that reads them.
//
// The forms are plain structs. Their field tags give the JSON names and, through huma, the OpenAPI description. Answers
// are written by encoding/json. [DecodeBody] and [DecodeLine] read a request, a line or a row into its form. They hold
// the text to these rules, report the first breach with its path ("items[3].messages[1].role"), and stop there:
//
//   - There is one JSON value and nothing behind it. Names of fields are told apart by case.
//   - A field that the form does not have is refused. Foreign protocols pass it over.
//   - A field that is given twice is refused.
//   - A null is refused where a value must be, so that it does not become a zero in silence.
//   - A list ends at its limit (see [Limits]) before more memory is taken for it. To read or refuse a text takes at most
//     24 times its length and 4 MiB of memory, including the memory that is thrown away on the way.
//   - Text is never altered. A string that is not Unicode is refused: one with bytes that are not UTF-8, or with the
//     escape of half a surrogate pair.
//
// One bad item never spoils its mates. A string that is not Unicode, and a list of an item that is over its limit, fail
// only the item, pair or response that they stand in. It then carries an [Error], and the rest of the request is read.
// Every other breach refuses the whole request.
//
// The decoder does not ask whether a request makes sense under a model; the engine does.
package wire
