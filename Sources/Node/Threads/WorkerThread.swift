// WorkerThread: a named operating-system thread that runs one closure.
//
// Not here: what it runs.

import CLinux
import Glibc
import Synchronization

/// A joinable thread.
struct WorkerThread: @unchecked Sendable {  // a pthread_t is a plain handle
  private let handle: pthread_t
  private let progress: Progress

  /// Starts a thread. Its name (15 bytes at most) shows in top and in core files.
  static func start(_ name: String, _ body: @escaping @Sendable () -> Void) -> WorkerThread {
    let progress = Progress()
    let box = Unmanaged.passRetained(Box(name: name, body: body, progress: progress))
    var handle = pthread_t()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 2 << 20)
    let code = pthread_create(
      &handle, &attributes,
      { raw in
        guard let raw else { return nil }
        let box = Unmanaged<Box>.fromOpaque(raw).takeRetainedValue()
        cl_name_thread(box.name)
        box.body()
        box.progress.hasReturned.store(true, ordering: .relaxed)
        return nil
      }, box.toOpaque())
    pthread_attr_destroy(&attributes)
    precondition(code == 0, "the system refuses another thread")
    return WorkerThread(handle: handle, progress: progress)
  }

  /// Waits until the closure has returned.
  func join() { pthread_join(handle, nil) }

  /// Waits until the closure has returned, or the monotonic clock passes `end` (microseconds). Returns whether it has;
  /// not to be called again then.
  func join(until end: Int64) -> Bool {
    while !progress.hasReturned.load(ordering: .relaxed) {
      guard SystemClock.monotonic() < end else { return false }
      usleep(5000)
    }
    join()
    return true
  }

  private final class Progress: Sendable {
    let hasReturned = Atomic(false)
  }

  private final class Box {
    let name: String
    let body: @Sendable () -> Void
    let progress: Progress
    init(name: String, body: @escaping @Sendable () -> Void, progress: Progress) {
      self.name = name
      self.body = body
      self.progress = progress
    }
  }
}
