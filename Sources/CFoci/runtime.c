/* What OpenBLAS and LAPACKE need when they are linked into the library, so that they need nothing else. Hidden: neither
 * the library's users nor shared libraries see these. */
#include <math.h>
#include <stddef.h>
#include <string.h>

/* All that LAPACK uses of gfortran's runtime. A Fortran text has a length, no end, and is filled with blanks. */
__attribute__((visibility("hidden"))) void _gfortran_concat_string(
    size_t length, char *text, size_t first_length, const char *first, size_t second_length, const char *second) {
    size_t copied = first_length < length ? first_length : length;
    memcpy(text, first, copied);
    size_t rest = length - copied;
    if (second_length > rest) second_length = rest;
    memcpy(text + copied, second, second_length);
    memset(text + copied + second_length, ' ', rest - second_length);
}

/* glibc's own has a new version in 2.35; with this the library runs on 2.34, too. Squares of floats are exact and do
 * not overflow in double precision. */
__attribute__((visibility("hidden"))) float hypotf(float a, float b) {
    if (isinf(a) || isinf(b)) return INFINITY;
    return (float)sqrt((double)a * a + (double)b * b);
}
