// OpenBLAS gives CBLAS; Debian builds it without LAPACKE, which is a library of its own
// (hence `link "lapacke"` in the module map: pkg-config names only -lopenblas).
#include <cblas.h>
#include <lapacke.h>
#include <stdlib.h>
#include <string.h>

// Exported by builds that choose their kernels when they are loaded, absent from others.
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

// OpenBLAS takes a processor that is newer than itself for one of 2004 ("Prescott", 128-bit registers), at a quarter of
// its speed. Chooses again by what the processor can do, as OPENBLAS_CORETYPE would have; the user's word, if there is
// one, stands. To be called once, before any other call.
static inline void openblas_choose_kernels(void) {
#if defined(__x86_64__)
    if (!gotoblas_dynamic_init || !gotoblas_dynamic_quit || getenv("OPENBLAS_CORETYPE")) return;
    if (strcmp(openblas_get_corename(), "Prescott") != 0) return;
    __builtin_cpu_init();
    const char *kernels = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
                              ? "SkylakeX"
                          : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "Haswell"
                                                                                            : NULL;
    if (!kernels) return;
    setenv("OPENBLAS_CORETYPE", kernels, 1);
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    unsetenv("OPENBLAS_CORETYPE");
#endif
}
