package manual

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// Page writes the manual page of section 1 in the language of man(7): each command with its arguments and flags.
// version stands in its foot, and date as YYYY-MM-DD, which may be empty. The error is the writer's.
func Page(w io.Writer, app *kong.Application, version, date string) error {
	p := &page{}
	p.line(`.TH %s 1 "%s" "%s %s" "User Commands"`, strings.ToUpper(app.Name), date, app.Name, text(version))
	p.line(".SH NAME\n%s \\- %s", app.Name, text(strings.ToLower(first(strings.TrimPrefix(app.Help, "Assay ")))))
	p.line(".SH SYNOPSIS\n.B %s\n.I command\n[\\fIflags\\fR]", app.Name)
	p.line(".SH DESCRIPTION")
	p.words(app.Help)
	all := commands(app)
	p.line(".SH OPTIONS")
	p.flags(all[0].own)
	p.line(".SH COMMANDS")
	for _, c := range all[1:] {
		p.command(app.Name, c)
	}
	p.line(".SH EXIT STATUS\n.TP\n.B 0\nAll went well.\n.TP\n.B 1\nWhat was asked for failed, as a whole or for some line.")
	p.line(".TP\n.B 2\nThe command line itself is wrong.")
	_, err := io.WriteString(w, p.out.String())
	return err
}

// page is the text so far.
type page struct{ out strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.out, format+"\n", args...) }

// command writes a command's section, or of one that only has others under it their names.
func (p *page) command(program string, c command) {
	usage := append([]string{program}, c.path...)
	for _, argument := range c.node.Positional {
		usage = append(usage, argument.Summary())
	}
	p.line(`.SS "%s"`, text(strings.Join(usage, " ")))
	p.words(c.node.Help)
	if c.node.Detail != "" {
		p.line(".PP")
		p.words(c.node.Detail)
	}
	for _, argument := range c.node.Positional {
		p.line(".TP\n.I %s", text(argument.Summary()))
		p.words(kong.DefaultHelpValueFormatter(argument))
	}
	p.flags(c.own)
	if under := c.children(); len(under) > 0 {
		p.line(".PP\nIts commands: %s.", text(strings.Join(under, ", ")))
	}
}

// flags writes each flag as --help does: its names, what it takes, its help and its variable of the environment.
func (p *page) flags(all []*kong.Flag) {
	for _, flag := range all {
		p.line(".TP\n%s", strings.Join(written(flag), ", "))
		p.words(kong.DefaultHelpValueFormatter(flag.Value))
	}
}

// written gives a flag's names, bold, with what the long one takes.
func written(flag *kong.Flag) []string {
	all := names(flag)
	for i, name := range all {
		all[i] = `\fB` + text(name) + `\fR`
	}
	if takes(flag) {
		all[0] += `=\fI` + text(flag.FormatPlaceHolder()) + `\fR`
	}
	return all
}

// words writes paragraphs. A line that is indented is an example, and stands as it is.
func (p *page) words(s string) {
	example, blank := false, false
	for line := range strings.Lines(strings.TrimSpace(s)) {
		line = strings.TrimRight(line, " \n")
		indented := strings.HasPrefix(line, "    ")
		switch {
		case line == "":
			blank = true
			continue
		case indented && !example:
			p.line(".PP\n.RS 4\n.nf")
		case !indented && example:
			p.line(".fi\n.RE\n.PP")
		case blank && indented:
			p.line("")
		case blank:
			p.line(".PP")
		}
		example, blank = indented, false
		p.line("%s", text(strings.TrimSpace(line)))
	}
	if example {
		p.line(".fi\n.RE")
	}
}

// special are the characters that man(7) reads as something else than themselves.
var special = strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`, "^", `\(ha`, "~", `\(ti`, "`", `\(ga`, "'", `\(aq`)

// text escapes what stands for itself, and writes what is no ASCII by its number. A line may not begin with a full
// stop, which is a request there.
func text(s string) string {
	var out strings.Builder
	if strings.HasPrefix(s, ".") {
		out.WriteString(`\&`)
	}
	for _, r := range special.Replace(s) {
		if r < 128 {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, `\[u%04X]`, r)
		}
	}
	return out.String()
}
