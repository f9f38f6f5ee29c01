package server

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Token is what a client sends to be let in, and what the server knows of who sends it. Several tokens may have one
// name, as while one takes the place of another; they are one caller then, and must say the same of it.
type Token struct {
	Token string // no white space
	Name  string // of the caller, in the metrics and the log; may be empty
	Bulk  bool   // its requests yield to those of interactive callers
	Rate  int    // tokens of the models that the caller may ask for in a minute; 0: as many as it likes

	Writes bool // it may change states, which everybody may read

	Recipes bool // it may bring a recipe of its own with a request

	Loads bool // it may change which models are served

	line int // of the file
}

// ParseTokens reads a file of tokens: a token on each line and behind it, in any order, what is known of the caller.
// Lines that begin with # are comments. A token alone is such a file.
//
//	8Jx0…QmZ4  name=trainer-a class=interactive rate=600000 state=write
//	w1Yz…77aB  name=nightly class=bulk
//
// The error names the line and the field, and never shows a token.
func ParseTokens(text string) ([]Token, error) {
	var tokens []Token
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		token, err := parseToken(fields)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		token.line = n
		tokens = append(tokens, token)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("a line is longer than %d bytes", bufio.MaxScanTokenSize)
	}
	if len(tokens) == 0 {
		return nil, errors.New("it holds no token")
	}
	return tokens, checkTokens(tokens)
}

// parseToken reads the fields of a line. What a field that is not understood holds may be a token, so it is not shown.
func parseToken(fields []string) (Token, error) {
	token, seen := Token{Token: fields[0]}, map[string]bool{}
	for i, field := range fields[1:] {
		key, value, _ := strings.Cut(field, "=")
		if seen[key] {
			return token, fmt.Errorf("%s: given twice", key)
		}
		var err error
		switch key {
		case "name":
			if token.Name = value; !plain(value) {
				return token, fmt.Errorf("name: must be of letters, digits and - _ . :, and have 1 to %d of them", longestID)
			}
		case "class":
			token.Bulk, err = oneOf(key, value, "interactive", "bulk")
		case "rate":
			rate, err := strconv.Atoi(value)
			if token.Rate = rate; err != nil || rate < 1 {
				return token, errors.New("rate: must be a whole number of tokens a minute, and positive")
			}
		case "state":
			token.Writes, err = oneOf(key, value, "read", "write")
		case "recipes":
			token.Recipes, err = oneOf(key, value, "served", "own")
		case "models":
			token.Loads, err = oneOf(key, value, "read", "write")
		default:
			return token, fmt.Errorf("field %d: is none of name=, class=, rate=, state=, recipes= and models=; a token has no space in it", i+2)
		}
		if err != nil {
			return token, err
		}
		seen[key] = true
	}
	return token, nil
}

// oneOf tells the second of two words from the first.
func oneOf(key, value, first, second string) (bool, error) {
	if value != first && value != second {
		return false, fmt.Errorf("%s: must be %s or %s", key, first, second)
	}
	return value == second, nil
}

// checkTokens refuses tokens that cannot be told apart, and those of one name that differ in what they say of it.
func checkTokens(tokens []Token) error {
	at, named := map[string]Token{}, map[string]Token{}
	for _, token := range tokens {
		other, again := at[token.Token]
		same, known := named[token.Name]
		switch {
		case token.Token == "" || strings.ContainsAny(token.Token, " \t\r\n"):
			return fmt.Errorf("line %d: a token is empty, or has white space in it", token.line)
		case again:
			return fmt.Errorf("line %d: the token of line %d again", token.line, other.line)
		case known && token.Name != "" && (same.Bulk != token.Bulk || same.Rate != token.Rate || same.Writes != token.Writes || same.Recipes != token.Recipes || same.Loads != token.Loads):
			return fmt.Errorf("line %d: name: line %d has the same name with another class, rate, state, recipes or models", token.line, same.line)
		}
		at[token.Token], named[token.Name] = token, token
	}
	return nil
}
