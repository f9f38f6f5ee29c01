package evaluation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/assay-rm/assay/commands/bulk"
)

// Inspect reads a file's digest, and its format off its first row where none is named. Files are JSON lines or, told by
// their first bytes, Parquet.
func Inspect(ctx context.Context, name, format string, opener func() (File, error)) (*Data, error) {
	d := &Data{Name: name, told: format != "", opener: opener}
	if d.told {
		d.format = formatOf(format)
	}
	if err := d.inspect(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Data) inspect(ctx context.Context) error {
	if err := d.sum(ctx); err != nil {
		return err
	}
	if d.format != nil {
		return nil
	}
	source, file, err := d.open(nil)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Name, err)
	}
	defer file.Close() //nolint:errcheck // opened for reading
	lines, err := source.Chunk(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", d.Name, err)
	}
	if len(lines) == 0 {
		return fmt.Errorf("%s: the file has no row", d.Name)
	}
	r, problem := decodeRow(lines[0].Text())
	if problem == nil {
		d.format, problem = found(r)
	}
	if problem != nil {
		return fmt.Errorf("%s: line %d: %w", d.Name, lines[0].Number, problem)
	}
	return nil
}

// sum reads the whole file for its digest.
func (d *Data) sum(ctx context.Context) error {
	file, err := d.opener()
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // opened for reading
	sum := sha256.New()
	for {
		n, err := io.CopyN(sum, file, 1<<24)
		d.size += n
		if errors.Is(err, io.EOF) {
			d.digest = hex.EncodeToString(sum.Sum(nil))
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
}

// parquetMagic begins and ends a Parquet file.
var parquetMagic = []byte("PAR1")

// open opens the rows. Only the named columns of a Parquet file are read; nil: all.
func (d *Data) open(columns []string) (bulk.Source, io.Closer, error) {
	file, err := d.opener()
	if err != nil {
		return nil, nil, err
	}
	begin := make([]byte, len(parquetMagic))
	if n, _ := file.ReadAt(begin, 0); !bytes.Equal(begin[:n], parquetMagic) {
		return bulk.NewReader(file), file, nil
	}
	source, err := bulk.NewParquet(file, d.size, slices.Clone(columns))
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return source, file, nil
}
