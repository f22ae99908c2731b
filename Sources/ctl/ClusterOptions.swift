// ClusterOptions: the options that every command takes, and the client they make.

import ArgumentParser
import Gateway
import Glibc

/// How results are printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case table
  case json
}

/// How results are printed.
struct OutputOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "table or json.")
  var output: OutputFormat = .table

  /// Prints `value` as JSON, or `table` for people.
  func show(_ value: JSONValue, table: () -> String) {
    print(output == .json ? value.indented() : table())
  }

  /// Prints an object, one member a line in the table form.
  func show(_ value: JSONValue) {
    show(value) {
      guard case .object(let fields) = value else { return value.cell }
      let width = fields.map(\.name.count).max() ?? 0
      return fields.map { field in
        field.name + String(repeating: " ", count: width + 2 - field.name.count) + field.value.cell
      }.joined(separator: "\n")
    }
  }
}

/// Where the cluster is, and how results are printed.
struct ClusterOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Admin URLs, comma separated; the next one is tried when a node is down. Default: $CASTLE_ADMIN_URLS.",
      valueName: "urls"))
  var adminUrls: String?

  @Option(
    help: ArgumentHelp(
      "File with the admin token. Default: $CASTLE_ADMIN_TOKEN_FILE.", valueName: "file"))
  var adminTokenFile: String?

  @Option(help: ArgumentHelp("Seconds that one node may take to answer.", valueName: "seconds"))
  var timeout: Double = 15

  @OptionGroup var printing: OutputOptions

  func validate() throws {
    guard timeout > 0, timeout <= 3600 else {
      throw ValidationError("--timeout must be above 0 and at most 3600")
    }
  }

  /// The client for the given or default addresses.
  func client() throws -> AdminClient {
    guard let text = adminUrls ?? Self.environment("CASTLE_ADMIN_URLS") else {
      throw ValidationError("no admin URLs: give --admin-urls or set CASTLE_ADMIN_URLS")
    }
    guard let urls = AdminURL.list(text) else {
      throw ValidationError(
        "'\(text)' is no list such as http://127.0.0.1:7081,http://127.0.0.1:7082")
    }
    guard let file = adminTokenFile ?? Self.environment("CASTLE_ADMIN_TOKEN_FILE") else {
      throw ValidationError(
        "no admin token: give --admin-token-file or set CASTLE_ADMIN_TOKEN_FILE")
    }
    return AdminClient(urls: urls, token: try Self.token(file), seconds: timeout)
  }

  /// Makes a call on whichever node answers, and shows the answer; `table`: what people see of it. The call is made
  /// after the client: an address that is missing is told first.
  func show(
    _ call: @autoclosure () throws -> AdminClient.Call, table: ((JSONValue) -> String)? = nil
  ) throws {
    let answer = try client().send(try call())
    guard let table else { return printing.show(answer) }
    printing.show(answer) { table(answer) }
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func token(_ file: String) throws(CtlFailure) -> String {
    let bytes = try smallFile(file, what: "admin token file", bytesMax: 4096)
    let token = String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
    guard !token.isEmpty, token.utf8.allSatisfy({ $0 < 0x7F }) else {
      throw CtlFailure(
        "admin token file \(file) holds no token (printable ASCII)")
    }
    return token
  }
}

/// The bytes of a file that has at most `bytesMax`.
func smallFile(_ path: String, what: String, bytesMax: Int) throws(CtlFailure) -> [UInt8] {
  func failure() -> CtlFailure {
    CtlFailure("\(what) \(path): \(String(cString: strerror(errno)))")
  }
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw failure() }
  defer { close(descriptor) }
  var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
  var count = 0
  while count < bytes.count {
    let more = bytes.withUnsafeMutableBytes { p in
      p.baseAddress.map { read(descriptor, $0 + count, p.count - count) } ?? 0
    }
    guard more >= 0 else { throw failure() }
    if more == 0 { break }
    count += more
  }
  guard count <= bytesMax else {
    throw CtlFailure("\(what) \(path): longer than \(bytesMax) bytes")
  }
  return Array(bytes[..<count])
}
