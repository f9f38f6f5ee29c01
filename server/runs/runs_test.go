package runs

import (
	"math"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// scores are a batch of one group of responses, with lengths.
func scores(of ...float64) *Batch {
	b := &Batch{Model: "m", Digest: "d", Items: len(of)}
	for i, x := range of {
		b.Values = append(b.Values, Value{Model: "m", Component: Primary, Number: x, Tokens: 10 + i, Group: 1})
	}
	return b
}

func report(tb testing.TB, s *Store, key Key, now time.Time) Report {
	tb.Helper()
	got, there := s.Report(key, now)
	if !there {
		tb.Fatalf("there is no run %v", key)
	}
	return got
}

// TestCountsOfAllBatchesAreTheWholes: what many batches give together is what one of all of them gives, but for groups,
// which lie within one answer.
func TestCountsOfAllBatchesAreTheWholes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, whole, key := New(Limits{}), &Batch{Model: "m", Digest: "d", Failed: map[string]int{}}, Key{Run: "r"}
		var means []float64
		for i := range rapid.IntRange(1, 8).Draw(t, "batches") {
			b := scores(rapid.SliceOfN(rapid.Float64Range(-5, 5), 0, 20).Draw(t, "scores")...)
			b.Failed = map[string]int{"too_long": rapid.IntRange(0, 3).Draw(t, "failed")}
			b.Items += b.Failed["too_long"]
			s.Record(key, b, start)
			whole.Items += b.Items
			whole.Failed["too_long"] += b.Failed["too_long"]
			for _, v := range b.Values {
				v.Group = i + 1
				whole.Values = append(whole.Values, v)
				means = append(means, v.Number)
			}
		}
		other := New(Limits{})
		other.Record(key, whole, start)
		got, _ := s.Report(key, start)
		want, _ := other.Report(key, start)
		got.Requests = want.Requests
		if diff := cmp.Diff(want, got, cmp.Comparer(near)); diff != "" {
			t.Fatal(diff)
		}
		if len(means) > 1 && !near(got.Series[0].Mean.Value, stat.Mean(means, nil)) {
			t.Fatalf("mean %v, want %g", got.Series[0].Mean, stat.Mean(means, nil))
		}
	})
}

// TestGroups: of three groups one has no variance and one no mates; length is correlated within groups alone where the
// prompts' own lengths and scores are not to count.
func TestGroups(t *testing.T) {
	s, key := New(Limits{}), Key{Run: "r"}
	b := &Batch{Model: "m", Items: 6}
	for _, v := range [][3]float64{{1, 10, 0}, {1, 20, 1}, {2, 110, -10}, {2, 120, -9}, {3, 50, 4}, {0, 60, 4}} { // group, tokens, score
		b.Values = append(b.Values, Value{Component: Primary, Group: int(v[0]), Tokens: int(v[1]), Number: v[2]})
	}
	s.Record(key, b, start)
	s.Record(key, scores(2, 2, 2), start)
	got := report(t, s, key, start)
	if got.Groups != 3 || got.Flat != 1 || !near(got.WithinCorrelation.Value, math.Sqrt(100.0/102)) {
		t.Errorf("%d groups, %d of them flat, correlation within %v", got.Groups, got.Flat, got.WithinCorrelation)
	}
	if want := 2 * math.Sqrt(0.5) / 3; !near(got.GroupDeviation.Value, want) {
		t.Errorf("mean deviation of groups %v, want %g", got.GroupDeviation, want)
	}
	if all := got.Series[0].LengthCorrelation; all.Value > -0.5 {
		t.Errorf("over all the longer prompts have the lower scores, and the correlation is %v", all)
	}
}

// TestLimits: of runs, of components and of models.
func TestLimits(t *testing.T) {
	s, key := New(Limits{Runs: 2, Components: 3, Models: 2}), Key{Run: "r"}
	for i := range 5 {
		s.Record(key, &Batch{Model: "m", Digest: strconv.Itoa(i), Values: []Value{{Component: strconv.Itoa(i), Number: 1}}}, start)
	}
	got := report(t, s, key, start)
	if len(got.Series) != 3 || got.LeftOut != 2 || len(got.Models) != 2 {
		t.Errorf("%+v", got)
	}
	s.Record(Key{Run: "second"}, scores(1), start.Add(time.Second))
	s.Record(key, scores(1), start.Add(2*time.Second))
	s.Record(Key{Run: "third"}, scores(1), start.Add(3*time.Second))
	if diff := cmp.Diff([]Key{{Run: "third"}, {Run: "r"}}, s.Names("", start.Add(3*time.Second))); diff != "" {
		t.Error(diff)
	}
}

// TestACallerWithManyRunsKeepsNobodyOut: runs without end make room among themselves, and names are each caller's own.
func TestACallerWithManyRunsKeepsNobodyOut(t *testing.T) {
	s := New(Limits{Runs: 8})
	mine := Key{"me", "0"}
	s.Record(mine, scores(1, 2), start)
	for i := range 100 {
		s.Record(Key{"other", strconv.Itoa(i)}, scores(3), start.Add(time.Duration(i)))
	}
	now := start.Add(time.Second)
	if got := report(t, s, mine, now); got.Items != 2 || len(s.Names("me", now)) != 1 || len(s.Names("other", now)) != 7 {
		t.Errorf("%+v, %v", got, s.Latest(100, now))
	}
	if _, there := s.Report(Key{"me", "99"}, now); there {
		t.Error("another caller's run is seen")
	}
}

// TestARunIsForgotten when nobody has named it for the time; one that is named again stays.
func TestARunIsForgotten(t *testing.T) {
	s, key := New(Limits{Idle: time.Hour}), Key{Run: "r"}
	s.Record(key, scores(1), start)
	s.Refused(key, "queue_full", start.Add(59*time.Minute))
	if got := report(t, s, key, start.Add(118*time.Minute)); got.Requests != 2 || got.Refused["queue_full"] != 1 {
		t.Errorf("%+v", got)
	}
	if _, there := s.Report(key, start.Add(119*time.Minute)); there || len(s.runs) != 0 {
		t.Errorf("%d runs after an hour", len(s.runs))
	}
}

// TestMemoryIsBounded: ten thousand runs, and a run of many numbers and components, take what the page on limits says.
func TestMemoryIsBounded(t *testing.T) {
	s, before := New(Limits{}), heap()
	for i := range 10_000 {
		s.Record(Key{Run: strconv.Itoa(i)}, scores(1, 2, 3), start.Add(time.Duration(i)))
	}
	b := &Batch{}
	for k := range 1000 * DefaultComponents {
		b.Values = append(b.Values, Value{Component: strconv.Itoa(k % DefaultComponents), Number: float64(k / 50)})
	}
	for i := range DefaultRuns {
		s.Record(Key{Run: strconv.Itoa(i)}, b, start.Add(time.Hour))
	}
	if len(s.runs) != DefaultRuns {
		t.Errorf("%d runs", len(s.runs))
	}
	const most = DefaultRuns * (DefaultComponents + 1) * 32 << 10
	if took := heap() - before; took > most {
		t.Errorf("%d runs take %d KiB", len(s.runs), took>>10)
	} else {
		t.Logf("%d runs of %d components take %d KiB", len(s.runs), DefaultComponents, took>>10)
	}
	runtime.KeepAlive(s)
	runtime.KeepAlive(b)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // far below the limit
}
