// SHA-256 of input files.
#include <openssl/evp.h>
