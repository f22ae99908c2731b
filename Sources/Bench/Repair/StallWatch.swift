// StallWatch: how long the machine itself stood still, beside what is measured on it.
//
// A thread that sleeps a millisecond at a time, at the highest priority that it may have, and looks how late it wakes.
// It takes no memory, no disk and hardly any processor time, so what makes it late is not of Castle's making alone: a
// virtual machine whose host takes its processors away, or has it wait for memory, is late here, too.
// Not here: what is measured meanwhile (RepairSession).

import Glibc
import NIOPosix
import Synchronization

/// Watches from `init` to `end`.
final class StallWatch: Sendable {
  /// Lateness that counts, and what the thread saw. Microseconds.
  struct Seen: Sendable {
    static let limit = 10_000
    var count = 0
    var longest = 0
    /// Without priority over others it is late also because others run.
    var hasPriority = false
  }

  private final class State: Sendable {
    let value = Mutex((seen: Seen(), isOver: false))
  }

  private let pool = NIOThreadPool(numberOfThreads: 1)
  private let state = State()

  init() {
    pool.start()
    let state = state
    pool.submit { _ in
      let hasPriority = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, -20) == 0
      state.value.withLock { $0.seen.hasPriority = hasPriority }
      var last = monotonicSeconds()
      while true {
        usleep(1000)
        let now = monotonicSeconds()
        let late = Int((now - last) * 1e6) - 1000
        last = now
        let isOver = state.value.withLock { state in
          if late > Seen.limit { state.seen.count += 1 }
          state.seen.longest = max(state.seen.longest, late)
          return state.isOver
        }
        if isOver { return }
      }
    }
  }

  /// Ends it; what it saw, as members of a JSON object.
  func end() -> String {
    let seen = state.value.withLock { state in
      state.isOver = true
      return state.seen
    }
    pool.shutdownGracefully { _ in }
    return """
      "machine":{"stallsAbove10ms":\(seen.count),"maxms":\(Double(seen.longest) / 1000),\
      "watchedWithPriority":\(seen.hasPriority)}
      """
  }
}
