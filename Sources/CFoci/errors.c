#include "foci_errors.h"

#include <string.h>

static _Thread_local char last[2048];

void foci_errors_keep(const char *text) {
    size_t length = strlen(text);
    if (length >= sizeof last) {
        /* No character is cut in two. */
        length = sizeof last - 1;
        while (length > 0 && (text[length] & 0xC0) == 0x80) length--;
    }
    for (size_t i = 0; i < length; i++) {
        /* One line, also where it quotes what the caller gave. */
        unsigned char byte = (unsigned char)text[i];
        last[i] = byte < 0x20 || byte == 0x7F ? ' ' : text[i];
    }
    last[length] = 0;
}

const char *foci_errors_last(void) { return last; }

bool foci_flag_is_set(const int32_t *flag) { return __atomic_load_n(flag, __ATOMIC_RELAXED) != 0; }
