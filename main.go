// Command assay serves reward models and process reward models, and scores, ranks and evaluates with them.
package main

import (
	"os"

	"github.com/assay-rm/assay/commands"
)

func main() {
	os.Exit(commands.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
