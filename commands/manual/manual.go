// Package manual writes what describes a command line to other programs: a manual page, and completions for shells.
// All of it is made of the model that --help is printed from, so none of them can say anything else.
package manual

import (
	"strings"

	"github.com/alecthomas/kong"
)

// command is one node of the command line: the root, a command, or a command of a command.
type command struct {
	node *kong.Node
	path []string     // its words behind the name of the program
	own  []*kong.Flag // the flags that the node declares
	all  []*kong.Flag // the flags that it takes: those of what it stands under, and its own
}

// commands lists the root and all that stand under it and are shown, each before those that stand under it.
func commands(app *kong.Application) []command {
	var all []command
	var walk func(node *kong.Node, path []string, above []*kong.Flag)
	walk = func(node *kong.Node, path []string, above []*kong.Flag) {
		c := command{node: node, path: path, all: append([]*kong.Flag{}, above...)}
		for _, flag := range node.Flags {
			if !flag.Hidden {
				c.own, c.all = append(c.own, flag), append(c.all, flag)
			}
		}
		all = append(all, c)
		for _, child := range node.Children {
			if !child.Hidden {
				walk(child, append(append([]string{}, path...), child.Name), c.all)
			}
		}
	}
	walk(app.Node, nil, nil)
	return all
}

// names gives a flag as it is written: --name, and -n where it has a letter.
func names(flag *kong.Flag) []string {
	all := []string{"--" + flag.Name}
	if flag.Short != 0 {
		all = append(all, "-"+string(flag.Short))
	}
	return all
}

// takes tells whether a flag has a value behind it.
func takes(flag *kong.Flag) bool { return !flag.IsBool() && !flag.IsCounter() }

// children names the commands that stand under one.
func (c command) children() []string {
	var all []string
	for _, child := range c.node.Children {
		if !child.Hidden {
			all = append(all, child.Name)
		}
	}
	return all
}

// choices are the words that a value may be, nil where there is no such list.
func choices(value *kong.Value) []string {
	if value.Enum == "" {
		return nil
	}
	return value.EnumSlice()
}

// positional are the words that a command takes in place of a flag, nil where it takes any or none.
func (c command) positional() []string {
	if len(c.node.Positional) == 0 {
		return nil
	}
	return choices(c.node.Positional[0])
}

// first is the first sentence of a help text, on one line and without its full stop.
func first(help string) string {
	sentence, _, _ := strings.Cut(strings.Join(strings.Fields(help), " "), ". ")
	return strings.TrimSuffix(sentence, ".")
}
