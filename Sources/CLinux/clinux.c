// The module is header-only; a C target needs one source file.
#include "clinux.h"
