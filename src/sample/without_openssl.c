/* Tables of converters that a build without OpenSSL has not. */
#include "private.h"

const struct converter_row converter_crypto_rows[] = { { 0 } };
const struct converter_row converter_jwt_rows[] = { { 0 } };
