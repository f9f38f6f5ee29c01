package games

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/rewards/ops"
)

// table is a matrix of probabilities from what lies above its diagonal, row by row.
func table(n int, above ...float64) ops.Matrix {
	m := ops.NewMatrix(n, n)
	for i := range n {
		m.Row(i)[i] = ops.Some(0.5)
		for j := i + 1; j < n; j++ {
			m.Row(i)[j], m.Row(j)[i] = ops.Some(above[0]), ops.Some(1-above[0])
			above = above[1:]
		}
	}
	return m
}

// drawn is a random matrix of probabilities, at times of few values only, so that there are ties and sure wins.
func drawn(t *rapid.T, from, to int) ops.Matrix {
	n := rapid.IntRange(from, to).Draw(t, "candidates")
	one := rapid.Float64Range(0.01, 0.99)
	if rapid.Bool().Draw(t, "coarse") {
		one = rapid.SampledFrom([]float64{0.25, 0.5, 0.75})
	}
	above := rapid.SliceOfN(one, n*(n-1)/2, n*(n-1)/2).Draw(t, "probabilities")
	return table(n, above...)
}

// permuted is the same comparisons of candidates in another order.
func permuted(m ops.Matrix, order []int) ops.Matrix {
	out := ops.NewMatrix(m.Rows(), m.Rows())
	for a, i := range order {
		for b, j := range order {
			out.Row(a)[b] = m.Row(i)[j]
		}
	}
	return out
}

func values(t interface{ Fatal(args ...any) }, numbers []ops.Maybe, err error) []float64 {
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, len(numbers))
	for i, x := range numbers {
		if !x.Known {
			t.Fatal("candidate", i, "has no number")
		}
		out[i] = x.Value
	}
	return out
}

func near(a, b []float64, within float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= within })
}

func TestCandidatesInAnotherOrderGetTheSame(t *testing.T) {
	operators := map[string]func(ops.Matrix) ([]ops.Maybe, error){
		"Nash": Nash, "BradleyTerry": BradleyTerry, "Copeland": Copeland,
		"WinRates": func(m ops.Matrix) ([]ops.Maybe, error) { return ops.WinRates(m), nil },
	}
	for name, operator := range operators {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			m := drawn(t, 2, 9)
			order := rapid.Permutation(indices(m.Rows())).Draw(t, "order")
			numbers, err := operator(m)
			was := values(t, numbers, err)
			numbers, err = operator(permuted(m, order))
			is := values(t, numbers, err)
			for a, i := range order {
				if math.Abs(is[a]-was[i]) > 1e-8 {
					t.Fatalf("candidate %d has %g, and at place %d %g", i, was[i], a, is[a])
				}
			}
		}))
	}
}

// The value of the game is 0 under the best mixture, which is what linear programming, by gonum, finds of it too.
func TestNashLosesToNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawn(t, 2, 12)
		numbers, err := Nash(m)
		mixture := values(t, numbers, err)
		sum := 0.0
		for i, x := range mixture {
			if x < 0 {
				t.Fatalf("candidate %d has %g", i, x)
			}
			sum += x
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Fatalf("the mixture sums to %g", sum)
		}
		worst := math.Inf(1)
		for j := range mixture {
			won := 0.0
			for i, x := range mixture {
				won += x * m.Row(i)[j].Value
			}
			worst = min(worst, won)
		}
		if math.Abs(worst-0.5) > 1e-9 {
			t.Fatalf("against the best answer the mixture wins %.12f", worst)
		}
		if squares, least := floats.Dot(mixture, mixture), leastByPrograms(m); squares > least+1e-7 {
			t.Fatalf("the mixture has squares of %.9f, and one by linear programming %.9f", squares, least)
		}
	})
}

// leastByPrograms is the least Σ π² among the mixtures that lose to nobody which gonum's simplex method finds with some
// goals, and their mean.
func leastByPrograms(m ops.Matrix) float64 {
	n := m.Rows()
	// maximize goal·π with Σ_i π_i (P[i][j] − 0.5) − slack_j = 0, Σ π = 1
	a := mat.NewDense(n+1, 2*n, nil)
	b := make([]float64, n+1)
	b[n] = 1
	for j := range n {
		for i := range n {
			a.Set(j, i, m.Row(i)[j].Value-0.5)
		}
		a.Set(j, n+j, -1)
		a.Set(n, j, 1)
	}
	least, mean, found := math.Inf(1), make([]float64, n), 0
	for goal := range n {
		c := make([]float64, 2*n)
		c[goal] = -1
		_, x, err := lp.Simplex(c, a, b, 1e-10, nil)
		if err != nil {
			continue // it takes some degenerate games for singular
		}
		found++
		least = min(least, floats.Dot(x[:n], x[:n]))
		floats.Add(mean, x[:n])
	}
	if found > 0 {
		for i := range mean {
			mean[i] /= float64(found)
		}
		least = min(least, floats.Dot(mean, mean))
	}
	return least
}

func TestNashOfKnownGames(t *testing.T) {
	third := 1.0 / 3
	for _, game := range []struct {
		name string
		m    ops.Matrix
		want []float64
	}{
		{"rock, paper, scissors", table(3, 0, 1, 0), []float64{third, third, third}},
		{"one that beats all", table(3, 0.6, 0.9, 0.2), []float64{1, 0, 0}},
		{"two that are alike", table(2, 0.5), []float64{0.5, 0.5}},
		{"all alike", table(4, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5), []float64{0.25, 0.25, 0.25, 0.25}},
		{"a twin of rock", table(4, 0.5, 0, 1, 0, 1, 0), []float64{third / 2, third / 2, third, third}},
		// With a, b, c = P[0][1], P[1][2], P[2][0] above one half by x, y, z, the mixture is (y, z, x) / (x + y + z).
		{"an uneven circle", table(3, 0.6, 0.2, 0.9), []float64{0.4 / 0.8, 0.3 / 0.8, 0.1 / 0.8}},
	} {
		t.Run(game.name, func(t *testing.T) {
			numbers, err := Nash(game.m)
			if got := values(t, numbers, err); !near(got, game.want, 1e-12) {
				t.Errorf("the mixture is %v, want %v", got, game.want)
			}
		})
	}
}

func TestStrengthsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		theta := rapid.SliceOfN(rapid.Float64Range(-4, 4), 2, 9).Draw(t, "strengths")
		n, mean := len(theta), ops.Mean(theta)
		m := ops.NewMatrix(n, n)
		for i := range n {
			for j := range n {
				// a chain of comparisons is enough
				if i == j || i-j == 1 || j-i == 1 || rapid.Bool().Draw(t, "compared") && m.Row(j)[i].Known {
					m.Row(i)[j], m.Row(j)[i] = ops.Some(ops.Sigmoid(theta[i]-theta[j])), ops.Some(ops.Sigmoid(theta[j]-theta[i]))
				}
			}
		}
		numbers, err := BradleyTerry(m)
		for i, x := range values(t, numbers, err) {
			if math.Abs(x-(theta[i]-mean)) > 1e-8 {
				t.Fatalf("strength %d is %g, want %g", i, x, theta[i]-mean)
			}
		}
	})
}

// Strengths far apart come back too, where all but the smallest probabilities round to 1, and those of some candidates
// are near to each other: no digit of a small probability is lost.
func TestStrengthsFarApartComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		theta := rapid.SliceOfN(rapid.Float64Range(-300, 300), 2, 8).Draw(t, "strengths")
		theta = append(theta, theta[0]+rapid.Float64Range(-1, 1).Draw(t, "near"))
		n, mean := len(theta), ops.Mean(theta)
		m := ops.NewMatrix(n, n)
		for i := range n {
			for j := range n {
				m.Row(i)[j] = ops.Some(ops.Sigmoid(theta[i] - theta[j]))
			}
		}
		numbers, err := BradleyTerry(m)
		for i, x := range values(t, numbers, err) {
			if math.Abs(x-(theta[i]-mean)) > 1e-8 {
				t.Fatalf("strength %d is %g, want %g", i, x, theta[i]-mean)
			}
		}
	})
}

// At the strengths that fit, each candidate wins as often as the model says; that is the gradient, which is 0 there and
// nowhere else. Comparisons may be sure, missing and in circles.
func TestStrengthsFitTheWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 9).Draw(t, "candidates")
		m := ops.NewMatrix(n, n)
		for i := range n {
			for j := range i {
				if i-j == 1 || rapid.IntRange(0, 3).Draw(t, "compared") > 0 {
					x := rapid.SampledFrom([]float64{0, 1e-6, 0.001, 0.25, 0.5, 0.9, 1 - 1e-4, 1}).Draw(t, "probability")
					m.Row(i)[j], m.Row(j)[i] = ops.Some(x), ops.Some(1-x)
				}
			}
		}
		numbers, err := BradleyTerry(m)
		if err != nil {
			if _, _, apart := unreached(m, indices(n)); !apart {
				t.Fatal(err)
			}
			return
		}
		theta := values(t, numbers, err)
		for i := range n {
			wins, want := 0.0, 0.0
			for j := range n {
				if x := m.Row(i)[j]; x.Known && i != j {
					wins, want = wins+x.Value, want+ops.Sigmoid(theta[i]-theta[j])
				}
			}
			if math.Abs(wins-want) > 1e-9 {
				t.Fatalf("candidate %d wins %g, and by the strengths %v %g", i, wins, theta, want)
			}
		}
		if sum := floats.Sum(theta); math.Abs(sum) > 1e-9 {
			t.Fatalf("the strengths %v sum to %g", theta, sum)
		}
	})
}

func TestSureWinsHaveNoFiniteStrength(t *testing.T) {
	_, err := BradleyTerry(table(3, 1, 1, 0.4))
	if want := "no finite strengths fit: no chain of comparisons leads from candidate 1 to candidate 0 without a sure loss"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
	if _, err = BradleyTerry(table(3, 0, 1, 0)); err != nil {
		t.Errorf("a circle of sure wins has strengths of 0: %v", err)
	}
}

func TestEloOfKnownOdds(t *testing.T) {
	numbers, err := BradleyTerry(table(2, 10.0/11))
	elo := values(t, Elo(numbers, 400), err)
	if math.Abs(elo[0]-elo[1]-400) > 1e-9 {
		t.Errorf("10 wins of 11 are %g points apart, want 400", elo[0]-elo[1])
	}
	// FIDE's table: of 200 points the expectation is 0.76, so that a win of the stronger, with k 10, gives 2.4.
	a, b := EloUpdate(1600, 1400, 1, 10, 400)
	if math.Abs(a-1602.4) > 0.01 || math.Abs(a+b-3000) > 1e-9 {
		t.Errorf("the ratings are %g and %g", a, b)
	}
}

func TestAntisymmetricMarginsMakeProbabilities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "candidates")
		m := ops.NewMatrix(n, n)
		for i := range n {
			for j := range n {
				m.Row(i)[j] = ops.Maybe{
					Value: rapid.Float64Range(-1e308, 1e308).Draw(t, "margin"), Known: rapid.IntRange(0, 9).Draw(t, "known") > 0,
				}
			}
		}
		skew, err := Antisymmetric(m)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Probabilities(skew, rapid.Float64Range(0.1, 10).Draw(t, "temperature"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			for j := range n {
				ab, ba := skew.Row(i)[j], skew.Row(j)[i]
				if ab.Known != ba.Known || ab.Known && ab.Value != -ba.Value {
					t.Fatalf("margins (%d, %d) and back are %v and %v", i, j, ab, ba)
				}
				if pq := p.Row(i)[j]; pq.Known && pq.Value+p.Row(j)[i].Value != 1 {
					t.Fatalf("probabilities (%d, %d) and back are %v and %v", i, j, pq, p.Row(j)[i])
				}
			}
		}
	})
}

func TestTournamentFindsBothEnds(t *testing.T) {
	for _, n := range []int{2, 4, 8, 16, 64} {
		t.Run(strconv.Itoa(n), rapid.MakeCheck(func(t *rapid.T) {
			strength := rapid.Permutation(indices(n)).Draw(t, "strength")
			b, err := Tournament(n, func(i, j int) (bool, error) { return strength[i] >= strength[j], nil })
			if err != nil {
				t.Fatal(err)
			}
			games := n/2 + 2*(n/2-1) + 1
			if strength[b.Best] != n-1 || strength[b.Worst] != 0 || !b.Agrees || len(b.Games) != games {
				t.Fatalf("best %d, worst %d, agrees %v after %d games, want %d", b.Best, b.Worst, b.Agrees, len(b.Games), games)
			}
		}))
	}
	if b, _ := Tournament(8, func(int, int) (bool, error) { return true, nil }); len(b.Games) != 11 {
		t.Errorf("8 candidates play %d games, want the paper's 11", len(b.Games))
	}
	for _, n := range []int{0, 1, 3, 12} {
		if _, err := Tournament(n, nil); err == nil {
			t.Errorf("%d candidates have a tournament", n)
		}
	}
}

func TestWhatCannotBeComparedIsSaid(t *testing.T) {
	lone := ops.NewMatrix(3, 3)
	gap := table(3, 0.6, 0.7, 0.8)
	gap.Row(0)[2], gap.Row(2)[0] = ops.Maybe{}, ops.Maybe{}
	uneven := table(2, 0.6)
	uneven.Row(1)[0] = ops.Some(0.6)
	for _, c := range []struct {
		want string
		err  func() error
	}{
		{"no two candidates are compared", func() error { _, err := Nash(lone); return err }},
		{"no two candidates are compared", func() error { _, err := BradleyTerry(lone); return err }},
		{"candidates 0 and 2 are not compared", func() error { _, err := Nash(gap); return err }},
		{"entries (1, 0) and (0, 1) are 0.6 and 0.6, and must be probabilities that sum to 1", func() error { _, err := Copeland(uneven); return err }},
		{"the matrix is 2 × 3, and must be square", func() error { _, err := Nash(ops.NewMatrix(2, 3)); return err }},
	} {
		if err := c.err(); err == nil || err.Error() != c.want {
			t.Errorf("the error is %v, want %s", err, c.want)
		}
	}
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// BenchmarkSixtyFour is every operator on 64 candidates: each is to take less than a millisecond.
func BenchmarkSixtyFour(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	above := make([]float64, 64*63/2)
	for i := range above {
		above[i] = random.Float64()
	}
	m := table(64, above...)
	for name, operator := range map[string]func(ops.Matrix) ([]ops.Maybe, error){
		"Nash": Nash, "BradleyTerry": BradleyTerry, "Copeland": Copeland,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := operator(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
