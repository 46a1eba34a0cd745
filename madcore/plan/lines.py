"""On which line of a TOML text each key and each element of an array stands, which `tomllib` does not tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Path", "find_lines"]

Path = tuple[str | int, ...]

TOKEN = re.compile(
    r'(?P<string>""".*?"""(?!")|\'\'\'.*?\'\'\'(?!\')|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\')'
    r"|(?P<comment>#[^\n]*)|(?P<newline>\n)|(?P<space>[ \t\r]+)|(?P<mark>[\[\]{},=.])|(?P<bare>[^\s\[\]{},=#\"'.]+)",
    re.DOTALL,
)


@dataclass(frozen=True)
class _Token:
    text: str
    line: int

    @property
    def name(self) -> str:
        return self.text[1:-1] if self.text[0] in "\"'" else self.text


def find_lines(text: str) -> dict[Path, int]:
    """Find the line, from 1, of each key and element by its path, as ``("levels", 0, "ssim")``.

    Parameters
    ----------
    text : str
        TOML that `tomllib` has accepted.
    """
    return _Scanner(list(_tokens(text))).scan()


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in TOKEN.finditer(text):
        if match.lastgroup not in ("comment", "space"):
            yield _Token(match[0], line)
        line += match[0].count("\n")


@dataclass
class _Scanner:
    tokens: list[_Token]
    at: int = 0
    lines: dict[Path, int] = field(default_factory=dict)
    tables: dict[Path, int] = field(default_factory=dict)  # how many [[tables]] of a name there were

    def scan(self) -> dict[Path, int]:
        header: Path = ()
        while self.at < len(self.tokens):
            if self._text == "\n":
                self.at += 1
            elif self._text == "[":
                header = self._header()
            else:
                self._pair(header)
        return self.lines

    @property
    def _text(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else "\n"

    def _header(self) -> Path:
        line = self.tokens[self.at].line
        many = self.at + 1 < len(self.tokens) and self.tokens[self.at + 1].text == "["
        self.at += 2 if many else 1
        path = self._resolve(self._key())
        self.at += 2 if many else 1
        self.lines.setdefault(path, line)
        if many:
            self.tables[path] = self.tables.get(path, -1) + 1
            path = (*path, self.tables[path])
            self.lines[path] = line
        return path

    def _resolve(self, names: list[str]) -> Path:
        """Let ``[a.b]`` after ``[[a]]`` be of the last a."""
        path: Path = ()
        for name in names:
            path = (*path, name)
            if path in self.tables and len(path) < len(names):
                path = (*path, self.tables[path])
        return path

    def _key(self) -> list[str]:
        names = []
        while self._text not in ("=", "]", "\n"):
            if self._text != ".":
                names.append(self.tokens[self.at].name)
            self.at += 1
        return names

    def _pair(self, table: Path) -> None:
        line = self.tokens[self.at].line
        path = table
        for name in self._key():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self.at += 1
        self._value(path)

    def _value(self, path: Path) -> None:
        opening = self._text
        if opening not in ("[", "{"):
            while self._text not in (",", "]", "}", "\n"):
                self.at += 1
            return
        self.at += 1
        closing, count = {"[": "]", "{": "}"}[opening], 0
        while self.at < len(self.tokens) and self._text != closing:
            if self._text in (",", "\n"):
                self.at += 1
            elif opening == "{":
                self._pair(path)
            else:
                self.lines[*path, count] = self.tokens[self.at].line
                self._value((*path, count))
                count += 1
        self.at += 1
