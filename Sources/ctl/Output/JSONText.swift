// JSONText: JSON values for people: indented text, and the short form of one value for a table cell.

import Gateway

extension JSONValue {
  /// Indented JSON, numbers as they were written.
  func indented(_ depth: Int = 0) -> String {
    let inner = String(repeating: "  ", count: depth + 1)
    let outer = String(repeating: "  ", count: depth)
    switch self {
    case .array(let values) where !values.isEmpty:
      let parts = values.map { inner + $0.indented(depth + 1) }
      return "[\n\(parts.joined(separator: ",\n"))\n\(outer)]"
    case .object(let fields) where !fields.isEmpty:
      let parts = fields.map { field in
        "\(inner)\(Self.quoted(field.name)): \(field.value.indented(depth + 1))"
      }
      return "{\n\(parts.joined(separator: ",\n"))\n\(outer)}"
    case .array: return "[]"
    case .object: return "{}"
    case .null: return "null"
    case .bool(let flag): return flag ? "true" : "false"
    case .number(let text): return text
    case .string(let text): return Self.quoted(text)
    }
  }

  /// The value as a table shows it.
  var cell: String {
    switch self {
    case .null: "-"
    case .bool(let flag): flag ? "yes" : "no"
    case .number(let text): text
    case .string(let text): text.isEmpty ? "-" : text
    case .array(let values): values.isEmpty ? "-" : values.map(\.cell).joined(separator: ",")
    case .object(let fields): fields.map { "\($0.name)=\($0.value.cell)" }.joined(separator: " ")
    }
  }

  /// The cell of the member called `name`, `-` if there is none.
  func cell(_ name: String) -> String { self[name]?.cell ?? "-" }

  private static func quoted(_ text: String) -> String {
    var writer = JSONWriter()
    writer.string(text)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
