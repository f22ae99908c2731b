// cwire: CRC32C by the processor's own instruction, which Swift cannot name.
// Not here: the value's conventions and what is done without the instruction (Wire/CRC32C.swift).
#ifndef CWIRE_H
#define CWIRE_H

#include <stddef.h>
#include <stdint.h>

/// Whether this processor has the instruction.
int cw_has_crc32c(void);

/// Continues the register `crc` (not inverted, neither before nor after) over `count` bytes.
/// Only if `cw_has_crc32c()`.
uint32_t cw_crc32c(uint32_t crc, const void *bytes, size_t count);

#endif
