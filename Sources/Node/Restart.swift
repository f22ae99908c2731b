// Restart: the process begins anew, as the same program with the same arguments. A node changes its
// state store this way and no other, so that there is one path: that of a start.
//
// Not here: what is changed before (Storage), taking the node down (NodeProcess).

import Glibc

/// Beginning anew.
enum Restart {
  /// Sent to the own process when the node is to stop and begin anew.
  static let signal = SIGUSR2

  /// Asks the main thread to stop the node in order, and to begin anew. Any thread.
  static func request() { kill(getpid(), signal) }

  /// Replaces the program that runs in this process. Files, sockets and locks are closed by it.
  static func now() -> Never {
    closeOnExec()
    var arguments = CommandLine.arguments.map { strdup($0) }
    arguments.append(nil)
    execve("/proc/self/exe", arguments, environ)
    // Whoever supervises the process starts it again.
    _exit(75)
  }

  /// Marks every file but the standard ones to be closed, whoever opened it.
  private static func closeOnExec() {
    guard let directory = opendir("/proc/self/fd") else { return }
    var numbers: [Int32] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let number = Int32(name), number > 2 { numbers.append(number) }
    }
    closedir(directory)
    for number in numbers { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
  }
}
