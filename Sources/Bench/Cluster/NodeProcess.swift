// NodeProcess: starts, kills and measures one exnode process.
//
// Invariant: a process that was started is reaped by `kill`.
// Not here: which flags a node gets (SpawnedCluster).

import Glibc

/// A child process.
final class NodeProcess {
  let executable: String
  let arguments: [String]
  let logPath: String
  private(set) var pid: pid_t = 0

  init(executable: String, arguments: [String], logPath: String) {
    self.executable = executable
    self.arguments = arguments
    self.logPath = logPath
  }

  /// Starts it with standard output and error appended to the log file.
  func start() throws(BenchError) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let flags = O_WRONLY | O_CREAT | O_APPEND
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, logPath, flags, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) }
    argv.append(nil)
    defer { for pointer in argv { free(pointer) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, executable, &actions, nil, argv, environ)
    guard code == 0 else {
      throw BenchError("cannot start \(executable): \(String(cString: strerror(code)))")
    }
    pid = child
  }

  /// Sends a signal and waits for the end of the process.
  func kill(_ signal: Int32) {
    guard pid != 0 else { return }
    _ = Glibc.kill(pid, signal)
    var status: Int32 = 0
    _ = waitpid(pid, &status, 0)
    pid = 0
  }

  /// CPU seconds used so far (user and system), from /proc; `nil` if the process is gone.
  static func cpuSeconds(of pid: pid_t) -> Double? {
    guard let text = readText("/proc/\(pid)/stat"), let close = text.lastIndex(of: ")") else {
      return nil
    }
    let fields = text[text.index(after: close)...].split(separator: " ")
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
      return nil
    }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// Resident memory in bytes, from /proc; `nil` if the process is gone.
  static func residentBytes(of pid: pid_t) -> Int? {
    guard let text = readText("/proc/\(pid)/statm") else { return nil }
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}

/// What goes wrong for the user of exbench, as one sentence.
struct BenchError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The whole content of a small file, or `nil`.
func readText(_ path: String) -> String? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 64 * 1024)
  while true {
    let count = fread(&chunk, 1, chunk.count, file)
    if count == 0 { break }
    bytes.append(contentsOf: chunk[..<count])
  }
  return String(decoding: bytes, as: UTF8.self)
}

/// Creates or replaces a file with the given permissions.
func writeText(_ path: String, _ text: String, mode: mode_t = 0o600) throws(BenchError) {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
  guard descriptor >= 0 else {
    throw BenchError("cannot write \(path): \(String(cString: strerror(errno)))")
  }
  defer { close(descriptor) }
  let bytes = Array(text.utf8)
  guard write(descriptor, bytes, bytes.count) == bytes.count else {
    throw BenchError("cannot write \(path): \(String(cString: strerror(errno)))")
  }
}
