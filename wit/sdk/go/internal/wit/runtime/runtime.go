// Package runtime is what wit-bindgen's Go code needs at run time: handles, and memory that the host writes to.
package runtime

import (
	goruntime "runtime"
	"unsafe"
)

// Handle is an index into the component's table of resources; 0 when it was given away or dropped.
type Handle struct{ value int32 }

func MakeHandle(value int32) *Handle { return &Handle{value} }

// Use is the index of a handle that is still ours.
func (h *Handle) Use() int32 {
	if h.value == 0 {
		panic("a handle was used after it was given away")
	}
	return h.value
}

// Take gives the handle away.
func (h *Handle) Take() int32 {
	value := h.Use()
	h.value = 0
	return value
}

func (h *Handle) TakeOrNil() int32 {
	value := h.value
	h.value = 0
	return value
}

func (h *Handle) Set(value int32) { h.value = value }

var zero uint64

// Words, so that any alignment up to 8 holds.
func alloc(size uintptr) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(&zero)
	}
	return unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
}

// Allocate makes memory that stays where it is until the pinner lets go.
func Allocate(pinner *goruntime.Pinner, size, align uintptr) unsafe.Pointer {
	block := alloc(size)
	pinner.Pin(block)
	return block
}

// What the host has written during an import: nothing in Go refers to it until the binding has built its slice.
var held []unsafe.Pointer

// Unpin is called by an export as soon as its arguments are Go values.
func Unpin() {
	clear(held)
	held = held[:0]
}

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, newSize uintptr) unsafe.Pointer {
	block := alloc(newSize)
	if old != nil && oldSize > 0 {
		copy(unsafe.Slice((*byte)(block), newSize), unsafe.Slice((*byte)(old), oldSize))
	}
	held = append(held, block)
	return block
}
