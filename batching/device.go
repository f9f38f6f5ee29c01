package batching

// device is one of those that run the plans of a queue. Each has its own lanes, and a key-value cache of its own,
// since keys and values stay where they were computed.
type device struct {
	number int
	cache  *cache
	lanes  int // at least one
	stages int // at least one

	// Guarded by the batcher's mutex.
	active     int  // forwards in progress
	allThreads bool // they have all threads
}

// full tells whether no further forward may begin: those on all threads are as many as there are stages.
func (d *device) full() bool { return d.allThreads && d.active >= d.stages }

func newDevices(options Options) []*device {
	devices := make([]*device, max(1, options.Devices))
	for i := range devices {
		devices[i] = &device{number: i, cache: newCache(options), lanes: max(1, options.Lanes), stages: max(1, options.Stages)}
	}
	return devices
}

// active is how many forwards are in progress on all devices.
func (b *Batcher) active() (forwards int) {
	for _, d := range b.devices {
		forwards += d.active
	}
	return forwards
}
