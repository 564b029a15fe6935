/* Where the text of the last error of a thread is kept: part of the library, not of its interface. Swift has no memory of
 * its own for each thread. */
#ifndef FOCI_ERRORS_H
#define FOCI_ERRORS_H

#include <stdbool.h>
#include <stdint.h>

void foci_errors_keep(const char *text);
const char *foci_errors_last(void);
/* Whether another thread has set a flag. */
bool foci_flag_is_set(const int32_t *flag);

#endif
