"""Rules that a linter cannot be told: sizes, banned calls, who may say `bpy`, nothing of one machine in the files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 60
FOLDERS = (".ci", "bench", "blender_addon", "core", "docs", "examples", "requirements", "tests", "tools")
TEXT = {".py", ".toml", ".md", ".txt", ".json", ".cfg", ".sh", ""}
SAYS_BPY = ("blender_addon", "examples", "tests", "bench")

BANNED_MODULES = {"pickle", "cloudpickle", "dill", "shelve", "marshal", "socket"}
NETWORK = {"http", "ssl", "requests", "httpx", "httpx2", "aiohttp", "urllib3", "ftplib", "smtplib", "huggingface_hub"}
NETWORK_MODULES = {"urllib.request", "asyncio.open_connection"}
SAYS_HTTP = "core/platewright/models/fetching.py"          # the one file that opens a connection
BANNED_CALLS = {"eval", "exec", "os.system", "os.popen", "torch.load", "subprocess.getoutput"}
BANNED_WHEN_TRUE = {"shell", "trust_remote_code", "allow_pickle"}
BANNED_WHEN_FALSE = {"verify", "weights_only"}

# A path of somebody's machine, or where packages come from: pip's own settings decide that.
MACHINE = re.compile(
    r"(?<![\w.])/(?:work|root|mnt)/|/(?:home|Users)/(?!artist|user|me|you)\w+/|file:///\w|\bpypi\.org|pythonhosted\.org|"
    r"download\.pytorch\.org|--(?:extra-)?index-url|\blocalhost\b|\b127\.0\.0\.1\b"
)


def files(root: Path) -> list[Path]:
    """The project's own text files, without what is built or installed."""
    top = [path for path in root.iterdir() if path.is_file()]
    below = [path for folder in FOLDERS for path in (root / folder).rglob("*")]
    return sorted(path for path in [*top, *below] if path.is_file() and is_source(path.relative_to(root)))


def is_source(path: Path) -> bool:
    built = any(part in ("__pycache__", ".git") or part.endswith(".egg-info") for part in path.parts)
    return not built and path.suffix in TEXT


def scan(root: Path) -> list[str]:
    """All complaints as `file:line: what`, in the order of the files."""
    return [f"{file.relative_to(root).as_posix()}:{words}" for file in files(root) for words in of_file(file, root)]


def of_file(path: Path, root: Path) -> Iterator[str]:
    """Complaints about one file, each starting with its line."""
    text = path.read_text(encoding="utf-8")
    where = path.relative_to(root)
    yield from of_machine(text)
    if path.suffix != ".py":
        return
    if (lines := text.count("\n")) >= FILE_LINES:
        yield f"{lines}: the file has {lines} lines, the limit is below {FILE_LINES}"
    tree = ast.parse(text, filename=str(path))
    yield from of_sizes(tree)
    if where.parts[0] != "tests":                          # a test may speak of what is banned in order to prove it
        yield from of_bans(tree)
        if where.as_posix() != SAYS_HTTP:
            yield from (f"{line}: `{name}` reaches a network" for line, name in imports(tree) if reaches_out(name))
    if where.parts[0] not in SAYS_BPY:
        blenders = [(line, name) for line, name in imports(tree) if name.split(".")[0] in ("bpy", "mathutils")]
        yield from (f"{line}: `{name}` is Blender's" for line, name in blenders)


def reaches_out(name: str) -> bool:
    """Whether a module is there to talk to other machines."""
    return name.split(".")[0] in NETWORK or any(name == one or name.startswith(f"{one}.") for one in NETWORK_MODULES)


def of_machine(text: str) -> Iterator[str]:
    """Lines that only make sense on one machine."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := MACHINE.search(line):
            yield f"{number}: `{found.group()}` belongs to a machine, not to the project"


def of_sizes(tree: ast.Module) -> Iterator[str]:
    """Functions too long to read in one go."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.lineno}: `{node.name}` has {lines} lines, the limit is {FUNCTION_LINES}"


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each absolute import as its line and its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def of_bans(tree: ast.Module) -> Iterator[str]:
    """Code that runs what it reads, opens a port, or trusts what it should check."""
    for line, name in imports(tree):
        if name.split(".")[0] in BANNED_MODULES or name in BANNED_CALLS:
            yield f"{line}: `{name}` is banned"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if (name := ast.unparse(node.func)) in BANNED_CALLS:
                yield f"{node.lineno}: `{name}` is banned"
            yield from (f"{node.lineno}: `{word}` is banned" for word in map(of_keyword, node.keywords) if word)


def of_keyword(keyword: ast.keyword) -> str | None:
    """`shell=True` and its like, as text; None for a harmless argument."""
    value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
    banned = BANNED_WHEN_TRUE if value is True else BANNED_WHEN_FALSE if value is False else frozenset[str]()
    return f"{keyword.arg}={value}" if keyword.arg in banned else None
