// cmatch: only its header is of use; a target needs a source file.
#include "cmatch.h"
