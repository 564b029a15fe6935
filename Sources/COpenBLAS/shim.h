// OpenBLAS gives CBLAS; Debian builds it without LAPACKE, which is a library of its own
// (hence `link "lapacke"` in the module map: pkg-config names only -lopenblas).
#include <cblas.h>
#include <lapacke.h>
