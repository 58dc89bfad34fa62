"""Arithmetic: C loops over numbers (``src/``) and their Cython doors (``.pyx``, ``.pyi``).

The boundary rule
-----------------
1.  A door (a ``def`` in a ``.pyx``) is called by ``layerwise.numerics`` only.
2.  Arguments come in this order: inputs (``const``, C-contiguous, ``# in``), scalars, key and
    address, ``int n_threads``, then outputs (``# out``) and updated arrays (``# in-out``). One
    float type per call.
3.  A door has three parts: ``assert`` shapes; ``with nogil:`` one conductor; ``return status``.
    Asserts are for our own mistakes; a user must not be able to raise one.
4.  Below ``with nogil``: no Python object, no allocation, no exception, no print, no clock, no
    global (but the pointers of ``src/isa/point.c``, written at import), no static variable.
    Scratch memory is an argument like any other, or a tile of fixed size on the stack.
5.  One owner per output element. Threads divide the outputs into tiles of fixed size (never a
    function of ``n_threads``); nobody adds across threads. Sums over rows are returned per block
    and folded in order by ``numerics``.
6.  No memoryview slice inside a parallel loop: pointers and lengths.
7.  The ``omp`` pragma stands in one function, the vector loop in another, with ``restrict`` on
    its pointers: in the outlined parallel body the compiler knows less about them.
8.  A pass at most per call, so that Ctrl-C answers; in training nothing shorter, so that small
    nets fly.
9.  Status is 0 or a code of ``src/base/kernel.h``. ``numerics.status.check`` turns codes into
    exceptions.
10. Before a kernel is written, its numpy twin stands in ``tests/reference/`` and its tests pass
    on the twin.

One source, several instruction sets: the whole of ``src/`` is compiled once for each of them and
for each float type (``src/kernels.c``), and the doors point to the best that the machine runs. So
there is no attribute on a loop and no intrinsic where plain C does, and what surrounds a loop is
compiled as it is. ``src/MAP.md`` says what stands where.

The order of movements inside one pass is conducted in C, not in Cython: our matrix products are
our own (``src/linear/product.h`` says why), so nothing needs to arrive by ``cimport`` from BLAS,
and a pass in C is written once for both float types.
"""
