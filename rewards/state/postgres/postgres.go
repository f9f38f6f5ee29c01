// Package postgres keeps states in a PostgreSQL database, so that the replicas of a server share them.
//
// PostgreSQL and not Redis, since what is acknowledged must be kept: a commit is on the disk before it is answered, in
// the configuration that PostgreSQL comes with, where Redis by default loses up to a minute; and since states may be
// larger than what one would like to hold in memory.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/assay-rm/assay/rewards/state"
)

// schema is made where it is missing. The lock is one for all who start at once: IF NOT EXISTS alone may fail them.
const schema = `
SELECT pg_advisory_xact_lock(4202681550);
CREATE SEQUENCE IF NOT EXISTS assay_state_version;
CREATE TABLE IF NOT EXISTS assay_state (
	name text COLLATE "C" PRIMARY KEY, spec bytea NOT NULL, version bigint NOT NULL, keys bigint NOT NULL, bytes bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS assay_state_cell (
	name text COLLATE "C" NOT NULL REFERENCES assay_state ON DELETE CASCADE, key text COLLATE "C" NOT NULL, value bytea NOT NULL,
	PRIMARY KEY (name, key)
);`

const openWait = 10 * time.Second

// Open connects to a database, postgres://USER:PASSWORD@HOST:PORT/DATABASE, and makes the tables where they are
// missing. No error of it shows the password.
func Open(ctx context.Context, url string) (state.Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the URL is none of PostgreSQL: postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	ctx, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, schema)
		return err
	})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return &store{pool}, nil
}

type store struct{ pool *pgxpool.Pool }

// Close closes the connections.
func (s *store) Close() error {
	s.pool.Close()
	return nil
}

const columns = `SELECT name, spec, version, keys, bytes FROM assay_state `

// Heads lists the states.
func (s *store) Heads(ctx context.Context) ([]state.Head, error) {
	rows, err := s.pool.Query(ctx, columns+`ORDER BY name`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (state.Head, error) { return scan(row) })
}

func scan(row pgx.Row) (state.Head, error) {
	var head state.Head
	err := row.Scan(&head.Name, &head.Spec, &head.Version, &head.Keys, &head.Bytes)
	return head, err
}

// Load reads a state, of one moment.
func (s *store) Load(ctx context.Context, name string, keys []string) (head state.Head, cells []state.Cell, err error) {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, s.pool, options, func(tx pgx.Tx) error {
		if head, err = scan(tx.QueryRow(ctx, columns+`WHERE name = $1`, name)); errors.Is(err, pgx.ErrNoRows) {
			return state.ErrUnknown
		}
		if err != nil || keys != nil && len(keys) == 0 {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT key, value FROM assay_state_cell WHERE name = $1 AND ($2::text[] IS NULL OR key = ANY($2))`, name, keys)
		if err != nil {
			return err
		}
		cells, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (cell state.Cell, err error) {
			return cell, row.Scan(&cell.Key, &cell.Value)
		})
		return err
	})
	return head, cells, err
}

// Swap writes a change in one transaction. Whoever holds the row of the state makes the others wait, and then they see
// another version.
func (s *store) Swap(ctx context.Context, version uint64, change *state.Change) (next uint64, err error) {
	if version > math.MaxInt64 {
		return 0, state.ErrConflict
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT nextval('assay_state_version')`).Scan(&next)
		if err != nil {
			return err
		}
		statement := `UPDATE assay_state SET spec = $2, version = $3, keys = $4, bytes = $5 WHERE name = $1 AND version = $6`
		args := []any{change.Name, change.Spec, next, change.Keys, change.Bytes, version}
		switch {
		case change.Gone:
			statement, args = `DELETE FROM assay_state WHERE name = $1 AND version = $2`, []any{change.Name, version}
		case version == 0:
			statement, args = `INSERT INTO assay_state (name, spec, version, keys, bytes) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, args[:5]
		}
		done, err := tx.Exec(ctx, statement, args...)
		if err != nil {
			return err
		}
		if done.RowsAffected() == 0 {
			return state.ErrConflict
		}
		return write(ctx, tx, change)
	})
	if err != nil {
		return 0, err
	}
	return next, nil
}

// write puts and removes the cells of a change.
func write(ctx context.Context, tx pgx.Tx, change *state.Change) error {
	if change.Gone {
		return nil // the cells went with the state
	}
	if change.Fresh {
		if _, err := tx.Exec(ctx, `DELETE FROM assay_state_cell WHERE name = $1`, change.Name); err != nil {
			return err
		}
	}
	var gone, keys []string
	var values [][]byte
	for _, cell := range change.Cells {
		if cell.Value == nil {
			gone = append(gone, cell.Key)
		} else {
			keys, values = append(keys, cell.Key), append(values, cell.Value)
		}
	}
	if gone != nil {
		if _, err := tx.Exec(ctx, `DELETE FROM assay_state_cell WHERE name = $1 AND key = ANY($2)`, change.Name, gone); err != nil {
			return err
		}
	}
	if keys == nil {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO assay_state_cell (name, key, value) SELECT $1, * FROM unnest($2::text[], $3::bytea[])
		ON CONFLICT (name, key) DO UPDATE SET value = EXCLUDED.value`, change.Name, keys, values)
	return err
}
