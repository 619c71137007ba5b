"""Reading of tables, for checks and subjects."""

from typing import Any, Iterator, Optional

from componentize_py_types import Err
from wit_world.imports import tables, types


def table_error(error: Any) -> Err:
    """What a check answers when the host refuses to open or read a table."""
    if isinstance(error, tables.TableError_NoSuchTable):
        return Err(types.PluginError_Unavailable(f"no table {error.value} in this snapshot"))
    if isinstance(error, tables.TableError_TooLarge):
        return Err(types.PluginError_Limit(f"a table is larger than {error.value}"))
    return Err(types.PluginError_Internal("a table cannot be opened"))


class Table:
    """A frozen table. A null, a missing column and one of another kind all read as None: not known."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.name = handle.name()
        self.fields = {field.name: field for field in handle.fields()}
        self._length = handle.rows()
        self._columns: dict[str, list] = {}

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator["Row"]:
        return (Row(self, index) for index in range(self._length))

    def column(self, name: str) -> list:
        """The values of a column that exists, copied from the host once."""
        if name not in self._columns:
            try:
                self._columns[name] = _load(self._handle, self.fields[name], self._length)
            except Err as error:
                raise table_error(error.value) from error
        return self._columns[name]


class Row:
    """One row."""

    def __init__(self, table: Table, index: int) -> None:
        self.table = table
        self.index = index

    def text(self, column: str) -> Optional[str]:
        """A text, if known."""
        return self._known(column, tables.Kind.TEXT)

    def number(self, column: str) -> Optional[float]:
        """A float, or an integer as one, if known."""
        value = self._known(column, tables.Kind.FLOAT)
        if value is None:
            value = self._known(column, tables.Kind.INTEGER)
        return None if value is None else float(value)

    def integer(self, column: str) -> Optional[int]:
        """An integer, if known."""
        return self._known(column, tables.Kind.INTEGER)

    def boolean(self, column: str) -> Optional[bool]:
        """A truth value, if known."""
        return self._known(column, tables.Kind.BOOLEAN)

    def instant(self, column: str) -> Optional[int]:
        """Nanoseconds since the epoch, if known."""
        return self._known(column, tables.Kind.INSTANT)

    def scalar(self, column: str) -> Any:
        """The value as the contract writes it, whatever its kind."""
        field = self.table.fields.get(column)
        value = None if field is None else self._known(column, field.kind)
        if value is None:
            return types.Scalar_Null()
        if field.kind == tables.Kind.BOOLEAN:
            return types.Scalar_Boolean(value)
        if field.kind == tables.Kind.FLOAT:
            return types.Scalar_Float(value)
        if field.kind == tables.Kind.TEXT:
            return types.Scalar_Text(value)
        return types.Scalar_Integer(value)

    def _known(self, column: str, kind: Any) -> Any:
        field = self.table.fields.get(column)
        if field is None or field.kind != kind:
            return None
        return self.table.column(column)[self.index]


def _load(handle: Any, field: Any, count: int) -> list:
    present = handle.validity(field.name, 0, count)
    values = _window(handle, field, count)
    return [value if there else None for value, there in zip(values, present)]


def _window(handle: Any, field: Any, count: int) -> list:
    if field.kind == tables.Kind.TEXT:
        packed = handle.texts(field.name, 0, count)
        data, starts = packed.text.encode(), [0, *packed.ends]
        return [data[start:end].decode() for start, end in zip(starts, packed.ends)]
    if field.kind == tables.Kind.FLOAT:
        return handle.floats(field.name, 0, count)
    if field.kind == tables.Kind.INTEGER:
        return handle.integers(field.name, 0, count)
    if field.kind == tables.Kind.INSTANT:
        return handle.instants(field.name, 0, count)
    return [byte == 1 for byte in handle.booleans(field.name, 0, count)]
