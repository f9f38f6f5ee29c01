package inplace

// Idle counts the threads that wait for a run.
func Idle(t *Threads) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.idle)
}
