#include <zlib.h>

// `inflateInit2` is a macro that Swift does not import. 15 bits of window; +16: a gzip header.
static inline int foci_inflate_init_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 16); }
