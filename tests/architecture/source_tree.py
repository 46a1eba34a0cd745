"""What the source says of itself, read with `ast` and never imported."""

import ast
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Import:
    """One imported module, and whether it is imported when its importer is."""

    name: str
    at_module_level: bool


def source_files(folder=REPOSITORY / "madcore"):
    return sorted(folder.rglob("*.py"))


def module_name(path):
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(name):
    """The part of the house that a module belongs to: the file or folder right under ``madcore``."""
    return name.split(".")[1] if "." in name else ""


def imports(path):
    """Every import that runs; those for type checkers alone do not."""
    return list(_walk(ast.parse(path.read_text()), True))


def _walk(node, at_module_level):
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, at_module_level) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        yield from (Import(_imported(node.module, alias.name), at_module_level) for alias in node.names)
    inside = at_module_level and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, inside)


def _imported(module, name):
    """``from a import b`` imports a.b if that is a module, else a."""
    path = REPOSITORY.joinpath(*module.split("."), name)
    return f"{module}.{name}" if path.is_dir() or path.with_suffix(".py").exists() else module


def own_imports(path):
    """Imports of madcore's own modules."""
    return [each for each in imports(path) if each.name.split(".")[0] == "madcore"]
