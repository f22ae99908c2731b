// heapcounter: counts allocations, and Swift retains and releases, of the process that it is preloaded into.
// The counts are read through castle_heap_counts (Bench/Engine/HeapCounter.swift).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

static __thread uint64_t allocations, references;
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { allocations++; return __libc_malloc(size); }
void *calloc(size_t count, size_t size) { allocations++; return __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { allocations++; return __libc_realloc(old, size); }
void *aligned_alloc(size_t alignment, size_t size) { allocations++; return __libc_memalign(alignment, size); }
int posix_memalign(void **out, size_t alignment, size_t size) {
  allocations++;
  *out = __libc_memalign(alignment, size);
  return *out ? 0 : 12;
}

void *swift_retain(void *object) {
  static void *(*next)(void *);
  if (!next) next = (void *(*)(void *))dlsym(RTLD_NEXT, "swift_retain");
  references++;
  return next(object);
}
void swift_release(void *object) {
  static void (*next)(void *);
  if (!next) next = (void (*)(void *))dlsym(RTLD_NEXT, "swift_release");
  references++;
  next(object);
}
void *swift_bridgeObjectRetain(void *object) {
  static void *(*next)(void *);
  if (!next) next = (void *(*)(void *))dlsym(RTLD_NEXT, "swift_bridgeObjectRetain");
  references++;
  return next(object);
}
void swift_bridgeObjectRelease(void *object) {
  static void (*next)(void *);
  if (!next) next = (void (*)(void *))dlsym(RTLD_NEXT, "swift_bridgeObjectRelease");
  references++;
  next(object);
}

void castle_heap_counts(uint64_t *out) {
  out[0] = allocations;
  out[1] = references;
}
