// Package types holds the generic types that wit-bindgen's Go code refers to.
package types

const (
	ResultOk   = 0
	ResultErr  = 1
	OptionNone = 0
	OptionSome = 1
)

// Unit is the payload of a case without one.
type Unit struct{}

// Tuple2 is a pair.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

// Result is a value or an error.
type Result[T, E any] struct {
	tag uint8
	ok  T
	err E
}

func Ok[T, E any](value T) Result[T, E]  { return Result[T, E]{tag: ResultOk, ok: value} }
func Err[T, E any](value E) Result[T, E] { return Result[T, E]{tag: ResultErr, err: value} }

func (r Result[T, E]) Tag() uint8  { return r.tag }
func (r Result[T, E]) IsOk() bool  { return r.tag == ResultOk }
func (r Result[T, E]) IsErr() bool { return r.tag == ResultErr }

// Ok is the value; the zero value where there is an error.
func (r Result[T, E]) Ok() T { return r.ok }

// Err is the error; the zero value where there is none.
func (r Result[T, E]) Err() E { return r.err }

// Option is a value or nothing.
type Option[T any] struct {
	is    bool
	value T
}

func Some[T any](value T) Option[T] { return Option[T]{true, value} }
func None[T any]() Option[T]        { return Option[T]{} }

func (o Option[T]) IsSome() bool { return o.is }
func (o Option[T]) Some() T      { return o.value }

func (o Option[T]) Tag() uint8 {
	if o.is {
		return OptionSome
	}
	return OptionNone
}
