"""Entities, and reading of tables, for checks and subjects."""

from typing import Any, Iterator, Optional

from componentize_py_types import Err
from wit_world.imports import tables, types


def entity(kind: str, *key: str) -> types.EntityId:
    """An entity by kind and key: `entity("node", "a")`; a key of several parts takes one argument for each."""
    return types.EntityId(kind, list(key))


def shown(entity_id: types.EntityId) -> str:
    """As Operator shows it, for example `node/a`."""
    if len(entity_id.key) == 1:
        return f"{entity_id.kind}/{entity_id.key[0]}"
    return "/".join([entity_id.kind, *(part.replace("%", "%25").replace("/", "%2F") for part in entity_id.key)])


def packed(texts: list[str]) -> tables.PackedText:
    """One string for all, and where each text ends, in bytes of UTF-8."""
    ends, end = [], 0
    for text in texts:
        end += len(text.encode())
        ends.append(end)
    return tables.PackedText("".join(texts), ends)


def table_error(error: Any) -> Err:
    """The error of a check when the host refuses to open or read a table."""
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
        """A boolean, if known."""
        return self._known(column, tables.Kind.BOOLEAN)

    def instant(self, column: str) -> Optional[int]:
        """Nanoseconds since the epoch, if known."""
        return self._known(column, tables.Kind.INSTANT)

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
        window = handle.texts(field.name, 0, count)
        data, starts = window.text.encode(), [0, *window.ends]
        return [data[start:end].decode() for start, end in zip(starts, window.ends)]
    if field.kind == tables.Kind.FLOAT:
        return handle.floats(field.name, 0, count)
    if field.kind == tables.Kind.INTEGER:
        return handle.integers(field.name, 0, count)
    if field.kind == tables.Kind.INSTANT:
        return handle.instants(field.name, 0, count)
    return [byte == 1 for byte in handle.booleans(field.name, 0, count)]
