package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// gzipped packs a body as tightly as gzip can, which is about a thousandth of what repeats.
func gzipped(body []byte) []byte {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = w.Write(body) // a buffer takes all
	_ = w.Close()
	return packed.Bytes()
}

// zstdPacked packs a body with zstd, which is less than a ten-thousandth of what repeats.
func zstdPacked(body []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err) // the options are constants
	}
	defer w.Close() //nolint:errcheck // it writes nowhere
	return w.EncodeAll(body, nil)
}

// zstdWindow is the beginning of a frame whose decoder must keep a window of so many bytes, a power of two from 1 KiB
// on, and then a block of 128 KiB that repeats one byte.
func zstdWindow(window int) []byte {
	exponent := 0
	for window > 1<<(10+exponent) {
		exponent++
	}
	frame := binary.LittleEndian.AppendUint32(nil, 0xFD2FB528)
	frame = append(frame, 0, byte(exponent<<3))
	return append(frame, repeatedBlock()...)
}

// zstdContent is the beginning of a frame that says how many bytes it will have, in one segment as large as that.
func zstdContent(length uint64) []byte {
	frame := binary.LittleEndian.AppendUint32(nil, 0xFD2FB528)
	frame = append(frame, 0xE0) // eight bytes of content size, a single segment
	frame = binary.LittleEndian.AppendUint64(frame, length)
	return append(frame, repeatedBlock()...)
}

// repeatedBlock is a block, not the last, of 128 KiB blanks.
func repeatedBlock() []byte {
	header := uint32(128*kib)<<3 | 1<<1
	return []byte{
		byte(header), byte(header >> 8), byte(header >> 16),
		' ',
	} //nolint:gosec // three bytes of it are meant
}

// chunks gives a chunked body of n chunks of so many blanks.
func chunks(length, n int) func() []byte {
	return func() []byte {
		chunk := append(fmt.Appendf(nil, "%x\r\n", length), bytes.Repeat([]byte(" "), length)...)
		return append(bytes.Repeat(append(chunk, "\r\n"...), n), "0\r\n\r\n"...)
	}
}
