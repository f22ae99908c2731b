#include "clinux.h"

#include <sys/eventfd.h>

int cl_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
