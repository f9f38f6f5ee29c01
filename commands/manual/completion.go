package manual

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Shells are those that Completion writes for.
var Shells = []string{"bash", "zsh", "fish"}

// Completion writes the script with which one of Shells completes the commands, their flags, and the values of those
// that have a list; elsewhere files are completed. The error is the writer's, or names an unknown shell.
func Completion(w io.Writer, app *kong.Application, shell string) error {
	var script string
	switch shell {
	case "bash":
		script = bash(app.Name, commands(app))
	case "zsh":
		script = zsh(app.Name, commands(app))
	case "fish":
		script = fish(app.Name, commands(app))
	default:
		return fmt.Errorf("%q is none of the shells %s", shell, strings.Join(Shells, ", "))
	}
	_, err := io.WriteString(w, script)
	return err
}

// bash needs nothing but bash itself. It follows the command line to the command at the cursor.
func bash(program string, all []command) string {
	var moves, values, words strings.Builder
	for _, c := range all {
		at := strings.Join(c.path, " ")
		for _, child := range c.children() {
			fmt.Fprintf(&moves, "      %q) at=%q ;;\n", at+"/"+child, strings.TrimSpace(at+" "+child))
		}
		var flags []string
		for _, flag := range c.all {
			flags = append(flags, names(flag)...)
			if list := choices(flag.Value); list != nil {
				fmt.Fprintf(&values, "    %q) words=%q ;;\n", at+"/--"+flag.Name, strings.Join(list, " "))
			}
		}
		others := strings.Join(append(c.children(), c.positional()...), " ")
		fmt.Fprintf(&words, "    %q) flags=%q words=%q ;;\n", at, strings.Join(flags, " "), others)
	}
	return fmt.Sprintf(`# Completion of %[1]s for bash: source <(%[1]s completion bash)
_%[1]s() {
  local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} at= flags= words= value=yes i
  COMPREPLY=()
  # bash takes an = for a word of its own.
  if [ "$cur" = = ]; then
    cur=
  elif [ "$before" = = ]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case $at/${COMP_WORDS[i]} in
%[2]s    esac
  done
  case $at/$before in
%[3]s    *) value= ;;
  esac
  if [ -z "$value" ]; then
    case $at in
%[4]s    esac
    [[ $cur != -* ]] || words=$flags
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o bashdefault -o default -F _%[1]s %[1]s
`, program, moves.String(), values.String(), words.String())
}

// zsh has a function for each command, which hands what follows to those of the commands under it.
func zsh(program string, all []command) string {
	var script strings.Builder
	fmt.Fprintf(&script, "#compdef %s\n# Completion of %[1]s for zsh: source <(%[1]s completion zsh), or a file _%[1]s in a folder of fpath.\n", program)
	for _, c := range all {
		function := "_" + strings.Join(append([]string{program}, c.path...), "_")
		fmt.Fprintf(&script, "%s() {\n  local curcontext=$curcontext state line\n  typeset -A opt_args\n  _arguments -C", function)
		for _, flag := range c.all {
			for _, name := range names(flag) {
				fmt.Fprintf(&script, " \\\n    %s", zshFlag(name, flag))
			}
		}
		if len(c.children()) == 0 {
			if list := c.positional(); list != nil {
				fmt.Fprintf(&script, " \\\n    ':value:(%s)'", strings.Join(list, " "))
			} else if len(c.node.Positional) > 0 {
				script.WriteString(" \\\n    '*:file:_files'")
			}
			script.WriteString("\n}\n")
			continue
		}
		script.WriteString(" \\\n    ': :->command' '*:: :->rest'\n  case $state in\n    command)\n      local -a all=(")
		for _, child := range c.node.Children {
			if !child.Hidden {
				fmt.Fprintf(&script, "\n        %s", quoted(child.Name+":"+first(child.Help)))
			}
		}
		script.WriteString(")\n      _describe command all ;;\n    rest)\n      case $words[1] in")
		for _, child := range c.children() {
			fmt.Fprintf(&script, "\n        %s) %s_%[1]s ;;", child, function)
		}
		script.WriteString("\n      esac ;;\n  esac\n}\n")
	}
	fmt.Fprintf(&script, "if [ \"$funcstack[1]\" = _%s ]; then _%[1]s \"$@\"; else compdef _%[1]s %[1]s; fi\n", program)
	return script.String()
}

// zshFlag is one flag as _arguments takes it: how often it may stand, its name, what it does, and what it takes.
func zshFlag(name string, flag *kong.Flag) string {
	spec := name
	if flag.IsCumulative() {
		spec = "*" + spec
	}
	if takes(flag) && strings.HasPrefix(name, "--") {
		spec += "="
	}
	spec += "[" + strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`).Replace(first(flag.Help)) + "]"
	if list := choices(flag.Value); list != nil {
		spec += ":value:(" + strings.Join(list, " ") + ")"
	} else if takes(flag) {
		spec += ":value:_files"
	}
	return quoted(spec)
}

// fish has a line for each command and flag, with the condition under which it is offered.
func fish(program string, all []command) string {
	var script strings.Builder
	fmt.Fprintf(&script, "# Completion of %s for fish: %[1]s completion fish | source\n", program)
	for _, c := range all {
		var conditions []string
		for _, word := range c.path {
			conditions = append(conditions, "__fish_seen_subcommand_from "+word)
		}
		here := conditions
		if children := c.children(); len(children) > 0 {
			here = append(slices.Clip(here), "not __fish_seen_subcommand_from "+strings.Join(children, " "))
		}
		for _, child := range c.node.Children {
			if !child.Hidden {
				fmt.Fprintf(&script, "complete -c %s -f -n %s -a %s -d %s\n", program, quoted(strings.Join(here, "; and ")), child.Name, quoted(first(child.Help)))
			}
		}
		when := quoted(strings.Join(here, "; and "))
		if list := c.positional(); list != nil {
			fmt.Fprintf(&script, "complete -c %s -f -n %s -a %s\n", program, when, quoted(strings.Join(list, " ")))
		}
		for _, flag := range c.all {
			line := fmt.Sprintf("complete -c %s -n %s -l %s -d %s", program, when, flag.Name, quoted(first(flag.Help)))
			if flag.Short != 0 {
				line += " -s " + string(flag.Short)
			}
			if list := choices(flag.Value); list != nil {
				line += " -x -a " + quoted(strings.Join(list, " "))
			} else if takes(flag) {
				line += " -r -F"
			}
			script.WriteString(line + "\n")
		}
	}
	return script.String()
}

// quoted is a word in single quotes, as all three shells take it. fish reads a backslash there, and a text of help has
// none.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
