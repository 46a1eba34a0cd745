"""The public names: one list, one level."""

import ast
import importlib

import pytest
from source_tree import REPOSITORY, module_name, source_files

import madcore

PUBLIC = {
    "ContractError",
    "EngineSpec",
    "InputError",
    "LevelError",
    "LevelSet",
    "LoadWarning",
    "MADCompetition",
    "MadcoreError",
    "Metric",
    "MetricSpec",
    "ObserverSpec",
    "PenaltyMethod",
    "PenaltySpec",
    "Picture",
    "Plan",
    "PlanError",
    "PluginError",
    "Progress",
    "Quantized",
    "Quartet",
    "Result",
    "Status",
    "Store",
    "Tournament",
    "UnknownNameError",
    "__version__",
    "create_engine",
    "create_metric",
    "create_observer",
    "create_penalty",
    "examine",
    "hookimpl",
    "list_metrics",
    "open_results",
    "quantize",
    "quartet",
    "read_image",
    "require_range",
    "synthesize",
    "write_image",
}


def test_the_list():
    assert set(madcore.__all__) == PUBLIC


def test_every_name_resolves_and_is_listed():
    assert all(getattr(madcore, name) is not None for name in madcore.__all__)
    assert set(madcore.__all__) <= set(dir(madcore))


@pytest.mark.parametrize(("name", "home"), madcore._HOMES.items())
def test_home_lists_the_name_too(name, home):
    assert name in importlib.import_module(f"madcore.{home}").__all__


def test_type_checkers_see_the_same_names():
    (block,) = [
        node for node in ast.parse((REPOSITORY / "madcore/__init__.py").read_text()).body if isinstance(node, ast.If)
    ]
    seen = {alias.asname: node.module.removeprefix("madcore.") for node in block.body for alias in node.names}
    assert seen == madcore._HOMES


def test_no_public_name_is_a_module():
    modules = {module_name(path).removeprefix("madcore.") for path in source_files()}
    assert not set(madcore.__all__) & modules


def test_unknown_name():
    with pytest.raises(AttributeError, match="module 'madcore' has no attribute 'nothing'"):
        madcore.nothing  # noqa: B018


@pytest.mark.parametrize("path", source_files(), ids=module_name)
def test_every_module_says_what_is_its_own(path):
    statements = ast.parse(path.read_text()).body
    if any(isinstance(each, ast.FunctionDef | ast.ClassDef) for each in statements):
        assert [
            each for each in statements if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__all__"
        ]
