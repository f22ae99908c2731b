// WorkerThread: a named operating-system thread that runs one closure.
//
// Not here: what it runs.

import CLinux
import Glibc

/// A joinable thread.
struct WorkerThread: @unchecked Sendable {  // a pthread_t is a plain handle
  private let handle: pthread_t

  /// Starts a thread. Its name (15 bytes at most) shows in top and in core files.
  static func start(_ name: String, _ body: @escaping @Sendable () -> Void) -> WorkerThread {
    let box = Unmanaged.passRetained(Box(name: name, body: body))
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
        return nil
      }, box.toOpaque())
    pthread_attr_destroy(&attributes)
    precondition(code == 0, "the system refuses another thread")
    return WorkerThread(handle: handle)
  }

  /// Waits until the closure has returned.
  func join() { pthread_join(handle, nil) }

  private final class Box {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }
}
