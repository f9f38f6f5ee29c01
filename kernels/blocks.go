package kernels

import (
	"errors"
	"fmt"
)

// BlockTokens is how many tokens a block of a key-value cache has.
const BlockTokens = 16

// wordBytes is the size of the words that the copies move.
const wordBytes = 4

// pool is what is known of a cache's blocks: slots of parts of BlockTokens · width numbers. A part is one layer's keys,
// or its values.
type pool struct{ slots, parts, width int }

// checkPool refuses a tensor that is no pool with so many parts a slot.
func checkPool(numbers Tensor, parts int) (pool, error) {
	if err := checkMatrix("pool", numbers, numbers.Type); err != nil {
		return pool{}, err
	}
	if parts < 1 || numbers.Rows%parts != 0 {
		return pool{}, fmt.Errorf("pool: %d rows are no slots of %d parts", numbers.Rows, parts)
	}
	if numbers.Cols%BlockTokens != 0 {
		return pool{}, fmt.Errorf("pool: a part of %d numbers is no block of %d tokens", numbers.Cols, BlockTokens)
	}
	width := numbers.Cols / BlockTokens
	if width*numbers.Type.Size()%wordBytes != 0 {
		return pool{}, fmt.Errorf("pool: a token of %d numbers of %v is no whole number of words of %d bytes", width, numbers.Type, wordBytes)
	}
	return pool{numbers.Rows / parts, parts, width}, nil
}

// checkMatrix refuses what Check does, numbers of another type, and an address from which 16 bytes cannot be loaded at
// once.
func checkMatrix(name string, t Tensor, want Type) error {
	if err := t.Check(name); err != nil {
		return err
	}
	if t.Type != want {
		return fmt.Errorf("%s: it is %v, and must be %v, as the pool is", name, t.Type, want)
	}
	if t.Address%16 != 0 {
		return fmt.Errorf("%s: its address is %#x, and must be a multiple of 16", name, t.Address)
	}
	return nil
}

// checkIndices refuses an index that is not below the limit.
func checkIndices(name, of string, indices []int64, limit int) error {
	for i, index := range indices {
		if !in(index, limit) {
			return fmt.Errorf("%s: number %d is %d, and there are %d %s", name, i, index, limit, of)
		}
	}
	return nil
}

func checkGather(numbers Tensor, parts int, slots []int64, past Tensor) error {
	p, err := checkPool(numbers, parts)
	if err == nil {
		err = checkMatrix("past", past, numbers.Type)
	}
	if err != nil {
		return err
	}
	if past.Rows != parts*len(slots) || past.Cols != numbers.Cols {
		return fmt.Errorf("past: it is (%d, %d), and %d slots of %d parts need (%d, %d)",
			past.Rows, past.Cols, len(slots), parts, parts*len(slots), numbers.Cols)
	}
	return checkIndices("slots", "slots", slots, p.slots)
}

// GatherBlocks copies blocks of a key-value cache to where a forward reads its past. The bits stay, those of NaN too.
//
// pool is (slots, parts, BlockTokens · width), a row for each part, and past is (parts, len(slots), BlockTokens ·
// width): each part is the keys, or values, of one layer, token after token. Both are of one type, lie on the host and
// do not overlap. A token of a part is a whole number of words of 4 bytes. A slot may be named again. After an error
// past is as it was.
func (Host) GatherBlocks(pool Tensor, parts int, slots []int64, past Tensor) error {
	if err := checkGather(pool, parts, slots, past); err != nil {
		return err
	}
	if err := errors.Join(pool.onHost("pool"), past.onHost("past")); err != nil {
		return err
	}
	from, to, size := pool.Bytes(), past.Bytes(), pool.Cols*pool.Type.Size()
	for part := range parts {
		for i, slot := range slots {
			copy(to[(part*len(slots)+i)*size:][:size], from[(int(slot)*parts+part)*size:])
		}
	}
	return nil
}

func checkKeep(numbers Tensor, parts int, present Tensor, tokens, slots []int64) (pool, error) {
	p, err := checkPool(numbers, parts)
	if err == nil {
		err = checkMatrix("present", present, numbers.Type)
	}
	if err != nil {
		return pool{}, err
	}
	if present.Rows%parts != 0 || present.Cols != p.width {
		return pool{}, fmt.Errorf("present: it is (%d, %d), and must be (%d · tokens, %d)", present.Rows, present.Cols, parts, p.width)
	}
	if len(tokens) != BlockTokens*len(slots) {
		return pool{}, fmt.Errorf("tokens: there are %d, and %d blocks have %d", len(tokens), len(slots), BlockTokens*len(slots))
	}
	filled := make(map[int64]struct{}, len(slots))
	for i, slot := range slots {
		if filled[slot] = struct{}{}; len(filled) == i {
			return pool{}, fmt.Errorf("slots: number %d is %d again, and a slot holds one block", i, slot)
		}
	}
	return p, errors.Join(checkIndices("slots", "slots", slots, p.slots), checkIndices("tokens", "tokens", tokens, present.Rows/parts))
}

// KeepBlocks copies tokens of a forward's present into blocks of a key-value cache. The bits stay, those of NaN too.
//
// present is (parts, tokens of the forward, width), a row for each token, and pool is as in GatherBlocks. Block b is
// the tokens tokens[BlockTokens·b] and on, in this order, and goes to slots[b]; a slot may be named once, a token
// again. Other slots, and after an error all, are as they were.
func (Host) KeepBlocks(pool Tensor, parts int, present Tensor, tokens, slots []int64) error {
	p, err := checkKeep(pool, parts, present, tokens, slots)
	if err != nil {
		return err
	}
	if err := errors.Join(pool.onHost("pool"), present.onHost("present")); err != nil {
		return err
	}
	from, into, rows, size := present.Bytes(), pool.Bytes(), present.Rows/parts, p.width*pool.Type.Size()
	for b, slot := range slots {
		for part := range parts {
			to := into[(int(slot)*parts+part)*BlockTokens*size:]
			for i, token := range tokens[BlockTokens*b:][:BlockTokens] {
				copy(to[i*size:][:size], from[(part*rows+int(token))*size:])
			}
		}
	}
	return nil
}
