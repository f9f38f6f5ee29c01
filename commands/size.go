package commands

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a number of bytes, written with a unit: 32MiB.
type size int64

// units of a size, the largest first.
func units() []struct {
	name  string
	bytes int64
} {
	return []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}
}

// UnmarshalText reads a size; without a unit it is in bytes.
func (s *size) UnmarshalText(text []byte) error {
	number, unit := strings.TrimSpace(string(text)), int64(1)
	for _, u := range units() {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return fmt.Errorf("%q is no size: give bytes, or a number with KiB, MiB or GiB", text)
	}
	*s = size(n * unit)
	return nil
}

// String writes the size in the largest unit that divides it.
func (s size) String() string {
	for _, u := range units() {
		if int64(s)%u.bytes == 0 {
			return fmt.Sprint(int64(s)/u.bytes, u.name)
		}
	}
	return fmt.Sprint(int64(s), "B")
}

// rough writes the size in the largest unit that it fills, with one decimal.
func (s size) rough() string {
	for _, u := range units() {
		if int64(s) >= u.bytes {
			return fmt.Sprintf("%.1f %s", float64(s)/float64(u.bytes), u.name)
		}
	}
	return "0 B"
}
