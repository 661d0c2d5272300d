"""Fields of a JSON object, read one by one; what is missing or mistyped becomes a finding and None."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tare.oci.validate.documents import Json, Object, kind, place
from tare.oci.validate.findings import Report, shown


class Fields:
    """One object of a document.

    *code* is the rule that a missing or mistyped field breaks. With *nullable*, null is as good as an absent field,
    which the specification grants to configs alone.
    """

    def __init__(
        self, value: Object, where: str, path: str, report: Report, *, code: str, nullable: bool = False
    ) -> None:
        self.value = value
        self.where = where
        self.path = path
        self.report = report
        self._code = code
        self._nullable = nullable

    def at(self, name: str) -> str:
        """Return the place of the field *name*."""
        return place(self.where, f"{self.path}.{name}" if self.path else name)

    def fault(self, name: str, message: str, code: str | None = None) -> None:
        """Tell that something is wrong with the field *name*."""
        self.report.add(code or self._code, self.at(name), message)

    def has(self, name: str) -> bool:
        """Tell whether there is a field *name*, which is not null where null means absent."""
        return name in self.value and not (self._nullable and self.value[name] is None)

    def known(self, names: Collection[str]) -> None:
        """Find names that are not of *names*, but that a reader without regard to case takes for one of them."""
        for name in self.value:
            if name not in names:
                folded = name.casefold()
                for meant in names:
                    if meant.casefold() == folded:
                        self.fault(shown(name), f"some readers take it for `{meant}`, others do not", "J008")

    def string(self, name: str, *, required: bool = False) -> str | None:
        value = self._get(name, required=required)
        if value is None or isinstance(value, str):
            return value
        self._mistyped(name, "a string", value)
        return None

    def integer(self, name: str, *, required: bool = False) -> int | None:
        value = self._get(name, required=required)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self._mistyped(name, "an integer", value)
        return None

    def boolean(self, name: str) -> bool | None:
        value = self._get(name, required=False)
        if value is None or isinstance(value, bool):
            return value
        self._mistyped(name, "a boolean", value)
        return None

    def array(self, name: str, *, required: bool = False) -> list[Json] | None:
        value = self._get(name, required=required)
        if value is None or isinstance(value, list):
            return value
        self._mistyped(name, "an array", value)
        return None

    def strings(self, name: str, *, required: bool = False) -> list[str] | None:
        """Return an array of strings; other items are told and left out."""
        items = self.array(name, required=required)
        if items is None:
            return None
        for index, item in enumerate(items):
            if not isinstance(item, str):
                self.fault(f"{name}[{index}]", f"expected a string, found {kind(item)}")
        return [item for item in items if isinstance(item, str)]

    def object(self, name: str, *, required: bool = False, code: str | None = None) -> Fields | None:
        value = self._get(name, required=required)
        if value is None:
            return None
        if not isinstance(value, Object):
            self._mistyped(name, "an object", value)
            return None
        return self._inner(value, name, code)

    def objects(self, name: str, *, required: bool = False, code: str | None = None) -> Iterator[Fields | None]:
        """Yield the objects of an array; None for an item that is something else, so that positions stay right."""
        for index, item in enumerate(self.array(name, required=required) or ()):
            if isinstance(item, Object):
                yield self._inner(item, f"{name}[{index}]", code)
            else:
                self.fault(f"{name}[{index}]", f"expected an object, found {kind(item)}")
                yield None

    def string_map(self, name: str, code: str) -> dict[str, str]:
        """Return an object of strings; anything else breaks the rule *code*, and null does too if it is not absent."""
        if not self.has(name):
            return {}
        value = self.value[name]
        if not isinstance(value, Object):
            self.fault(name, f"expected an object of strings, found {kind(value)}", code)
            return {}
        for key, item in value.items():
            if not isinstance(item, str):
                self.fault(f"{name}.{shown(key)}", f"expected a string, found {kind(item)}", code)
        return {key: item for key, item in value.items() if isinstance(item, str)}

    def _get(self, name: str, *, required: bool) -> Json:
        if not self.has(name):
            if required:
                found = "null" if name in self.value else "nothing"
                self.fault(name, f"expected a value, as the field is required, found {found}")
            return None
        value = self.value[name]
        if value is None:
            self.fault(name, "expected a value, found null")
        return value

    def _mistyped(self, name: str, expected: str, value: Json) -> None:
        self.fault(name, f"expected {expected}, found {kind(value)}")

    def _inner(self, value: Object, name: str, code: str | None) -> Fields:
        path = f"{self.path}.{name}" if self.path else name
        return Fields(value, self.where, path, self.report, code=code or self._code, nullable=self._nullable)
