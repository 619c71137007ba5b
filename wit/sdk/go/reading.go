package plugin

import (
	"operator-plugin/internal/bindings/operator_check_snapshots"
	"operator-plugin/internal/bindings/operator_tables_tables"
	"operator-plugin/internal/wit/types"
)

// Snapshot is one tick's frozen observations.
type Snapshot struct {
	handle *operator_check_snapshots.Snapshot
}

// Tick is the number of the tick.
func (s *Snapshot) Tick() uint64 { return s.handle.Tick() }

// TakenAt is the time of the snapshot in nanoseconds since the epoch.
func (s *Snapshot) TakenAt() uint64 { return s.handle.TakenAt() }

// Table opens a table. The error, when it was not observed, is what the check should return.
func (s *Snapshot) Table(name string) (*Table, error) {
	opened := s.handle.Open(name)
	if opened.IsErr() {
		return nil, tableError(opened.Err())
	}
	handle := opened.Ok()
	table := &Table{handle: handle, name: handle.Name(), rows: handle.Rows(), columns: map[string]*column{}}
	for _, field := range handle.Fields() {
		table.columns[field.Name] = &column{field: field}
	}
	return table, nil
}

// Table is a frozen table.
type Table struct {
	handle  *operator_tables_tables.Table
	name    string
	rows    uint32
	columns map[string]*column
}

type column struct {
	field          operator_tables_tables.Field
	loaded, usable bool
	present        []uint8
	floats         []float64
	integers       []int64
	instants       []uint64
	booleans       []uint8
	texts          []string
}

// Len is the number of rows.
func (t *Table) Len() int { return int(t.rows) }

// Rows are all rows in order.
func (t *Table) Rows() []Row {
	rows := make([]Row, t.rows)
	for index := range rows {
		rows[index] = Row{t, index}
	}
	return rows
}

// Row is one row. A null, a missing column and one of another kind all read as not known: the second result
// is false.
type Row struct {
	table *Table
	index int
}

// Text is a text.
func (r Row) Text(name string) (string, bool) {
	if column := r.cell(name, operator_tables_tables.Kind_Text); column != nil {
		return column.texts[r.index], true
	}
	return "", false
}

// Number is a float, or an integer as one.
func (r Row) Number(name string) (float64, bool) {
	if column := r.cell(name, operator_tables_tables.Kind_Float); column != nil {
		return column.floats[r.index], true
	}
	integer, known := r.Integer(name)
	return float64(integer), known
}

// Integer is an integer.
func (r Row) Integer(name string) (int64, bool) {
	if column := r.cell(name, operator_tables_tables.Kind_Integer); column != nil {
		return column.integers[r.index], true
	}
	return 0, false
}

// Boolean is a boolean.
func (r Row) Boolean(name string) (bool, bool) {
	if column := r.cell(name, operator_tables_tables.Kind_Boolean); column != nil {
		return column.booleans[r.index] != 0, true
	}
	return false, false
}

// Instant is a time in nanoseconds since the epoch.
func (r Row) Instant(name string) (uint64, bool) {
	if column := r.cell(name, operator_tables_tables.Kind_Instant); column != nil {
		return column.instants[r.index], true
	}
	return 0, false
}

// Evidence cites this cell, whose value the host reads.
func (r Row) Evidence(name string) Evidence {
	return Evidence{Table: r.table.name, Row: uint32(r.index), Column: name}
}

// The column, when the cell has a value of this kind. A whole column is copied from the host, once.
func (r Row) cell(name string, kind operator_tables_tables.Kind) *column {
	column := r.table.columns[name]
	if column == nil || column.field.Kind != kind {
		return nil
	}
	if !column.loaded {
		column.loaded = true
		column.usable = r.table.load(name, column)
	}
	if !column.usable || column.present[r.index] == 0 {
		return nil
	}
	return column
}

func (t *Table) load(name string, column *column) bool {
	present := t.handle.Validity(name, 0, t.rows)
	column.present = present.Ok()
	usable := present.IsOk()
	switch column.field.Kind {
	case operator_tables_tables.Kind_Boolean:
		usable = take(&column.booleans, t.handle.Booleans(name, 0, t.rows)) && usable
	case operator_tables_tables.Kind_Integer:
		usable = take(&column.integers, t.handle.Integers(name, 0, t.rows)) && usable
	case operator_tables_tables.Kind_Instant:
		usable = take(&column.instants, t.handle.Instants(name, 0, t.rows)) && usable
	case operator_tables_tables.Kind_Float:
		usable = take(&column.floats, t.handle.Floats(name, 0, t.rows)) && usable
	default:
		var packed operator_tables_tables.PackedText
		usable = take(&packed, t.handle.Texts(name, 0, t.rows)) && usable
		start := uint32(0)
		for _, end := range packed.Ends {
			column.texts = append(column.texts, packed.Text[start:end])
			start = end
		}
	}
	return usable
}

func take[T any](into *T, from types.Result[T, operator_tables_tables.TableError]) bool {
	*into = from.Ok()
	return from.IsOk()
}
