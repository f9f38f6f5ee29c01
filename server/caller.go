package server

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"github.com/assay-rm/assay/server/problem"
)

// caller is who asks, known by a token. Its zero value is somebody without a name or a limit.
type caller struct {
	name string
	bulk bool

	owner string     // of its jobs: its name or, without one, what is made of its token; of nobody in particular empty
	rate  *allowance // nil: no limit

	readsOnly bool // of states: it may not change them
	noRecipes bool // it may ask for recipes that the server has, and bring none of its own
	noLoads   bool // it may not change which models are served

	counts *callerCounts // nil: it has no name to count under

	once  sync.Once
	taken *semaphore.Weighted // what its bodies take of the room
}

// bodies is what its bodies may take of the room: so many bytes.
func (c *caller) bodies(most int64) *semaphore.Weighted {
	c.once.Do(func() { c.taken = semaphore.NewWeighted(most) })
	return c.taken
}

// callerCounts are the series of one caller.
type callerCounts struct{ requests, refused, items, tokens prometheus.Counter }

func newCaller(token Token, m *metrics) *caller {
	c := &caller{name: token.Name, bulk: token.Bulk, owner: token.Name, readsOnly: !token.Writes, noRecipes: !token.Recipes, noLoads: !token.Loads}
	if token.Name == "" {
		sum := sha256.Sum256([]byte(token.Token))
		c.owner = "#" + hex.EncodeToString(sum[:12]) // which no name is
	}
	if token.Rate > 0 {
		c.rate = newAllowance(token.Rate, time.Now())
	}
	if token.Name != "" {
		c.counts = m.caller(token.Name)
	}
	return c
}

// mayAsk is nil, or the problem of a caller whose tokens are used up.
func (c *caller) mayAsk(now time.Time) error {
	if c.rate == nil {
		return nil
	}
	wait := c.rate.wait(now)
	if wait <= 0 {
		return nil
	}
	p := problem.New(problem.CodeRateLimited, "%s may ask for %d tokens a minute, and has asked for more; it may ask again in %s",
		c.title(), c.rate.perMinute, wait.Round(time.Second))
	p.RetryAfter = wait
	return p
}

func (c *caller) title() string {
	if c.name == "" {
		return "the token's owner"
	}
	return fmt.Sprintf("%q", c.name)
}

// finished counts a request.
func (c *caller) finished(status int) {
	if c.counts == nil {
		return
	}
	c.counts.requests.Inc()
	if status == http.StatusTooManyRequests {
		c.counts.refused.Inc()
	}
}

// used counts what an answer took, and charges its tokens.
func (c *caller) used(items, tokens int, now time.Time) {
	if c.rate != nil {
		c.rate.charge(tokens, now)
	}
	if c.counts != nil {
		c.counts.items.Add(float64(items))
		c.counts.tokens.Add(float64(tokens))
	}
}

// allowance is a bucket of tokens that fills evenly: perMinute of them a minute, up to that many. How many tokens a
// request has is known when it is answered, so a request is let in while there is any, and what it had is taken out
// afterwards. The bucket may go below empty, and then nothing is let in until it has filled up again: requests that
// were in flight at once are paid for one after the other, and over time no more is asked for than the rate.
type allowance struct {
	perMinute int

	mu   sync.Mutex
	left float64 // at that time
	at   time.Time
}

func newAllowance(perMinute int, now time.Time) *allowance {
	return &allowance{perMinute: perMinute, left: float64(perMinute), at: now}
}

// wait is how long until a request is let in; zero or less: at once.
func (a *allowance) wait(now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fill(now)
	if a.left > 0 {
		return 0
	}
	const most = 1e6 // minutes; a debt that takes longer to pay is one for ever
	return time.Duration(min((1-a.left)/float64(a.perMinute), most) * float64(time.Minute))
}

// charge takes the tokens of a request out.
func (a *allowance) charge(tokens int, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fill(now)
	a.left -= float64(tokens)
}

func (a *allowance) fill(now time.Time) {
	if passed := now.Sub(a.at); passed > 0 {
		a.left = min(a.left+passed.Minutes()*float64(a.perMinute), float64(a.perMinute))
		a.at = now
	}
}
