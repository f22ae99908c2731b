#define _GNU_SOURCE
#include <fcntl.h>
#include "clinux.h"

#include <pthread.h>
#include <sys/eventfd.h>

int cl_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

void cl_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int cl_open_direct(const char *path) { return open(path, O_WRONLY | O_CLOEXEC | O_DIRECT); }

int cl_begin_write_out(int descriptor, int64_t offset, int64_t count) {
    return sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}
