// StreamRequest: a control message of a market stream connection, and the refusal that it may earn.
//
// Invariant: `id` is kept as JSON text, so that it is echoed as it was sent, whatever its type.
// Not here: what the methods do (StreamSession).

/// Why a control message was refused, as JSON: `{"error":{"code":2,"msg":"..."},"id":1}`.
struct StreamRefusal: Error {
  let json: [UInt8]

  init(_ code: Int, _ message: String, id: [UInt8]) {
    var writer = JSONWriter(capacity: 128)
    writer.object {
      $0.key("error")
      $0.object {
        $0.field("code", code)
        $0.field("msg", message)
      }
      $0.key("id")
      $0.raw(id)
    }
    json = writer.bytes
  }
}

/// A parsed control message.
struct StreamRequest {
  enum Method: String, CaseIterable {
    case subscribe = "SUBSCRIBE"
    case unsubscribe = "UNSUBSCRIBE"
    case listSubscriptions = "LIST_SUBSCRIPTIONS"
    case setProperty = "SET_PROPERTY"
    case getProperty = "GET_PROPERTY"
  }

  let method: Method
  /// JSON text of the id; `null` if none was sent.
  let id: [UInt8]
  /// The elements of `params`; `nil` if it was not sent.
  private let sent: [JSONValue]?
  private let bytes: Int

  var parameters: [JSONValue] { sent ?? [] }

  init(_ text: [UInt8]) throws(StreamRefusal) {
    let null = Array("null".utf8)
    let value: JSONValue
    do {
      value = try JSONValue.parse(text, depthMax: 8, bytesMax: StreamSession.messageBytesMax)
    } catch {
      let (line, column) = Self.place(error.offset, in: text)
      throw StreamRefusal(
        3, "Invalid JSON: expected value at line \(line) column \(column)", id: null)
    }
    guard case .object = value else {
      throw StreamRefusal(2, "Invalid request: expected a JSON object", id: null)
    }
    guard let id = Self.id(value["id"]) else {
      throw StreamRefusal(
        2, "Invalid request: request ID must be an unsigned integer", id: null)
    }
    self.id = id
    bytes = text.count
    method = try Self.method(value["method"], text, id: id)
    switch value["params"] {
    case nil, .null?: sent = nil
    case .array(let elements)?: sent = elements
    default: throw StreamRefusal(2, "Invalid request: params must be an array", id: id)
    }
  }

  func refusal(_ code: Int, _ message: String) -> StreamRefusal {
    StreamRefusal(code, message, id: id)
  }

  /// The stream names in `params`.
  func names() throws(StreamRefusal) -> [String] {
    guard let sent else {
      throw refusal(2, "Invalid request: missing field `params` at line 1 column \(bytes)")
    }
    var names: [String] = []
    for value in sent {
      guard let name = value.text, StreamName.isWellFormed(name) else {
        throw refusal(2, "Invalid request: invalid stream")
      }
      names.append(name)
    }
    return names
  }

  /// The first parameter must name the only property there is.
  func checkProperty(parameters count: Int) throws(StreamRefusal) {
    guard let first = parameters.first else {
      throw refusal(2, "Invalid request: missing field `params` at line 1 column \(bytes)")
    }
    guard let name = first.text else {
      throw refusal(2, "Invalid request: property name must be a string")
    }
    guard parameters.count <= count else {
      throw refusal(2, "Invalid request: too many parameters")
    }
    guard name == "combined" else { throw refusal(0, "Unknown property") }
  }

  // MARK: Parts

  /// JSON text of an id: a 64-bit integer, a string of at most 36 characters, or null. `nil`:
  /// something else.
  private static func id(_ value: JSONValue?) -> [UInt8]? {
    switch value {
    case nil, .null?: return Array("null".utf8)
    case .number(let text)?: return Int64(text) == nil ? nil : Array(text.utf8)
    case .string(let text)? where text.count <= 36:
      var json = JSONWriter(capacity: 48)
      json.string(text)
      return json.bytes
    default: return nil
    }
  }

  private static func method(
    _ value: JSONValue?, _ text: [UInt8], id: [UInt8]
  ) throws(StreamRefusal) -> Method {
    guard let value else {
      throw StreamRefusal(
        2, "Invalid request: missing field `method` at line 1 column \(text.count)", id: id)
    }
    guard let name = value.text else {
      throw StreamRefusal(2, "Invalid request: method must be a string", id: id)
    }
    if let method = Method(rawValue: name) { return method }
    let all = Method.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
    let (line, column) = place(end(of: name, in: text), in: text)
    throw StreamRefusal(
      2,
      "Invalid request: unknown variant `\(name.prefix(64))`, expected one of \(all) "
        + "at line \(line) column \(column)", id: id)
  }

  /// Offset of the quotation mark behind a string that stands in the text.
  private static func end(of name: String, in text: [UInt8]) -> Int {
    let quoted = Array("\"\(name)\"".utf8)
    guard quoted.count <= text.count else { return text.count }
    for start in 0...(text.count - quoted.count)
    where text[start..<start + quoted.count].elementsEqual(quoted) {
      return start + quoted.count - 1
    }
    return text.count
  }

  /// Line and column (both from 1) of an offset.
  private static func place(_ offset: Int, in text: [UInt8]) -> (line: Int, column: Int) {
    let before = text.prefix(offset)
    let newline = UInt8(ascii: "\n")
    let line = before.count(where: { $0 == newline }) + 1
    let column = offset - (before.lastIndex(of: newline).map { $0 + 1 } ?? 0) + 1
    return (line, column)
  }
}
