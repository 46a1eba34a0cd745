"""Who may import whom; arrows point down."""

import ast
import graphlib

import pytest
from source_tree import REPOSITORY, imports, module_name, own_imports, room, source_files

import madcore

# Each room and the rooms that it may import, `errors` apart, which all may.  A new module needs a line here.
ARROWS = {
    # the upper floor: names, plugins, records, the command line
    "errors": "",
    "specs": "",
    "options": "",
    "requirements": "",
    "engine": "",
    "engines": "engine",
    "observers": "engine",
    "rehearsal": "engine",
    "store": "",
    "hookspecs": "specs",
    "loading": "hookspecs specs options requirements",
    "discovery": "loading",
    "registry": "discovery loading hookspecs specs options requirements",
    "builtin": "hookspecs specs",
    "loaded": "weights",
    "adhoc": "loaded loading options weights",
    "building": "engine registry adhoc options",
    "request": "",
    "pictures": "",
    "plan": "request pictures registry adhoc options",
    "wording": "",
    "weights": "",
    "cli": "registry adhoc building engine loading options specs store plan request wording",
    # what matches show
    "analysis": "wording",
    "report": "analysis store wording",
    "audit": "analysis images options plan registry",
    # the stair
    "lookup": "registry adhoc building options specs metric penalties weights",
    # the lower floor: tensors
    "compiled": "",
    "bands": "compiled",
    "measures": "bands compiled",
    "blame": "",
    "penalties": "blame",
    "accepted_images": "",
    "prepared": "blame",
    "metric": "accepted_images blame prepared",
    "images": "pictures",
    "contact_sheet": "wording",
    "bounds": "",
    "mean_luminance": "",
    "trunks": "prepared",
    "problem": "bounds mean_luminance metric penalties prepared trunks",
    "solvers": "bands compiled problem metric",
    "contract": "metric problem",
    "certificate": "problem solvers metric",
    "starts": "certificate problem solvers metric",
    "levels": "starts certificate mean_luminance problem solvers metric",
    "results": "mean_luminance metric",
    "quantization": "certificate results problem solvers",
    "synthesis": "certificate contract results problem solvers metric",
    "arguments": "mean_luminance prepared problem solvers metric",
    "room": "",
    "posing": "lookup arguments mean_luminance problem metric penalties",
    "attempts": "arguments levels problem results solvers starts synthesis",
    "fours": "arguments attempts metric posing results room",
    "api": "lookup arguments attempts fours levels posing starts results synthesis solvers penalties",
    # pictures in, records and files out
    "identity": "request images metric penalties solvers",
    "jobs": "request store registry lookup identity images metric penalties results solvers",
    "export": "images metric quantization results",
    "execution": "api jobs export images results synthesis",
    "production": "execution jobs store contact_sheet export images results synthesis",
    "verification": "store registry adhoc building options specs lookup identity images metric penalties weights "
    "export certificate quantization problem solvers",
    "tournament": "api room engine observers plan request pictures store registry adhoc building options lookup metric "
    "images starts identity jobs execution results",
    # the contract, for our tests and everybody's
    "testing": "building engine rehearsal api lookup registry adhoc options images metric penalties problem results "
    "prepared solvers store plan tournament trunks wording",
    # the classic object
    "competition": "blame bounds lookup metric penalties prepared problem solvers trunks",
    # figures
    "plot": "analysis competition images measures results wording",
}
TORCH_FREE = {
    *(
        "errors",
        "specs",
        "options",
        "engine",
        "engines",
        "observers",
        "rehearsal",
        "store",
        "request",
        "pictures",
        "plan",
    ),
    *("wording", "weights"),
    *("hookspecs", "loaded", "loading", "discovery", "registry", "builtin", "adhoc", "building", "cli"),
}
UPPER = TORCH_FREE - {"errors", "pictures"} | {"lookup"}
HEAVY = {"torch", "torchvision", "numpy", "PIL", "scipy", "skimage", "matplotlib", "safetensors"}
LOWER = {
    *(
        "compiled",
        "bands",
        "measures",
        "blame",
        "accepted_images",
        "prepared",
        "metric",
        "penalties",
        "images",
        "bounds",
    ),
    *("mean_luminance", "trunks", "problem", "solvers"),
    *(
        "certificate",
        "contract",
        "starts",
        "levels",
        "results",
        "quantization",
        "synthesis",
        "arguments",
        "attempts",
        "room",
    ),
}
# What a plugin may import besides the public names.
PUBLIC_MODULES = {"madcore.testing", "madcore.plot", "madcore.engine"}

each_file = pytest.mark.parametrize("path", source_files(), ids=module_name)


@each_file
def test_arrows(path):
    here = room(module_name(path))
    if here in ("", "__main__"):
        assert all(not each.at_module_level or each.name == "madcore.cli" for each in own_imports(path))
        return
    assert here in ARROWS, f"{here} has no line in ARROWS"
    # Bodies of commands and of `build` functions may import anything: laziness is their purpose.
    lazy = here in ("cli", "builtin")
    reached = {room(each.name) for each in own_imports(path) if each.at_module_level or not lazy}
    assert reached <= {"", here, "errors", *ARROWS[here].split()}


@each_file
def test_upper_floor_imports_nothing_heavy(path):
    if room(module_name(path)) in TORCH_FREE | {"", "__main__"}:
        tops = {each.name.split(".")[0] for each in imports(path) if each.at_module_level}
        assert not tops & HEAVY


def test_lower_floor_knows_no_plugins():
    for name in LOWER:
        assert not set(ARROWS[name].split()) & UPPER


def test_nothing_imports_the_command_line():
    assert not [name for name, arrows in ARROWS.items() if "cli" in arrows.split()]


def test_no_cycles():
    graph = {}
    for path in source_files():
        here = module_name(path)
        graph[here] = {each.name for each in own_imports(path) if each.at_module_level} - {here}
    order = list(graphlib.TopologicalSorter(graph).static_order())
    assert order.index("madcore.errors") < order.index("madcore.registry")


@pytest.mark.parametrize("path", source_files(REPOSITORY / "plugins"), ids=lambda path: path.stem)
def test_plugins_import_only_what_is_public(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "madcore":
            names = {alias.name for alias in node.names}
            assert names <= set(madcore.__all__) | {name.removeprefix("madcore.") for name in PUBLIC_MODULES}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("madcore."):
            assert node.module in PUBLIC_MODULES
        elif isinstance(node, ast.Import):
            names = {alias.name for alias in node.names if alias.name.startswith("madcore.")}
            assert names <= PUBLIC_MODULES
