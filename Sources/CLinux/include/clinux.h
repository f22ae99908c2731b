// clinux: the few Linux calls that Swift's Glibc module does not show.
// Not here: any policy.
#ifndef CLINUX_H
#define CLINUX_H

#include <stdint.h>

/// Opens a non-blocking, close-on-exec eventfd with the counter 0. Returns -1 and sets errno on failure.
int cl_eventfd(void);

/// Names the calling thread (at most 15 bytes), for top and core files.
void cl_name_thread(const char *name);

/// Opens a file for writing past the cache (O_DIRECT). Returns -1 and sets errno where that is not possible.
int cl_open_direct(const char *path);

/// Begins to write these bytes of a file to its device, and does not wait for them. Returns -1 and sets errno on failure.
int cl_begin_write_out(int descriptor, int64_t offset, int64_t count);

#endif
