"""Compiles kernels with Numba, from the very rules that interpreted code runs, and keeps them under a true name.

Numba's own cache does not see an edited function or constant in another file and then gives stale answers. Here the
folder of the cache is named by a digest of all sources of this package, so an edit anywhere starts an empty one.

`kernel` marks what Python calls: compiled on first use, kept on disk, run without the GIL. `part` marks what kernels
call. Rules (`core.rules.RULES`) need no mark: kernels call them by the names that interpreted code uses, and get them
compiled from the same source. With NUMBA_DISABLE_JIT=1 everything runs interpreted, for coverage and debugging.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("NUMBA_DISABLE_INTEL_SVML", "1")  # its log and exp differ from libm's in the last bit

import numba
from numba import extending
from numba.core import codegen as numba_codegen
from numba.core import event as numba_event
from numba.core import types as numba_types

from sim.core.logarithm import split
from sim.core.philox import wide_product
from sim.core.rules import RULES

__all__ = [
    "INTERPRETED",
    "Kernel",
    "bare_kernel",
    "bare_part",
    "cache_folder",
    "further_part",
    "further_value",
    "inlined_part",
    "kernel",
    "part",
    "sources_digest",
    "typed_kernel",
]

F = TypeVar("F", bound=Callable[..., Any])

SOURCES = Path(__file__).parent
NJIT: Any = numba.njit  # its options here are not all among those it has types for
SETTINGS: Any = numba.config
EXTENDING: Any = extending
types: Any = numba_types
CODEGEN: Any = numba_codegen
EVENTS: Any = numba_event
INTERPRETED = bool(SETTINGS.DISABLE_JIT)
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
BARE: dict[str, Any] = OPTIONS | {"_nrt": False}
INNER: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # quicker to compile
APART: dict[str, Any] = {"forceinline": False}  # said outright, else it is inherited from the first caller
MOST_KEPT = 4
COMPILING_THRESHOLDS = 300_000, 50, 100

_registered: set[str] = set()
_lock = threading.RLock()


@cache
def sources_digest() -> str:
    """Give the SHA-256 of every Python source of this package, paths included."""
    digest = sha256()
    for path in sorted(SOURCES.rglob("*.py")):
        digest.update(path.relative_to(SOURCES).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def cache_folder() -> Path | None:
    """Give the folder where compiled kernels of these very sources are kept; None where nothing can be kept.

    It lies in $SHAMTRIAL_KERNELS, or else in shamtrial/kernels of the user's cache folder ($XDG_CACHE_HOME, ~/.cache).
    """
    asked, users = os.environ.get("SHAMTRIAL_KERNELS"), os.environ.get("XDG_CACHE_HOME")
    try:
        root = Path(asked) if asked else (Path(users) if users else Path.home() / ".cache") / "shamtrial" / "kernels"
        folder = root / sources_digest()[:20]
        new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            return None
        if new:
            _forget_old(root)
        os.utime(folder)
    except (OSError, RuntimeError):  # no home, no room, not ours
        return None
    return folder


def _forget_old(root: Path) -> None:
    """Remove the folders of older sources, all but the few used last."""
    used = sorted((p for p in root.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in used[MOST_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def part(function: F) -> F:
    """Compile a function where a kernel calls it."""
    _register_rules()
    compiled: F = NJIT(**OPTIONS)(function)
    return compiled


def bare_part(function: F) -> F:
    """Compile a function that makes no array where a bare kernel calls it: no reference is counted in it.

    Counting references of the tables that were passed on took more time than all the rest of a trial. It has no form
    that Python could call: from a test, go through a kernel, or through `py_func`.
    """
    _register_rules()
    compiled: F = NJIT(**BARE, **INNER, **APART)(function)
    return compiled


def inlined_part(function: F) -> F:
    """Compile as `bare_part` does, right into where it is called.

    For what is called from one place, or so often that the call costs more than it does. It was chosen by measuring:
    sham_rct is 7% faster so than with `bare_part` alone at those places, and compiles about as soon; with everything
    inlined it took 10 s more.
    """
    _register_rules()
    compiled: F = NJIT(**BARE, **INNER, forceinline=True)(function)
    return compiled


def further_part(function: F) -> F:
    """Compile as `bare_part` does where the first argument is a plan with further mechanisms; else it does nothing.

    So a kernel that plays plans without them does not compile them. A plan has further mechanisms if its record has the
    field "further"; interpreted code goes by the plan's numbers alone.
    """
    return further_value(None)(function)


def further_value(otherwise: float | None) -> Callable[[F], F]:
    """Compile as `further_part` does a function that gives a value; where it is left out, it gives `otherwise`."""

    def left_out(*args: Any) -> Any:
        return otherwise

    def mark(function: F) -> F:
        _register_rules()
        if not INTERPRETED:
            EXTENDING.overload(function, jit_options=BARE | INNER | APART, strict=False)(
                lambda *args: function if "further" in args[0].fields else left_out
            )
        return function

    return mark


def kernel(function: Callable[..., Any]) -> Kernel:
    """Compile a function on its first call from Python, and keep it on disk."""
    return Kernel(function, OPTIONS)


def typed_kernel(arguments: str) -> Callable[[Callable[..., Any]], Kernel]:
    """Compile as `kernel` does, for these types of arguments alone, a comma between.

    "strided float64" is an array of any spacing, read only, such as a field of records: contiguous ones are taken too,
    by the same compiled form. "float64[]" is a contiguous array that is written to.
    """
    return lambda function: Kernel(function, OPTIONS, arguments)


def bare_kernel(function: Callable[..., Any]) -> Kernel:
    """Compile as `kernel` does a function that makes no array, and calls bare parts and rules alone."""
    return Kernel(function, BARE)


class Kernel:
    """A compiled entry point; calling it the first time loads it from disk, or compiles it and says so."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any], arguments: str = "") -> None:
        self.function, self.options, self.arguments = function, options, arguments
        self.name = function.__name__
        self.__doc__ = function.__doc__
        self.compiled: Callable[..., Any] | None = None
        self.ready = False

    def __call__(self, *args: Any) -> Any:
        """Call the compiled function."""
        if self.ready and self.compiled:
            try:
                return self.compiled(*args)
            except TypeError:  # arguments of other types: a form of their own
                if INTERPRETED:
                    raise
        with _lock:
            return self._first_call(args)

    def make(self) -> Any:
        """Give Numba's dispatcher, its cache in our folder whatever Numba's own setting is."""
        _register_rules()
        if self.compiled is None:
            folder, theirs = cache_folder(), SETTINGS.CACHE_DIR
            SETTINGS.CACHE_DIR = str(folder or "")
            try:
                types_given = [_signature(self.arguments)] if self.arguments and not INTERPRETED else []
                self.compiled = NJIT(*types_given, **self.options, cache=folder is not None)(self.function)
            finally:
                SETTINGS.CACHE_DIR = theirs
        return self.compiled

    def is_kept(self) -> bool:
        """Tell whether a compiled form of these sources lies on disk."""
        folder = cache_folder()
        return folder is not None and any(folder.glob(f"*/*.{self.name}-*.nbc"))

    def _first_call(self, args: tuple[Any, ...]) -> Any:
        told = not (INTERPRETED or self.ready or self.is_kept())
        if told:
            _say(f"compiling {self.name.replace('_', ' ')} for this machine (once; kept for the next time) ...")
        begun = time.perf_counter()
        with _compiling(), self._open() as compiled:
            answer = compiled(*args)
        if told:
            _say(f"compiled in {time.perf_counter() - begun:.0f} s")
        self.ready = True
        return answer

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """Let the dispatcher compile for new types while the block runs; else it would do so where `_compiling` is not,
        and put machine code together from parts that have none."""
        compiled = self.make()
        if INTERPRETED or self.arguments:
            yield compiled
            return
        compiled.disable_compile(False)
        try:
            yield compiled
        finally:
            compiled.disable_compile()


@contextmanager
def _compiling() -> Iterator[None]:
    """Let a kernel and its parts be compiled without work that is thrown away."""
    with _few_collections(), _kernel_alone():
        yield


class _Depth(EVENTS.Listener):  # type: ignore[misc]
    """How many functions are being compiled in this thread, each for the sake of the one before."""

    def __init__(self) -> None:
        self.now = 0
        self.thread = threading.get_ident()

    def on_start(self, event: Any) -> None:
        """Count one more."""
        self.now += self.is_own()

    def on_end(self, event: Any) -> None:
        """Count one less."""
        self.now -= self.is_own()

    def is_own(self) -> bool:
        """Tell whether it is this thread that compiles; what others compile of their own is none of our business."""
        return threading.get_ident() == self.thread

    def is_inner(self) -> bool:
        """Tell whether what is being compiled is for the sake of something else."""
        return self.is_own() and self.now > 1


@contextmanager
def _kernel_alone() -> Iterator[None]:
    """Optimise the kernel with all that it calls, once, and not each part with all that it calls by itself.

    Numba makes machine code of every part too, which only its callers ever use, as they take it in. Leaving that out
    takes a third off the time. Where another release of Numba has other insides, all is as it would be.
    """
    library, codegen, depth = CODEGEN.JITCodeLibrary, CODEGEN.JITCPUCodegen, _Depth()
    names = ("_optimize_final_module", "_finalize_final_module"), ("set_env",)
    if not all(hasattr(owner, n) for owner, own in zip((library, codegen), names, strict=True) for n in own):
        yield
        return
    optimise, finalise, set_env = library._optimize_final_module, library._finalize_final_module, codegen.set_env

    def optimise_kernel(self: Any) -> None:
        if depth.is_own() and not depth.is_inner():
            _keep_parts_in(self._final_module)
        if not depth.is_inner():
            optimise(self)

    def finalise_kernel(self: Any) -> None:
        if depth.is_inner():
            self._finalized = True
        else:
            finalise(self)

    def set_known(self: Any, name: str, env: Any) -> None:
        if not depth.is_own() or self._engine.get_global_value_address(name):
            set_env(self, name, env)

    library._optimize_final_module, library._finalize_final_module = optimise_kernel, finalise_kernel
    codegen.set_env = set_known
    EVENTS.register("numba:compile", depth)
    try:
        yield
    finally:
        EVENTS.unregister("numba:compile", depth)
        library._optimize_final_module, library._finalize_final_module = optimise, finalise
        codegen.set_env = set_env


def _keep_parts_in(module: Any) -> None:
    """Hide a kernel's parts from other kernels.

    Numba numbers functions by process, so kernels compiled by different runs may have parts of the same name; loaded
    into one process, the second would call those of the first.
    """
    for function in module.functions:
        runtimes = function.name.startswith("NRT_")  # Numba's own, the same everywhere
        if not (function.is_declaration or runtimes) and function.linkage.name == "linkonce_odr":
            function.linkage = "internal"


@contextmanager
def _few_collections() -> Iterator[None]:
    """Let Python look for garbage seldom: a compiler makes millions of objects that live, and is some 4% quicker so."""
    usual = gc.get_threshold()
    gc.set_threshold(*COMPILING_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _signature(arguments: str) -> Any:
    """Give the types that these words name."""
    found = []
    for word in arguments.split(", "):
        name = word.removeprefix("strided ").removesuffix("[]")
        kind = types.boolean if name == "bool" else getattr(types, name)
        if word.startswith("strided "):
            found.append(types.Array(kind, 1, "A", readonly=True))
        else:
            found.append(types.Array(kind, 1, "C") if word.endswith("[]") else kind)
    return types.void(*found)


def _say(text: str) -> None:
    if sys.stderr:
        with suppress(OSError, ValueError):
            print(f"shamtrial: {text}", file=sys.stderr, flush=True)


def _register_rules() -> None:
    """Let compiled code call every rule there is by now."""
    if INTERPRETED:
        return
    with _lock:
        for name in RULES.keys() - _registered:
            _registered.add(name)
            if RULES[name] in NATIVE:
                EXTENDING.overload(RULES[name], jit_options=BARE | INNER, strict=False)(NATIVE[RULES[name]])
            else:
                EXTENDING.register_jitable(**BARE, **INNER, forceinline=True)(RULES[name])


def _overload_wide_product(a: Any, b: Any) -> Callable[..., Any]:
    """Give what stands in for `wide_product` in compiled code: one instruction, where the rule goes by halves."""
    return lambda a, b: _native_wide_product(a, b)  # noqa: PLW0108 - what is given back must have these arguments


@EXTENDING.intrinsic  # type: ignore[untyped-decorator]
def _native_wide_product(typing: Any, a: Any, b: Any) -> Any:
    """Give both halves of the 128-bit product, by the processor's own instruction."""
    both = types.UniTuple(types.uint64, 2)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        from llvmlite import ir

        wide, word = ir.IntType(128), ir.IntType(64)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), word)
        return context.make_tuple(builder, signature.return_type, (high, builder.trunc(product, word)))

    return both(types.uint64, types.uint64), generate


def _overload_split(x: Any) -> Callable[..., Any]:
    """Give what stands in for `split` in compiled code: the bits themselves, where the rule asks the library."""
    return lambda x: _native_split(x)  # noqa: PLW0108 - what is given back must have these arguments


@EXTENDING.intrinsic  # type: ignore[untyped-decorator]
def _native_split(typing: Any, x: Any) -> Any:
    """Give m and e of `split`, without a call or a branch, so that a loop can do several at once."""
    both = types.UniTuple(types.float64, 2)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        from llvmlite import ir

        word, double = ir.IntType(64), ir.DoubleType()
        half_root = ir.Constant(word, 0x3FE6A09E667F3BCD)
        above = builder.sub(builder.bitcast(args[0], word), half_root)
        e = builder.ashr(above, ir.Constant(word, 52))
        rest = builder.and_(above, ir.Constant(word, 0x000FFFFFFFFFFFFF))
        m = builder.bitcast(builder.add(rest, half_root), double)
        shifted = builder.bitcast(builder.add(e, ir.Constant(word, 0x4338000000000000)), double)
        whole = builder.fsub(shifted, ir.Constant(double, 6755399441055744.0))  # 1.5 * 2^52: e as a double, exactly
        return context.make_tuple(builder, signature.return_type, (m, whole))

    return both(types.float64), generate


NATIVE: dict[Callable[..., Any], Callable[..., Any]] = {
    wide_product: _overload_wide_product,
    split: _overload_split,
}
"""Rules that compiled code has in another writing, of the same answers bit for bit (tested)."""
