// HTTPExchange: one HTTP/1.1 request and its answer over a plain, blocking socket with a deadline.
//
// Invariants: one connection per request; the answer is bounded; the descriptor is closed on every path.
// Not here: TLS, keep-alive, chunked answers (the admin port sends none), and what to ask (AdminClient).

import Glibc

/// An answer.
struct HTTPAnswer {
  var status: Int
  var body: [UInt8]
}

/// Why there is no answer.
struct HTTPTrouble: Error, CustomStringConvertible {
  let description: String
  /// Part of the request may have reached the node, so it may have been executed.
  let wasSent: Bool
}

/// One request to one node.
struct HTTPExchange {
  private static let answerBytesMax = 64 << 20
  private static let headBytesMax = 65_536
  private static let connectSecondsMax = 3.0

  let url: AdminURL
  private let deadline: Double
  private var descriptor: Int32 = -1

  /// Sends `head` and `body` and reads the answer. `seconds` covers everything.
  static func run(_ url: AdminURL, request: [UInt8], seconds: Double) -> Result<
    HTTPAnswer, HTTPTrouble
  > {
    var exchange = HTTPExchange(url: url, deadline: Self.now() + seconds)
    defer { if exchange.descriptor >= 0 { close(exchange.descriptor) } }
    do throws(HTTPTrouble) {
      try exchange.connect()
      try exchange.send(request)
      return .success(try exchange.receive())
    } catch {
      return .failure(error)
    }
  }

  private init(url: AdminURL, deadline: Double) {
    self.url = url
    self.deadline = deadline
  }

  /// Seconds of the monotonic clock.
  static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  // MARK: Steps

  private mutating func connect() throws(HTTPTrouble) {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(url.host, String(url.port), &hints, &list)
    guard code == 0 else { throw trouble(String(cString: gai_strerror(code)), wasSent: false) }
    defer { freeaddrinfo(list) }
    var last = "no address"
    var next = list
    while let info = next?.pointee {
      next = info.ai_next
      let type = info.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
      let descriptor = socket(info.ai_family, type, info.ai_protocol)
      guard descriptor >= 0 else { continue }
      self.descriptor = descriptor
      if Glibc.connect(descriptor, info.ai_addr, info.ai_addrlen) == 0 { return }
      var reason = errno
      if reason == EINPROGRESS {
        guard wait(Int16(POLLOUT), until: min(deadline, Self.now() + Self.connectSecondsMax)) else {
          throw trouble("no connection in time", wasSent: false)
        }
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &reason, &length)
      }
      if reason == 0 { return }
      last = String(cString: strerror(reason))
      close(descriptor)
      self.descriptor = -1
    }
    throw trouble(last, wasSent: false)
  }

  private func send(_ bytes: [UInt8]) throws(HTTPTrouble) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { p in
        p.baseAddress.map {
          Glibc.send(descriptor, $0 + sent, p.count - sent, Int32(MSG_NOSIGNAL))
        } ?? 0
      }
      if count > 0 {
        sent += count
      } else if errno == EAGAIN {
        guard wait(Int16(POLLOUT), until: deadline) else { throw timedOut }
      } else if errno != EINTR {
        throw trouble(String(cString: strerror(errno)), wasSent: sent > 0)
      }
    }
  }

  private func receive() throws(HTTPTrouble) -> HTTPAnswer {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    var head: Head?
    while true {
      if head == nil { head = try parseHead(bytes) }
      if let head, bytes.count >= head.end + head.length {
        return HTTPAnswer(
          status: head.status, body: Array(bytes[head.end..<head.end + head.length]))
      }
      let count = recv(descriptor, &chunk, chunk.count, 0)
      if count > 0 {
        bytes.append(contentsOf: chunk[..<count])
      } else if count == 0 {
        throw trouble("the connection was closed before the answer was whole", wasSent: true)
      } else if errno == EAGAIN {
        guard wait(Int16(POLLIN), until: deadline) else { throw timedOut }
      } else if errno != EINTR {
        throw trouble(String(cString: strerror(errno)), wasSent: true)
      }
    }
  }

  // MARK: The head of the answer

  private struct Head {
    var status: Int
    var end: Int
    var length: Int
  }

  /// `nil` while the head is not complete.
  private func parseHead(_ bytes: [UInt8]) throws(HTTPTrouble) -> Head? {
    guard let range = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
      guard bytes.count < Self.headBytesMax else { throw trouble("no HTTP answer", wasSent: true) }
      return nil
    }
    let lines = String(decoding: bytes[..<range.lowerBound], as: UTF8.self).split(separator: "\r\n")
    let first = lines.first?.split(separator: " ") ?? []
    guard first.count >= 2, first[0].hasPrefix("HTTP/1."), let status = Int(first[1]) else {
      throw trouble("no HTTP answer", wasSent: true)
    }
    var length: Int?
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == "content-length"
      else { continue }
      length = Int(line[line.index(after: colon)...].filter { $0 != " " })
    }
    guard let length, (0...Self.answerBytesMax).contains(length) else {
      throw trouble("an answer without a usable length", wasSent: true)
    }
    return Head(status: status, end: range.upperBound, length: length)
  }

  // MARK: Waiting

  private func wait(_ events: Int16, until end: Double) -> Bool {
    while true {
      let left = end - Self.now()
      guard left > 0 else { return false }
      var item = pollfd(fd: descriptor, events: events, revents: 0)
      let count = poll(&item, 1, Int32(min(left * 1000 + 1, 60_000)))
      if count > 0 { return true }
      if count < 0, errno != EINTR { return false }
    }
  }

  private var timedOut: HTTPTrouble { trouble("no answer in time", wasSent: true) }

  private func trouble(_ text: String, wasSent: Bool) -> HTTPTrouble {
    HTTPTrouble(description: "\(url): \(text)", wasSent: wasSent)
  }
}
