// cmemory: large blocks of memory that grow where they are, in pages of two megabytes where the system has them.
// Not here: when a table is large, and what lies in it (Wire).
#ifndef CMEMORY_H
#define CMEMORY_H

#include <stddef.h>

/// A block of so many bytes, all zero, a multiple of two megabytes; NULL if there is no memory left.
void *cm_take(size_t bytes);

/// The same block with more bytes, zeros behind the old ones; perhaps elsewhere. NULL if there is no memory left.
void *cm_grow(void *block, size_t from, size_t to);

/// Gives a block back.
void cm_give(void *block, size_t bytes);

/// Begins to bring what lies at `place` closer. It may be anywhere: nothing is read.
static inline void cm_fetch(const void *place) { __builtin_prefetch(place); }

#endif
