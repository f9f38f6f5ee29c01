package commands

import (
	"runtime/debug"

	"github.com/alecthomas/kong"

	"github.com/assay-rm/assay/commands/manual"
)

// manCommand is `assay man`.
type manCommand struct{}

// Run writes the manual page of all commands. Its date is that of the commit, where the build knows it.
func (*manCommand) Run(con *console, parsed *kong.Context) error {
	date := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.time" && len(setting.Value) >= len("2006-01-02") {
				date = setting.Value[:len("2006-01-02")]
			}
		}
	}
	return manual.Page(con.out, parsed.Model, version(), date)
}

// completionCommand is `assay completion`.
type completionCommand struct {
	Shell string `arg:"" enum:"${shells}" help:"The shell: ${enum}."`
}

// Help says how the script is used.
func (*completionCommand) Help() string {
	return `To have it in every shell, add one line to ~/.bashrc, to ~/.zshrc behind compinit, or to
~/.config/fish/config.fish:

    source <(assay completion bash)
    source <(assay completion zsh)
    assay completion fish | source`
}

// Run writes the script.
func (c *completionCommand) Run(con *console, parsed *kong.Context) error {
	return manual.Completion(con.out, parsed.Model, c.Shell)
}
