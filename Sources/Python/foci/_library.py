"""The compiled library: its functions (Sources/CFoci/include/foci.h) by ctypes, and what Python adds to them.

Handles free themselves, statuses become exceptions, warnings become Python's, and a long call ends with Ctrl-C.
"""

from __future__ import annotations

import ctypes
import inspect
import json
import math
import numbers
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._errors import Cancelled, FociWarning, InvalidInput, NumericalError

#: Called with the stage of a computation and what is known of it. An exception that it raises ends the computation.
Progress: TypeAlias = Callable[[str, str], object]

# ---- The header ------------------------------------------------------------------------------------------------------

_OK, _INVALID, _CANCELLED, _MISSING, _FAILED = range(5)
_DTYPES = (np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.int64))  # in the order of FOCI_DOUBLE, …


class _Array(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("type", ctypes.c_int32),
        ("dimensions", ctypes.c_int32),
        ("shape", ctypes.c_int64 * 3),
        ("strides", ctypes.c_int64 * 3),
        ("is_lent", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
    ]


_ProgressFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
_WarningFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)


class _Monitor(ctypes.Structure):
    _fields_ = [
        ("cancel", ctypes.POINTER(ctypes.c_int32)),
        ("progress", _ProgressFunction),
        ("warning", _WarningFunction),
        ("context", ctypes.c_void_p),
    ]


def _signatures() -> Iterable[tuple[str, Any, list[Any]]]:
    handle, text, status = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32
    out, array, monitor = ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(_Array), ctypes.POINTER(_Monitor)
    yield "foci_version", text, []
    yield "foci_error", text, []
    yield "foci_names", text, [text]
    yield "foci_values_create", status, [out]
    yield "foci_values_set_text", status, [handle, text, text]
    yield "foci_values_set_number", status, [handle, text, ctypes.c_double]
    yield "foci_values_set_texts", status, [handle, text, ctypes.POINTER(text), ctypes.c_int64]
    yield "foci_values_set_array", status, [handle, text, array]
    yield "foci_problem_create", status, [array, array, array, out]
    for function in ("solve", "path", "select", "refine", "mixed", "mixed_table", "dynamics", "dynamics_table"):
        yield f"foci_{function}", status, [handle, handle, monitor, out]
    for kind in ("forward", "recording", "covariance"):
        yield f"foci_{kind}_create", status, [handle, out]
    yield "foci_localize", status, [handle, handle, handle, handle, monitor, out]
    yield "foci_dynamics_sources", status, [handle, handle, handle, handle, handle, monitor, out]
    yield "foci_page", status, [out, ctypes.c_int64, handle, out]
    yield "foci_result_text", status, [handle, text, ctypes.POINTER(text)]
    yield "foci_result_number", status, [handle, text, ctypes.POINTER(ctypes.c_double)]
    yield "foci_result_array", status, [handle, text, array]
    for kind in ("values", "problem", "forward", "recording", "covariance", "result"):
        yield f"foci_{kind}_free", None, [handle]


def _load() -> ctypes.CDLL:
    """The library that the environment variable FOCI_LIBRARY names, else the one beside this file."""
    named = os.environ.get("FOCI_LIBRARY")
    path = Path(named) if named else Path(__file__).with_name("libfoci.so")
    try:
        library = ctypes.CDLL(os.fspath(path))
        for name, result, arguments in _signatures():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        advice = "set FOCI_LIBRARY to another libfoci.so" if named else "install foci's wheel, or set FOCI_LIBRARY"
        raise ImportError(f"foci's compiled library cannot be used ({error}): {advice}") from error
    return library


_library = _load()

# ---- Errors ----------------------------------------------------------------------------------------------------------


def _decoded(text: bytes | None) -> str:
    return "" if text is None else text.decode("utf-8", "replace")


def _error(status: int) -> Exception:
    """What the last call of this thread failed with."""
    text = _decoded(_library.foci_error())
    if status == _MISSING:
        return KeyError(text)
    kinds = {_INVALID: InvalidInput, _CANCELLED: Cancelled, _FAILED: NumericalError}
    return kinds.get(status, NumericalError)(text)


def _check(status: int) -> None:
    if status != _OK:
        raise _error(status)


def _warn(texts: Iterable[str]) -> None:
    """Warns in the name of the line that called this package."""
    package = os.path.dirname(__file__) + os.sep
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame, level = frame.f_back, level + 1
    for text in texts:
        warnings.warn(text, FociWarning, stacklevel=level)


# ---- Handles ---------------------------------------------------------------------------------------------------------


class _Handle:
    """Something that the library holds until nothing here refers to it any more."""

    _kind: str

    def __init__(self, pointer: int | None, uses: object = None) -> None:
        # `uses` are the arrays that were lent: they go after the handle.
        self._pointer = pointer
        free = weakref.finalize(self, _release, getattr(_library, f"foci_{self._kind}_free"), pointer, uses)
        free.atexit = False  # an abandoned call may still be using it, and the process is ending anyway

    @classmethod
    def _created(cls, *arguments: Any) -> int | None:
        pointer = ctypes.c_void_p()
        _check(getattr(_library, f"foci_{cls._kind}_create")(*arguments, ctypes.byref(pointer)))
        return pointer.value


def _release(free: Callable[[int | None], None], pointer: int | None, uses: object) -> None:
    free(pointer)


def numeric(
    value: object, name: str, *, integers: bool | None = False, dimensions: Sequence[int] = (1, 2, 3)
) -> NDArray[Any]:
    """An array of numbers as the library takes it: the given one wherever it can be, a converted copy otherwise.

    Parameters
    ----------
    value : array-like
        Real numbers.
    name : str
        What to call it in errors.
    integers : bool or None
        False: doubles and floats stay what they are, others become doubles. True: 64-bit integers; what is not whole
        is an error. None: integers become 64-bit integers, the rest as with False.
    dimensions : sequence of int
        How many dimensions it may have.

    Returns
    -------
    array : ndarray
        Of float64, float32 or int64, aligned, in native order, with strides of whole elements.

    Raises
    ------
    InvalidInput
        For what is not an array of real numbers, or of another number of dimensions.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise InvalidInput(f"{name}: found masked elements, expected an array without; fill or remove them")
    try:
        array = np.asarray(value)
    except Exception as error:
        raise InvalidInput(f"{name}: found {type(value).__name__}, expected an array of numbers ({error})") from error
    if array.dtype.kind not in "biuf":
        found = "complex numbers" if array.dtype.kind == "c" else f"{type(value).__name__} of dtype {array.dtype}"
        raise InvalidInput(f"{name}: found {found}, expected an array of real numbers")
    if array.ndim not in dimensions:
        raise InvalidInput(
            f"{name}: found {array.ndim} dimensions (shape {array.shape}), "
            f"expected {' or '.join(str(count) for count in dimensions)}"
        )
    if integers or (integers is None and array.dtype.kind in "biu"):
        dtype: np.dtype[Any] = np.dtype(np.int64)
        if array.dtype.kind in "uf" and not _are_whole(array):
            raise InvalidInput(f"{name}: found numbers that are not whole or too large, expected 64-bit integers")
    else:
        dtype = np.dtype(np.float32 if array.dtype == np.float32 else np.float64)
    # Strides are counted in elements, and need not be whole ones in a field of a structured array.
    if array.dtype != dtype or not array.flags.aligned or any(stride % dtype.itemsize for stride in array.strides):
        array = np.array(array, dtype, order="F")
    return array


def _are_whole(array: NDArray[Any]) -> bool:
    # 2^63 and more do not fit; NaN is less than nothing.
    return bool(np.all((np.abs(array) < 2.0**63) & (array == np.floor(array))))


def _described(array: NDArray[Any]) -> _Array:
    """The array as the header describes it, lent."""
    described = _Array(
        data=array.ctypes.data, type=_DTYPES.index(array.dtype), dimensions=array.ndim, shape=(1, 1, 1), is_lent=1
    )
    for axis in range(array.ndim):
        described.shape[axis] = array.shape[axis]
        described.strides[axis] = array.strides[axis] // array.itemsize
    return described


class Values(_Handle):
    """Texts, numbers and arrays by name.

    Parameters
    ----------
    **values
        By name, with underscores for the library's hyphens, and one behind what Python reserves (``lambda_``); see
        `Values.set`.
    """

    _kind = "values"

    def __init__(self, **values: Any) -> None:
        self._lent: dict[str, NDArray[Any]] = {}
        super().__init__(self._created(), self._lent)
        for name, value in values.items():
            self.set(name.removesuffix("_").replace("_", "-"), value)

    def set(self, name: str, value: Any) -> None:
        """Sets a value by the library's name for it.

        Parameters
        ----------
        name : str
            As in the header, such as ``"lambda-ratio"``.
        value : None, str, bool, number, sequence of str, or array-like
            None is left out; a bool is the text ``"true"`` or ``"false"``. Arrays are lent, not copied: they must not
            change as long as something made of them is used. Arrays of integers stay integers.

        Raises
        ------
        InvalidInput
            For another type of value.
        """
        key = _encoded(name, "name")
        if value is None:
            return
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value[()]
        if isinstance(value, (bool, np.bool_)):
            value = "true" if value else "false"
        if isinstance(value, str):
            _check(_library.foci_values_set_text(self._pointer, key, _encoded(value, name)))
        elif isinstance(value, numbers.Real):
            try:
                number = float(value)
            except OverflowError:
                raise InvalidInput(f"{name}: found a number too large, expected one in double precision") from None
            _check(_library.foci_values_set_number(self._pointer, key, number))
        elif isinstance(value, (list, tuple)) and value and all(isinstance(text, str) for text in value):
            texts = (ctypes.c_char_p * len(value))(*[_encoded(text, name) for text in value])
            _check(_library.foci_values_set_texts(self._pointer, key, texts, len(value)))
        else:
            array = numeric(value, name, integers=None)
            _check(_library.foci_values_set_array(self._pointer, key, _described(array)))
            self._lent[name] = array


def _encoded(text: str, name: str) -> bytes:
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{name}: found a text that is not Unicode ({error.reason})") from None
    if b"\0" in encoded:
        raise InvalidInput(f"{name}: found a text with a null character, expected one without")
    return encoded


class Problem(_Handle):
    """A regression: ½‖Y − XB‖² and how the columns of X form blocks.

    Parameters
    ----------
    design : array-like, shape (n, q)
        X; of doubles or floats in Fortran order it is not copied.
    response : array-like, shape (n, T) or (n,)
        Y.
    block_sizes : array-like of int, shape (n_blocks,) or None
        Columns of each block; None makes each column a block.
    """

    _kind = "problem"

    def __init__(self, design: object, response: object, block_sizes: object = None) -> None:
        matrix = numeric(design, "X", dimensions=(2,))
        target = numeric(response, "Y", dimensions=(1, 2)).astype(np.float64, copy=False)
        sizes = None if block_sizes is None else numeric(block_sizes, "groups", integers=True, dimensions=(1,))
        arguments = [None if array is None else _described(array) for array in (matrix, target, sizes)]
        super().__init__(self._created(*arguments), (matrix, target, sizes))


class _Described(_Handle):
    """What is made of values."""

    def __init__(self, **values: Any) -> None:
        fields = Values(**values)
        super().__init__(self._created(fields._pointer), fields._lent)


class Forward(_Described):
    """What each sensor measures of a unit dipole at each source; the fields are those of ``foci_forward_create``."""

    _kind = "forward"


class Recording(_Described):
    """What the sensors measured; the fields are those of ``foci_recording_create``."""

    _kind = "recording"


class Covariance(_Described):
    """The noise of one epoch; the fields are those of ``foci_covariance_create``."""

    _kind = "covariance"


class _Memory:
    """Numbers of a result, for numpy to look at: what it makes of this refers to this, and so to the result."""

    def __init__(self, result: Result, address: int, count: int, dtype: np.dtype[Any]) -> None:
        self._result = result
        is_readonly = True
        self.__array_interface__ = {
            "version": 3,
            "data": (address, is_readonly),
            "shape": (count,),
            "typestr": dtype.str,
        }


class Result(_Handle):
    """What a call found, by name."""

    _kind = "result"

    def text(self, name: str) -> str:
        """The text of that name; KeyError where there is none."""
        text = ctypes.c_char_p()
        _check(_library.foci_result_text(self._pointer, _encoded(name, "name"), ctypes.byref(text)))
        return _decoded(text.value)

    def number(self, name: str) -> float:
        """The number of that name; KeyError where there is none."""
        number = ctypes.c_double()
        _check(_library.foci_result_number(self._pointer, _encoded(name, "name"), ctypes.byref(number)))
        return number.value

    def array(self, name: str, *, copy: bool = True) -> NDArray[Any]:
        """The array of that name; KeyError where there is none.

        Parameters
        ----------
        name : str
            As in the header.
        copy : bool
            False gives a read-only view that keeps the whole result in memory.

        Returns
        -------
        array : ndarray
            Fortran order.
        """
        found = _Array()
        _check(_library.foci_result_array(self._pointer, _encoded(name, "name"), ctypes.byref(found)))
        shape, dtype = tuple(found.shape[: found.dimensions]), _DTYPES[found.type]
        if 0 in shape:
            return np.zeros(shape, dtype, order="F")
        array = np.asarray(_Memory(self, found.data, math.prod(shape), dtype)).reshape(shape, order="F")
        return array.copy(order="F") if copy else array

    @cached_property
    def json(self) -> dict[str, Any]:
        """The text "json", parsed."""
        parsed: dict[str, Any] = json.loads(self.text("json"))
        return parsed


# ---- Calls -----------------------------------------------------------------------------------------------------------


def version() -> str:
    """The version of the library."""
    return _decoded(_library.foci_version())


def names(function: str) -> list[dict[str, Any]]:
    """What a function takes by name: "name", "help" and "default" where there is one, of each."""
    text = _library.foci_names(_encoded(function, "function"))
    if text is None:
        raise KeyError(function)
    listed: list[dict[str, Any]] = json.loads(text)
    return listed


def run(
    function: str,
    *handles: _Handle | None,
    options: Values | None = None,
    progress: Progress | None = None,
    is_quiet: bool = False,
) -> Result:
    """Runs a long function of the library.

    The main thread has it run by another one and waits, so that Ctrl-C is raised at once: the computation is told to
    stop, and frees what it held whenever it does. The other threads run it themselves. Python runs on meanwhile.

    Parameters
    ----------
    function : str
        "solve", "path", "select", "refine", "mixed", "mixed_table", "localize", "dynamics", "dynamics_table" or
        "dynamics_sources".
    *handles : Problem, Values, or Result, Forward, Recording, and Covariance or None
        What it takes.
    options : Values or None
        Its options.
    progress : callable or None
        Called with two texts now and then, in the thread that computes.
    is_quiet : bool
        Leave warnings out.

    Returns
    -------
    result : Result

    Raises
    ------
    InvalidInput, NumericalError, Cancelled, KeyboardInterrupt
        And what `progress` raised.

    Warns
    -----
    FociWarning
        For each warning of the library, in the name of the line that called this package.
    """
    cancel = ctypes.c_int32(0)
    warned: list[str] = []
    raised: list[BaseException] = []
    ended: list[Result | Exception] = []
    done = threading.Event()

    def tell(_context: object, stage: bytes | None, detail: bytes | None) -> None:
        if progress is None or cancel.value:
            return
        try:
            progress(_decoded(stage), _decoded(detail))
        except BaseException as error:  # no exception may pass through the library
            raised.append(error)
            cancel.value = 1

    # No closure refers to itself: what the call holds must go when it ends, not when the garbage is next collected.
    monitor = _Monitor(
        ctypes.pointer(cancel),
        _ProgressFunction() if progress is None else _ProgressFunction(tell),
        _WarningFunction(lambda _context, text: warned.append(_decoded(text))),
    )
    called = getattr(_library, f"foci_{function}")
    arguments = [None if handle is None else handle._pointer for handle in (*handles, options)]

    def call(_uses: object) -> None:
        try:
            pointer = ctypes.c_void_p()
            status = called(*arguments, ctypes.byref(monitor), ctypes.byref(pointer))
            ended.append(Result(pointer.value) if status == _OK else _error(status))
        except Exception as error:
            ended.append(error)
        finally:
            done.set()

    if threading.current_thread() is threading.main_thread():
        try:
            # Not a daemon: the interpreter must outlive the callbacks.
            threading.Thread(target=call, args=((handles, options),), name=f"foci {function}").start()
            while not done.wait(0.1):
                pass
        except BaseException:
            cancel.value = 1
            done.wait(0.1)
            raise
    else:
        call((handles, options))

    if not is_quiet:
        _warn(warned)
    # Popped: an error refers to this frame, and must not be referred to by it.
    if raised:
        raise raised.pop()
    if isinstance(ended[0], Exception):
        raise ended.pop()  # type: ignore[misc]
    return ended[0]


def page(results: Sequence[Result], options: Values | None = None) -> Result:
    """What a page of results shows; its text "json" is for the template of the program.

    Parameters
    ----------
    results : sequence of Result
        Of "localize".
    options : Values or None
        ``heading`` (text) and ``names`` (texts, one a result).
    """
    pointers = (ctypes.c_void_p * len(results))(*[result._pointer for result in results])
    pointer = ctypes.c_void_p()
    _check(_library.foci_page(pointers, len(results), options and options._pointer, ctypes.byref(pointer)))
    return Result(pointer.value)
