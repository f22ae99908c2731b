// Inbox: a bounded queue between threads, with one wake-up per batch.
//
// Invariants: a full inbox refuses, it never blocks the sender; the receiver takes everything at once, in order.
// Not here: what travels.

import Glibc

/// A queue with many senders and one receiver. Nothing spins: the receiver sleeps on a condition variable.
final class Inbox<Item: Sendable>: @unchecked Sendable {  // every member is guarded by `mutex`
  private var mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var items: [Item] = []
  private var waiting = false
  private let capacity: Int

  /// `capacity`: how many items `offer` lets in; `post` is not bounded by it.
  init(capacity: Int) {
    self.capacity = capacity
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Adds an item unless the queue is full. For work that a client or a peer can repeat.
  func offer(_ item: Item) -> Bool {
    pthread_mutex_lock(mutex)
    let taken = items.count < capacity
    if taken { items.append(item) }
    finishAdding()
    return taken
  }

  /// Adds an item always. Only for items whose number is bounded elsewhere (replies of our own threads, closings).
  func post(_ item: Item) {
    pthread_mutex_lock(mutex)
    items.append(item)
    finishAdding()
  }

  /// Adds items always, with one wake-up.
  func post(contentsOf more: [Item]) {
    guard !more.isEmpty else { return }
    pthread_mutex_lock(mutex)
    items.append(contentsOf: more)
    finishAdding()
  }

  /// How many items wait.
  var count: Int {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return items.count
  }

  /// Waits until there is an item or the monotonic clock passes `deadline` (microseconds; `nil`: for ever), and swaps
  /// all items into `batch`, which must be empty.
  func take(into batch: inout [Item], until deadline: Int64?) {
    precondition(batch.isEmpty, "the last batch was not finished")
    pthread_mutex_lock(mutex)
    while items.isEmpty {
      waiting = true
      if let deadline {
        var time = timespec(
          tv_sec: Int(deadline / 1_000_000), tv_nsec: Int(deadline % 1_000_000) * 1000)
        if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { break }
      } else {
        pthread_cond_wait(condition, mutex)
      }
    }
    waiting = false
    swap(&items, &batch)
    pthread_mutex_unlock(mutex)
  }

  private func finishAdding() {
    let wake = waiting
    waiting = false
    pthread_mutex_unlock(mutex)
    if wake { pthread_cond_signal(condition) }
  }
}
