// cmatch: the loop that `exbench match` times.
#define _POSIX_C_SOURCE 199309L
#include "cmatch.h"

#include <time.h>

enum { RING = 4096, TRADE = 1 };

// Nobody reads it: each library pays for writing its reports, and for no more.
static cm_report ring[RING];
static cm_figures figures;

static int push(void *handle, const cm_report *report) {
  (void)handle;
  ring[figures.reports++ & (RING - 1)] = *report;
  figures.trades += report->type == TRADE;
  return 1;
}

static double thread_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

cm_figures cm_replay(const cm_library *library, const cm_message *messages, uint64_t count) {
  const cm_transport transport = {.push = push};
  figures = (cm_figures){0};
  library->init(1, &transport, 0);
  const double start = thread_seconds();
  for (uint64_t i = 0; i < count; i++) {
    switch (messages[i].kind) {
      case CM_NEW: library->on_new_order(&messages[i].order); break;
      case CM_CANCEL: library->on_cancel(&messages[i].cancel); break;
      case CM_MODIFY: library->on_modify(&messages[i].change); break;
    }
  }
  figures.cpu_seconds = thread_seconds() - start;
  library->shutdown();
  return figures;
}
