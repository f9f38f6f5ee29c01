package jobs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// embedded is a NATS server inside this process. It listens nowhere: only this process speaks with it. Everything that
// it acknowledges is on the disk.
type embedded struct {
	server *server.Server
	lock   *os.File
}

// startEmbedded starts the server of a directory, which no other process may hold.
func startEmbedded(dir string, most int64) (*embedded, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: another process keeps its jobs there; several servers share jobs by a NATS cluster (nats://HOST:PORT)", dir)
		}
		return nil, fmt.Errorf("%s: lock: %w", dir, err)
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "assay", DontListen: true, NoLog: true, NoSigs: true, MaxPayload: mostSent,
		JetStream: true, StoreDir: dir, SyncAlways: true, JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: most + 1<<30,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), lock.Close())
	}
	e := &embedded{s, lock}
	s.Start()
	if !s.ReadyForConnections(time.Minute) || !s.JetStreamEnabled() {
		return nil, errors.Join(fmt.Errorf("%s: JetStream does not start there; the directory may be damaged, or may not be written", dir), e.stop())
	}
	return e, nil
}

func (e *embedded) stop() error {
	e.server.Shutdown()
	e.server.WaitForShutdown()
	return e.lock.Close() // which unlocks it
}
