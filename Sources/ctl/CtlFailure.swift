// CtlFailure: how a command of exctl fails: one line, and an exit code that scripts can use.

/// The exit codes. They are part of the interface: add, never renumber. Wrong usage is 64 (ArgumentParser's).
enum ExitStatus {
  /// The cluster refused, the check failed, or the outcome is unknown.
  static let failed: Int32 = 1
  /// No node could be reached.
  static let unreachable: Int32 = 2

  static let help = """
    Exit codes:
      0   done
      1   refused, failed, or not healthy; the last line of standard error says why
      2   no node could be reached
      64  wrong usage
    """
}

/// A failed command.
struct CtlFailure: Error, CustomStringConvertible {
  let description: String
  let code: Int32

  init(_ description: String, code: Int32 = ExitStatus.failed) {
    self.description = description
    self.code = code
  }
}
