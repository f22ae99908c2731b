// cmemory: see the header. Growing moves page tables and copies nothing, where the system can do that.

#define _GNU_SOURCE
#include "cmemory.h"

#include <string.h>
#include <sys/mman.h>

void *cm_take(size_t bytes) {
  void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return NULL;
#ifdef MADV_HUGEPAGE
  madvise(block, bytes, MADV_HUGEPAGE);
#endif
  return block;
}

void *cm_grow(void *block, size_t from, size_t to) {
#ifdef MREMAP_MAYMOVE
  void *larger = mremap(block, from, to, MREMAP_MAYMOVE);
  return larger == MAP_FAILED ? NULL : larger;
#else
  void *larger = cm_take(to);
  if (larger == NULL) return NULL;
  memcpy(larger, block, from);
  cm_give(block, from);
  return larger;
#endif
}

void cm_give(void *block, size_t bytes) { munmap(block, bytes); }
