// cwire: CRC32C by the processor's own instruction, which Swift cannot name, and a table of constants, which Swift
// would make at the first use and ask for at each.
// Not here: the value's conventions and what is done without the instruction (Wire/CRC32C.swift).
#ifndef CWIRE_H
#define CWIRE_H

#include <stddef.h>
#include <stdint.h>

/// The keys of row hashes (Wire/RowHash.swift): of the first 33 pairs of words, two for each pair.
extern const uint64_t cw_row_key_table[66];

static inline const void *cw_row_keys(void) { return cw_row_key_table; }

/// Whether this processor has the instruction.
int cw_has_crc32c(void);

/// Continues the register `crc` (not inverted, neither before nor after) over `count` bytes.
/// Only if `cw_has_crc32c()`.
uint32_t cw_crc32c(uint32_t crc, const void *bytes, size_t count);

#endif
