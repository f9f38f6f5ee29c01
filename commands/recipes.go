package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/rewards/recipes/papers"
)

// recipeFlags say which recipes a server has.
type recipeFlags struct {
	Recipe      []string          `group:"Models" env:"ASSAY_RECIPE" placeholder:"RECIPE" help:"Serve this recipe too: a file, or the name of one that 'assay recipes list' shows. Repeat it for more."`
	RecipeModel map[string]string `group:"Models" env:"ASSAY_RECIPE_MODEL" placeholder:"RECIPE.READING=MODEL" help:"The model of a reading of a recipe, where the recipe names none and several would do. Repeat it for more."`
}

// read reads the recipes, before any model is loaded.
func (f *recipeFlags) read() ([]*recipes.Recipe, error) {
	all := make([]*recipes.Recipe, len(f.Recipe))
	for i, file := range f.Recipe {
		var err error
		if all[i], err = readRecipe(file); err != nil {
			return nil, fmt.Errorf("--recipe: %w", err)
		}
	}
	for name := range f.RecipeModel {
		recipe, _, _ := strings.Cut(name, ".")
		known := false
		for _, r := range all {
			known = known || r.Name == recipe
		}
		if !known {
			return nil, usage("--recipe-model %s: no --recipe is named %q", name, recipe)
		}
	}
	return all, nil
}

// serve adds the recipes to an engine.
func (f *recipeFlags) serve(engine *rewards.Engine, all []*recipes.Recipe) error {
	for i, r := range all {
		bind := map[string]string{}
		for name, model := range f.RecipeModel {
			if recipe, reading, _ := strings.Cut(name, "."); recipe == r.Name {
				bind[reading] = model
			}
		}
		if err := engine.Serve(r, bind); err != nil {
			return fmt.Errorf("--recipe %s: %w", f.Recipe[i], err)
		}
	}
	return nil
}

// readRecipe reads a paper's recipe by its name, or one file, of which no more is taken than a recipe may have.
func readRecipe(name string) (*recipes.Recipe, error) {
	if text, ok := papers.Read(name); ok {
		return recipes.Parse(text)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is no regular file", name))
	}
	data, err := io.ReadAll(io.LimitReader(file, recipes.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	r, err := recipes.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// recipesCommand is `assay recipes`.
type recipesCommand struct {
	List  recipesListCommand  `cmd:"" help:"List the recipes of papers, each of which a server takes by its name."`
	Check recipesCheckCommand `cmd:"" help:"Say whether recipe files are right: their names, types, ranges and worked examples."`
}

// recipesCheckCommand is `assay recipes check`.
type recipesCheckCommand struct {
	Files []string `arg:"" name:"file" help:"Recipe files."`
}

// Run checks every file, and fails where one of them is wrong.
func (c *recipesCheckCommand) Run(_ context.Context, con *console) error {
	wrong := 0
	for _, name := range c.Files {
		r, err := readRecipe(name)
		if err != nil {
			con.complain(err)
			wrong++
			continue
		}
		example := "it has no example"
		if r.Example != nil {
			example = fmt.Sprintf("its example gives %g", r.Example.Score)
		}
		if _, err := fmt.Fprintf(con.out, "%s: %s is right; %s\n", name, r.Name, example); err != nil {
			return err
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d recipes are wrong", wrong, len(c.Files))
	}
	return nil
}

// recipesListCommand is `assay recipes list`.
type recipesListCommand struct{}

// Run lists the recipes with what they read and their papers.
func (*recipesListCommand) Run(_ context.Context, con *console) error {
	var rows [][]string
	for _, name := range papers.Names() {
		r, err := readRecipe(name)
		if err != nil {
			return err
		}
		readings := make([]string, len(r.Readings))
		for i, one := range r.Readings {
			readings[i] = one.Name + ": " + string(one.Gives)
		}
		rows = append(rows, []string{name, strings.Join(readings, ", "), r.Paper})
	}
	p := page.New(con.out)
	p.Table([]string{"name", "readings", "paper"}, nil, rows)
	return p.Flush()
}
