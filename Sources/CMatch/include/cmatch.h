// cmatch: the records of the public referee's C interface (flash1-dev/matching-engine-benchmark).
// Not here: our nine functions (Sources/Match).
#ifndef CMATCH_H
#define CMATCH_H

#include <stdint.h>

typedef struct {
  uint64_t order_id;
  uint64_t sequence_number;
  int64_t price_ticks;
  uint32_t quantity;
  uint8_t side;  // 0: buy, 1: sell
  uint8_t ioc;
  uint8_t reserved[2];
} cm_new_order;

typedef struct {
  uint64_t order_id;
  uint64_t sequence_number;
} cm_cancel;

typedef struct {
  uint64_t order_id;
  uint64_t sequence_number;
  int64_t new_price_ticks;
  uint32_t new_quantity;
  uint8_t side;
  uint8_t reserved[3];
} cm_modify;

typedef struct {
  uint8_t type;
  uint8_t side;
  uint8_t reserved[6];
  uint64_t sequence_number;
  uint64_t order_id;
  int64_t price_ticks;
  uint32_t quantity;
  uint32_t reserved2;
  uint64_t maker_order_id;
  uint64_t taker_order_id;
  uint64_t reserved3;
} cm_report;

typedef struct {
  void *(*create)(uint32_t capacity);
  int (*push)(void *handle, const cm_report *report);
  uint32_t (*drain)(void *handle, cm_report *out, uint32_t max);
  void (*flush)(void *handle);
  void (*destroy)(void *handle);
} cm_transport;

// What `exbench match` needs of a library with that interface, and the loop that it times: in C, so that the loop costs
// each library little, and the same.

typedef enum { CM_NEW = 0, CM_CANCEL = 1, CM_MODIFY = 2 } cm_kind;

typedef struct {
  cm_kind kind;
  union {
    cm_new_order order;
    cm_cancel cancel;
    cm_modify change;
  };
} cm_message;

typedef struct {
  void (*init)(uint64_t seed, const cm_transport *transport, void *handle);
  void (*on_new_order)(const cm_new_order *order);
  void (*on_cancel)(const cm_cancel *cancel);
  void (*on_modify)(const cm_modify *change);
  void (*shutdown)(void);
} cm_library;

typedef struct {
  double cpu_seconds;  // of this thread, for the messages alone
  uint64_t reports;
  uint64_t trades;
} cm_figures;

// Hands all messages to a new engine of the library. Not reentrant: reports go into one ring.
cm_figures cm_replay(const cm_library *library, const cm_message *messages, uint64_t count);

#endif
