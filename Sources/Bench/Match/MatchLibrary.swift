// MatchLibrary: a matching engine behind the referee's C interface, loaded at run time.
//
// Not here: the loop that is timed (CMatch); whether the reports are right (the referee's harness).

import ArgumentParser
import CMatch
import Glibc

struct MatchLibrary {
  let path: String
  private var functions = cm_library()

  /// - Throws: `ValidationError` if the library cannot be loaded, or a function is missing.
  init(path: String) throws {
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      throw ValidationError(String(cString: dlerror()))
    }
    self.path = path
    func symbol<T>(_ name: String, _: T.Type) throws -> T {
      guard let address = dlsym(handle, name) else {
        throw ValidationError("\(path) has no \(name)")
      }
      return unsafeBitCast(address, to: T.self)
    }
    functions.`init` = try symbol("engine_init", type(of: functions.`init`))
    functions.on_new_order = try symbol("engine_on_new_order", type(of: functions.on_new_order))
    functions.on_cancel = try symbol("engine_on_cancel", type(of: functions.on_cancel))
    functions.on_modify = try symbol("engine_on_modify", type(of: functions.on_modify))
    functions.shutdown = try symbol("engine_shutdown", type(of: functions.shutdown))
  }

  /// Hands all messages to a new engine.
  func run(_ workload: MatchWorkload) -> cm_figures {
    withUnsafePointer(to: functions) {
      cm_replay($0, workload.messages.baseAddress, UInt64(workload.count))
    }
  }
}
