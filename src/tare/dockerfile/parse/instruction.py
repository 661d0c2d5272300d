"""One logical line as an instruction: its flags, words and heredocs, and what BuildKit would refuse of it."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from tare.dockerfile.parse import comments, values, words
from tare.dockerfile.parse.document import Heredoc, Instruction, Mount, Pair
from tare.dockerfile.parse.expand import BadSubstitution, expand
from tare.dockerfile.parse.grammar import HEREDOCS, INSTRUCTIONS, Rule
from tare.dockerfile.parse.lines import Logical, Reader
from tare.dockerfile.parse.mounts import read_mounts
from tare.dockerfile.parse.problems import Problems
from tare.dockerfile.parse.source import Edit, Span
from tare.dockerfile.parse.words import Flag, Word

Form = Literal["shell", "json", "words"]

_UNKNOWN: Final = Rule("whole", 0)
_MOST_COMMENTS: Final = 100
"""How many comments at ends of lines one instruction is freed of."""

_heredoc = re.compile(r"[0-9]*<<(-?)([^<]+)")


class InstructionReader:
    """Reads instructions of one file."""

    def __init__(self, reader: Reader, problems: Problems) -> None:
        self._reader = reader
        self._problems = problems

    def read(self, line: Logical, stage: int) -> Instruction:
        """Return the instruction on *line*, with the heredocs that follow it."""
        return self._read(line, 0, stage, None)

    def _read(self, line: Logical, start: int, stage: int, outer: Word | None) -> Instruction:
        problems = len(self._problems.found)
        keyword, after = words.split_command(line) if outer is None else _nested_command(line, start)
        name = keyword.text.upper()
        rule = INSTRUCTIONS.get(name, _UNKNOWN)
        if name not in INSTRUCTIONS:
            self._unknown(keyword, line)
        flags, rest = words.flags(line, after, self._reader.escape)
        line = self._without_comment(name, line, rest)
        parts, form = self._words(name, rule, line, rest)
        inner = self._inner(line, rest, stage, outer or keyword) if name == "ONBUILD" and parts else None
        pairs = self._pairs(name, rule, line, parts)
        if form == "words" and rule.form == "pairs" and pairs and "=" not in parts[0].text:
            parts = parts[:1]  # the old form of ENV: the rest is one value, whatever is in it
        heredocs = self._heredocs(name, form, line, rest) if outer is None or name in HEREDOCS else ()
        self._count(name, rule, keyword, parts, flags)
        self._flags(name, rule, flags)
        found = Instruction(
            name=name,
            keyword=keyword,
            flags=flags,
            words=parts,
            form=form,
            pairs=pairs,
            heredocs=heredocs,
            mounts=self._mounts(flags) if name == "RUN" else (),
            inner=inner,
            stage=stage,
            line=line,
            span=Span(keyword.span.start, max([line.end, *(heredoc.span.end for heredoc in heredocs)])),
            broken=False,
        )
        values.check(found, self._problems)
        broken = any(problem.refused and problem.code != "D014" for problem in self._problems.found[problems:])
        if not broken:
            return found
        return msgspec.structs.replace(found, broken=True)

    def _without_comment(self, name: str, line: Logical, rest: int) -> Logical:
        """Take away comments at the ends of lines: there are none in this language, but it is what was meant."""
        at = comments.find(name, line, rest, self._reader.escape)
        for _ in range(_MOST_COMMENTS):
            if at is None:
                break
            cut, span = line.without_rest(at)
            refused = name in comments.REFUSED and not (name in {"ENV", "LABEL"} and "=" not in line.text[rest:at])
            self._problems.add(
                "D014",
                span,
                f"there are no comments at the end of a line: {comments.MEANS[name]}",
                edits=self._reader.moved(span),
                refused=refused,
            )
            line, at = cut, comments.find(name, cut, rest, self._reader.escape)
        return line

    def _unknown(self, keyword: Word, line: Logical) -> None:
        from difflib import get_close_matches

        near = get_close_matches(keyword.text.upper(), INSTRUCTIONS, n=1, cutoff=0.7)
        edits: tuple[Edit, ...] = (Edit(start=keyword.span.start, end=keyword.span.end, text=near[0]),) if near else ()
        message = f"`{_shown(keyword.text)}` is not an instruction"
        if not line.text.strip():
            message = "there is no instruction on this line"
        elif keyword.text in {"&&", "||", "|", ";"}:
            message += ": the line before it does not end with a continuation"
            edits = self._continued(keyword.span.start)
        self._problems.add("D001", keyword.span, message, suggestion=near[0] if near else "", edits=edits)

    def _continued(self, offset: int) -> tuple[Edit, ...]:
        """Return what makes the line before *offset* go on, when it is not blank."""
        text = self._reader.source.text
        end = text.rfind("\n", 0, offset)
        before = text[:end].rstrip(" \t\r") if end > 0 else ""
        if not before or before.endswith("\n") or text[len(before) : end].strip(" \t\r"):
            return ()
        return (Edit(start=len(before), end=len(before), text=f" {self._reader.escape}"),)

    def _words(self, name: str, rule: Rule, line: Logical, rest: int) -> tuple[tuple[Word, ...], Form]:
        try:
            return self._split(rule, line, rest)
        except words.NotStrings:
            found = words.whole(line, rest)
            self._problems.add("D005", found[0].span, f"the array of {name} has something else than strings")
            return found, "shell"

    def _split(self, rule: Rule, line: Logical, rest: int) -> tuple[tuple[Word, ...], Form]:
        if rule.form in {"maybe-json", "maybe-json-words"}:
            found = words.json_form(line, rest)
            if found is not None:
                return found, "json"
            return (
                (words.whole(line, rest), "shell")
                if rule.form == "maybe-json"
                else (words.by_blanks(line, rest), "words")
            )
        if rule.form in {"pairs", "names"}:
            return words.by_quotes(line, rest, self._reader.escape), "words"
        if rule.form == "blanks":
            return words.by_blanks(line, rest), "words"
        if rule.form == "health":
            return self._health(line, rest)
        return words.whole(line, rest), "words"

    def _health(self, line: Logical, rest: int) -> tuple[tuple[Word, ...], Form]:
        kinds = words.by_blanks(line, rest)[:1]
        if not kinds:
            return (), "words"
        after = kinds[0].index + len(kinds[0].text)
        command = words.json_form(line, after)
        if command is not None:
            return (*kinds, *command), "json"
        start = after + len(line.text[after:]) - len(line.text[after:].lstrip(words.BLANKS))
        return (*kinds, *words.whole(line, start)), "shell"

    def _inner(self, line: Logical, rest: int, stage: int, outer: Word) -> Instruction:
        if outer.text.upper() == "ONBUILD" and line.text[rest:].split(None, 1)[0].upper() in {
            "ONBUILD",
            "FROM",
            "MAINTAINER",
        }:
            first = words.by_blanks(line, rest)[0]
            self._problems.add("D011", first.span, f"ONBUILD cannot hold {first.text.upper()}")
        return self._read(line, rest, stage, outer)

    def _pairs(self, name: str, rule: Rule, line: Logical, parts: tuple[Word, ...]) -> tuple[Pair, ...]:
        if rule.form not in {"pairs", "names"} or not parts:
            return ()
        if rule.form == "pairs" and "=" not in parts[0].text:
            return self._old_pair(name, line, parts)
        found = []
        for part in parts:
            key, equals, _ = part.text.partition("=")
            if not equals and rule.form == "pairs":
                self._problems.add("D003", part.span, f"`{_shown(part.text)}` has no `=`: {name} takes `name=value`")
            elif not key:
                self._problems.add("D003", part.span, f"a name of {name} is empty")
            else:
                first = part.index + len(key) + 1
                value = words.word(line, first, part.index + len(part.text)) if equals else None
                found.append(Pair(name=key, value=value, span=part.span))
        return tuple(found)

    def _old_pair(self, name: str, line: Logical, parts: tuple[Word, ...]) -> tuple[Pair, ...]:
        """Read `ENV name value`, where the value is all the rest of the line."""
        blanks = words.by_blanks(line, parts[0].index)
        if len(blanks) < 2:
            self._problems.add("D003", parts[0].span, f"{name} `{_shown(parts[0].text)}` has no value")
            return ()
        value = words.whole(line, blanks[1].index)[0]
        return (Pair(name=blanks[0].text, value=value, span=Span(parts[0].span.start, value.span.end)),)

    def _heredocs(self, name: str, form: str, line: Logical, rest: int) -> tuple[Heredoc, ...]:
        if name == "ONBUILD":
            return ()  # the inner instruction takes them
        if name not in HEREDOCS or form == "json" or "<<" not in line.text:
            return ()
        found = []
        for part in words.by_quotes(line, rest, "\\"):
            match = _heredoc.fullmatch(part.text)
            terminator = _terminator(match[2]) if match else None
            if match is None or terminator is None:
                continue
            taken = self._reader.heredoc(terminator, tabs=bool(match[1]))
            if taken is None:
                self._problems.add("D006", part.span, f"the heredoc does not end: there is no line `{terminator}`")
                continue
            found.append(
                Heredoc(
                    name=terminator,
                    expand=not ({"'", '"'} & set(match[2])),
                    tabs=bool(match[1]),
                    content=taken[1],
                    span=Span(taken[0].start, taken[2].end),
                    word=part,
                )
            )
        return tuple(found)

    def _count(self, name: str, rule: Rule, keyword: Word, parts: tuple[Word, ...], flags: tuple[Flag, ...]) -> None:
        count = len(parts)
        if name == "FROM" and count not in {1, 3}:
            extra = parts[1].span if count > 1 else keyword.span
            self._problems.add(
                "D002", extra, f"FROM takes an image, or an image, `AS` and a name; it has {count} words"
            )
        elif count < rule.least:
            least = "a word" if rule.least == 1 else f"{rule.least} words"
            self._problems.add("D002", keyword.span, f"{name} takes at least {least}; it has {count or 'none'}")

    def _flags(self, name: str, rule: Rule, flags: tuple[Flag, ...]) -> None:
        seen: set[str] = set()
        for flag in flags:
            kind = rule.flags.get(flag.name)
            if kind is None:
                from difflib import get_close_matches

                near = get_close_matches(flag.name, rule.flags, n=1)
                hint = f", but `--{near[0]}`" if near else ""
                self._problems.add("D004", flag.span, f"{name} has no flag `--{_shown(flag.name)}`{hint}")
            elif flag.name in seen and kind != "texts":
                self._problems.add("D004", flag.span, f"`--{flag.name}` is given twice")
            elif kind == "switch" and flag.value is not None and flag.value.lower() not in {"true", "false"}:
                self._problems.add("D004", flag.span, f"`--{flag.name}` is true or false, not `{_shown(flag.value)}`")
            elif kind != "switch" and flag.value is None:
                self._problems.add("D004", flag.span, f"`--{flag.name}` has no value")
            seen.add(flag.name)

    def _mounts(self, flags: tuple[Flag, ...]) -> tuple[Mount, ...]:
        return read_mounts([flag for flag in flags if flag.name == "mount" and flag.value is not None], self._problems)


def _nested_command(line: Logical, start: int) -> tuple[Word, int]:
    """Return the keyword of the instruction within ONBUILD, and where what follows it begins."""
    first = words.by_blanks(line, start)[0]
    after = first.index + len(first.text)
    rest = line.text[after:]
    return first, after + len(rest) - len(rest.lstrip(words.BLANKS))


def _terminator(text: str) -> str | None:
    """Return the terminator without its quotes; None when it is not one word."""
    try:
        value = expand(text, {}, "\\").partial if "$" not in text else text
    except BadSubstitution:
        return None
    return value if value and not any(character.isspace() for character in value) else None


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"
