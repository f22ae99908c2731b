#include "cwire.h"

#include <string.h>

#define PAIR(i)                                                          \
    UINT64_C(0xA0761D6478BD642F) + (i) * UINT64_C(0x9E3779B97F4A7C15),   \
        UINT64_C(0xE7037ED1A0B428DB) + (i) * UINT64_C(0xD1B54A32D192ED03)
#define FOUR_PAIRS(i) PAIR(i), PAIR((i) + 1), PAIR((i) + 2), PAIR((i) + 3)

const uint64_t cw_row_key_table[66] = {
    FOUR_PAIRS(0),  FOUR_PAIRS(4),  FOUR_PAIRS(8),  FOUR_PAIRS(12), FOUR_PAIRS(16),
    FOUR_PAIRS(20), FOUR_PAIRS(24), FOUR_PAIRS(28), PAIR(32),
};

#if defined(__x86_64__)

#include <nmmintrin.h>

int cw_has_crc32c(void) { return __builtin_cpu_supports("sse4.2") != 0; }

__attribute__((target("sse4.2"))) uint32_t cw_crc32c(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *at = bytes;
    uint64_t wide = crc;
    for (; count >= 8; at += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; count > 0; at++, count--) crc = _mm_crc32_u8(crc, *at);
    return crc;
}

#elif defined(__aarch64__)

#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

int cw_has_crc32c(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }

__attribute__((target("crc"))) uint32_t cw_crc32c(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *at = bytes;
    for (; count >= 8; at += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        crc = __crc32cd(crc, word);
    }
    for (; count > 0; at++, count--) crc = __crc32cb(crc, *at);
    return crc;
}

#else

int cw_has_crc32c(void) { return 0; }

uint32_t cw_crc32c(uint32_t crc, const void *bytes, size_t count) {
    (void)bytes;
    (void)count;
    return crc;
}

#endif
