"""Each kind of broken plugin, really built and installed, harms nobody and is told in one line."""

import json
import os
import shutil
import subprocess
import sys

import pytest

GOOD = """
from madcore import MetricSpec, hookimpl

def build():
    return lambda image, mad_image: (image - mad_image).abs().flatten(1).mean(1)

SPEC = MetricSpec("good", build, higher_is_better=False, perfect=0.0)

@hookimpl
def madcore_metrics():
    return [SPEC]
"""
RAISING = "def build():\n    raise RuntimeError('no weights here')\n\nSPEC"
# What the module of the plugin is, what `madcore plugins` says, and the exit code under --strict.
CASES = {
    "import_error": (
        "import nothing_of_this_name",
        "failed at import: ModuleNotFoundError: No module named 'nothing",
        3,
    ),
    "system_exit": ("raise SystemExit(7)", "failed at import: SystemExit: 7", 3),
    "unknown_hook": (GOOD.replace("madcore_metrics", "madcore_metrisc"), "(did you mean madcore_metrics?)", 3),
    "unknown_argument": (GOOD.replace("metrics()", "metrics(config)"), "failed at hooks: PluginValidationError", 3),
    "hook_raises": (GOOD.replace("[SPEC]", "[1 / 0]"), "failed at declaration: ZeroDivisionError", 3),
    "wrong_type": (GOOD.replace("[SPEC]", "{'good': SPEC}"), "must return a list of MetricSpec; it returned dict", 3),
    "duplicate_metric": (GOOD.replace("[SPEC]", "[SPEC, SPEC]"), "it declares 'good' twice", 3),
    "other_madcore": ("raise SystemExit(7)", "failed at discovery: it is made for madcore<0.1", 3),
    "prints": (f"print('loud and clear')\n{GOOD}", "ok; prints when it is loaded", 0),
    "heavy": (f"import torch\n{GOOD}", "ok; imports torch when it is loaded", 0),
    "build_raises": (GOOD.replace("SPEC", RAISING, 1), "failed at build: build_raises.good of madcore-build-raises", 0),
    "twin": (GOOD, "madcore-twin 1.0 and madcore-twin-again 1.0 all bring a plugin of this name", 3),
    "twin_again": (GOOD, "", 3),
}
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "madcore-{distribution}"
version = "1.0"
dependencies = {dependencies}

[project.entry-points.madcore]
{plugin} = "broken_{module}"

[tool.hatch.build.targets.wheel]
include = ["broken_{module}.py"]
"""


def write_project(folder, module):
    folder.mkdir()
    plugin = module.removesuffix("_again")
    needed = ["madcore<0.1"] if module == "other_madcore" else []
    text = PROJECT.format(distribution=module.replace("_", "-"), plugin=plugin, module=module, dependencies=needed)
    (folder / "pyproject.toml").write_text(text)
    (folder / f"broken_{module}.py").write_text(CASES[module][0])
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Build and install all of them, in one go because that takes seconds for each."""
    root = tmp_path_factory.mktemp("broken")
    projects = [write_project(root / module, module) for module in CASES]
    flags = [
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--no-compile",
        "--disable-pip-version-check",
        "--quiet",
    ]
    subprocess.run([sys.executable, "-m", "pip", "install", *flags, "--target", root / "all", *projects], check=True)
    return root / "all"


def launch_in(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "error", "MADCORE_NO_PLUGIN": ""}
    command = [sys.executable, "-m", "madcore", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def launch(built, tmp_path):
    """Run the launcher where one of them is installed."""

    def run(case, *arguments):
        for module in ["twin", "twin_again"] if case == "twin" else [case]:
            for found in built.glob(f"*_{module}[-.]*"):
                (shutil.copytree if found.is_dir() else shutil.copy)(found, tmp_path / found.name)
        return launch_in(tmp_path, *arguments)

    return run


each_case = pytest.mark.parametrize("case", [case for case in CASES if case != "twin_again"])


@each_case
def test_metrics_are_listed_all_the_same(launch, case):
    result = launch(case, "metrics", "--json")
    names = [each["name"] for each in json.loads(result.stdout)]
    assert (result.returncode, names[:2]) == (0, ["mse", "mae"])
    assert (f"{case}.good" in names) == (CASES[case][2] == 0)
    assert result.stderr.count("\n") == (case != "heavy" and case != "build_raises")


@each_case
def test_plugins_says_what_is_wrong(launch, case):
    _, message, code = CASES[case]
    result = launch(case, "plugins", "--strict", *(["--build"] if case == "build_raises" else []))
    (line,) = [line for line in result.stdout.splitlines() if line.startswith(case)]
    assert message in line
    assert result.returncode == (3 if case == "build_raises" else code)
    assert "Traceback" not in result.stderr


@each_case
def test_naming_it_is_an_error_of_one_line_or_works(launch, case):
    code = CASES[case][2]
    result = launch(case, "show", f"{case}.good")
    assert result.returncode == code
    assert (code == 0) or (result.stdout == "" and result.stderr.startswith(f"madcore: error: plugin {case} ("))
    assert result.stderr.count("\n") <= 1


@each_case
def test_all_can_be_blocked(launch, case):
    result = launch(case, "metrics", "--no-plugin", "all", "--strict")
    assert (result.returncode, result.stderr) == (0, "")


def test_quartet_of_the_cores_metrics_works_with_all_of_them_installed(built, tmp_path):
    output = tmp_path / "mad"
    options = ["--size", 32, "--max-iter", 3, "-o", output]
    result = launch_in(built, "quartet", "mse", "ssim", "dead_leaves", *options)
    assert result.returncode == 0, result.stderr
    assert "plugin" not in result.stderr
    assert len(list(output.rglob("*.png"))) >= 4
